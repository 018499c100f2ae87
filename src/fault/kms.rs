//! Faults of what keeps the key of the cluster's seal: gone, silent, slow, or full of errors. No node is touched: one that
//! runs has what it needs, and one that starts does not.

use super::{Applied, Fault, FaultContext, FaultError, Injected};
use crate::cluster::Ability;
use crate::helper::{TransitKms, TransitKmsError};
use crate::model::{NodeId, Span};
use async_trait::async_trait;

#[derive(Clone, Copy)]
pub enum Disturbed {
    /// Whoever dials it is refused.
    Killed,
    /// It takes connections and answers nothing.
    Paused,
    /// It answers everything with an error.
    Sealed,
    /// It answers so much later, twice.
    Slow(Span),
}

impl From<TransitKmsError> for FaultError {
    fn from(error: TransitKmsError) -> Self {
        FaultError::Failed(error.to_string())
    }
}

fn kms(context: &FaultContext) -> Result<&TransitKms, FaultError> {
    let none = || FaultError::NotApplicable("no KMS keeps the key of this seal".into());
    context.kms.as_deref().ok_or_else(none)
}

impl Disturbed {
    async fn begin(self, context: &FaultContext) -> Result<Applied, FaultError> {
        let kms = kms(context)?;
        let (at, evidence) = match self {
            Disturbed::Killed => kms.kill().await?,
            Disturbed::Paused => kms.pause().await?,
            Disturbed::Sealed => kms.seal().await?,
            Disturbed::Slow(delay) => kms.slow(delay).await?,
        };
        Ok(Applied { at_ms: context.journal.ms_of(at), evidence })
    }
}

#[async_trait]
impl Fault for Disturbed {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::DisturbKms]
    }

    async fn inject(&self, context: &FaultContext, _id: &str, _nodes: &[NodeId]) -> Injected {
        let applied = self.begin(context).await.map_err(|error| error.to_string());
        Injected { hit: Vec::new(), applied }
    }

    async fn heal(&self, context: &FaultContext, _id: &str, _nodes: &[NodeId]) -> Result<String, FaultError> {
        let kms = kms(context)?;
        Ok(match self {
            Disturbed::Killed => kms.bring_back().await?,
            Disturbed::Paused => kms.resume().await?,
            Disturbed::Sealed => kms.unseal().await?,
            Disturbed::Slow(_) => kms.at_once().await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::context;

    #[tokio::test]
    async fn without_a_kms_nothing_is_done_and_that_is_said() {
        let (context, _folder) = context(&[], None);
        for how in
            [Disturbed::Killed, Disturbed::Paused, Disturbed::Sealed, Disturbed::Slow(Span::from_ms(5))]
        {
            let injected = how.inject(&context, "f1", &[]).await;
            assert!(injected.applied.err().is_some_and(|why| why.contains("no KMS")));
            assert!(how.heal(&context, "f1", &[]).await.is_err());
        }
    }
}
