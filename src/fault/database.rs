//! `kill: database` and `stop: database`: the database beside the cluster is gone, and comes back. No node is touched.

use super::{Applied, Fault, FaultContext, FaultError, Injected};
use crate::cluster::Ability;
use crate::helper::{Database, PostgresError};
use crate::model::NodeId;
use async_trait::async_trait;

pub enum Away {
    Killed,
    Stopped,
}

impl From<PostgresError> for FaultError {
    fn from(error: PostgresError) -> Self {
        FaultError::Failed(error.to_string())
    }
}

fn database(context: &FaultContext) -> Result<&Database, FaultError> {
    let none = || FaultError::NotApplicable("this blueprint has no database".into());
    context.database.as_deref().ok_or_else(none)
}

impl Away {
    async fn take(&self, context: &FaultContext) -> Result<Applied, FaultError> {
        let database = database(context)?;
        let (at, evidence) = match self {
            Away::Killed => database.kill().await?,
            Away::Stopped => database.stop().await?,
        };
        Ok(Applied { at_ms: context.journal.ms_of(at), evidence })
    }
}

#[async_trait]
impl Fault for Away {
    fn needs(&self) -> Vec<Ability> {
        vec![Ability::StopDatabase]
    }

    async fn inject(&self, context: &FaultContext, _id: &str, _nodes: &[NodeId]) -> Injected {
        let applied = self.take(context).await.map_err(|error| error.to_string());
        Injected { hit: Vec::new(), applied }
    }

    async fn heal(&self, context: &FaultContext, _id: &str, _nodes: &[NodeId]) -> Result<String, FaultError> {
        Ok(database(context)?.bring_back().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::context;

    #[tokio::test]
    async fn without_a_database_nothing_is_done_and_that_is_said() {
        let (context, _folder) = context(&[], None);
        let injected = Away::Killed.inject(&context, "f1", &[]).await;
        assert!(injected.applied.err().is_some_and(|why| why.contains("no database")));
        assert!(Away::Stopped.heal(&context, "f1", &[]).await.is_err());
    }
}
