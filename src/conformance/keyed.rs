//! A spare server together with the keys that its initialisation gave out.

use super::{Checked, Lab, Spare};
use serde_json::json;
use std::time::Duration;

/// It is active so long after its last key.
const ACTIVE_WITHIN: Duration = Duration::from_secs(25);

/// Keys and token are for requests, and never shown.
pub struct Keyed {
    pub spare: Spare,
    /// Asks it without a token.
    pub lab: Lab,
    pub keys: Vec<String>,
    pub root_token: String,
    threshold: usize,
}

impl Lab {
    /// Initialises a spare server with so many keys, quietly; it stays sealed.
    pub async fn keyed(&self, spare: &Spare, shares: usize, threshold: usize) -> Checked<Keyed> {
        let lab = self.of(spare);
        let body = json!({ "secret_shares": shares, "secret_threshold": threshold });
        let init = lab.quietly().put("sys/init", body).await?;
        let keys = (0..shares).map(|number| init.text(&format!("/keys_base64/{number}")));
        let keys = keys.collect::<Checked<Vec<_>>>()?;
        let root_token = init.text("/root_token")?;
        Ok(Keyed { spare: spare.clone(), lab, keys, root_token, threshold })
    }

    /// Initialises a spare server that unseals itself, quietly, and waits until it is active.
    pub async fn self_unsealing(&self, spare: &Spare) -> Checked<Keyed> {
        let lab = self.of(spare);
        let body = json!({ "recovery_shares": 5, "recovery_threshold": 3 });
        let init = lab.quietly().put("sys/init", body).await?;
        let keys = (0..5).map(|number| init.text(&format!("/recovery_keys_base64/{number}")));
        let keys = keys.collect::<Checked<Vec<_>>>()?;
        let root_token = init.text("/root_token")?;
        let keyed = Keyed { spare: spare.clone(), lab, keys, root_token, threshold: 3 };
        keyed.is_active().await?;
        Ok(keyed)
    }
}

impl Keyed {
    /// Gives it its keys, quietly, waits until it is active, and asks it with its root token.
    pub async fn open(&self) -> Checked<Lab> {
        let quiet = self.lab.quietly();
        for key in self.keys.iter().take(self.threshold) {
            quiet.put("sys/unseal", json!({ "key": key })).await?.is(200)?;
        }
        self.is_active().await?;
        Ok(self.root())
    }

    /// Waits, quietly, until it is active.
    pub async fn is_active(&self) -> Checked {
        let quiet = self.lab.quietly();
        quiet.eventually(ACTIVE_WITHIN, || async { quiet.get("sys/health").await?.is(200).map(drop) }).await
    }

    /// Asks it with its root token.
    pub fn root(&self) -> Lab {
        self.lab.as_token(&self.root_token)
    }

    /// Gives it one of its keys.
    pub async fn give(&self, number: usize) -> Checked<super::Answer> {
        self.lab.put("sys/unseal", json!({ "key": self.keys[number] })).await
    }
}
