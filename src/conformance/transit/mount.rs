//! A transit mount of a case's own, with one key in it.

use crate::conformance::{Answer, Checked, Lab};
use serde_json::{Value, json};

/// `sensitive data` in base64, as in the document.
pub const PLAINTEXT: &str = "c2Vuc2l0aXZlIGRhdGE=";

/// A key's settings as the document lists them.
pub fn documented_settings() -> Value {
    json!({
        "min_decryption_version": 1,
        "min_encryption_version": 0,
        "deletion_allowed": false,
        "exportable": false,
        "allow_plaintext_backup": false,
    })
}

pub struct Transit {
    pub lab: Lab,
    /// The mount's path.
    pub path: String,
    /// The name of the one key that most cases need.
    pub key: &'static str,
}

impl Lab {
    /// A transit mount of this case's own, without a key.
    pub async fn transit_without_key(&self) -> Checked<Transit> {
        let path = self.mount("transit", "transit", json!({})).await?;
        Ok(Transit { lab: self.clone(), path, key: "workflow-data" })
    }

    /// A transit mount of this case's own with the key `workflow-data`.
    pub async fn transit(&self) -> Checked<Transit> {
        let transit = self.transit_without_key().await?;
        transit.quietly().create().await?.succeeds()?;
        Ok(transit)
    }
}

impl Transit {
    /// A path below the mount, for the key: `encrypt`, `keys`, …
    pub fn of(&self, what: &str) -> String {
        format!("{}/{what}/{}", self.path, self.key)
    }

    pub async fn create(&self) -> Checked<Answer> {
        self.lab.post(&self.of("keys"), json!({})).await
    }

    pub async fn read(&self) -> Checked<Answer> {
        self.lab.get(&self.of("keys")).await
    }

    pub async fn configure(&self, settings: Value) -> Checked<Answer> {
        self.lab.post(&format!("{}/config", self.of("keys")), settings).await
    }

    pub async fn rotate(&self) -> Checked<Answer> {
        self.lab.post(&format!("{}/rotate", self.of("keys")), json!({})).await
    }

    /// Encrypts what is base64 already.
    pub async fn encrypt(&self, plaintext: &str) -> Checked<Answer> {
        self.lab.post(&self.of("encrypt"), json!({ "plaintext": plaintext })).await
    }

    pub async fn encrypt_with(&self, plaintext: &str, version: u32) -> Checked<Answer> {
        let body = json!({ "plaintext": plaintext, "key_version": version });
        self.lab.post(&self.of("encrypt"), body).await
    }

    pub async fn decrypt(&self, ciphertext: &str) -> Checked<Answer> {
        self.lab.post(&self.of("decrypt"), json!({ "ciphertext": ciphertext })).await
    }

    pub async fn rewrap(&self, ciphertext: &str) -> Checked<Answer> {
        self.lab.post(&self.of("rewrap"), json!({ "ciphertext": ciphertext })).await
    }

    /// A ciphertext of `PLAINTEXT`, in preparation of what the case is about.
    pub async fn quiet_ciphertext(&self) -> Checked<String> {
        self.quietly().encrypt(PLAINTEXT).await?.text("/data/ciphertext")
    }

    /// The same mount and key, but what is asked is a preparation.
    pub fn quietly(&self) -> Self {
        Self { lab: self.lab.quietly(), path: self.path.clone(), key: self.key }
    }
}

/// Whether it is a ciphertext of this version of a key: `vault:v1:` and base64.
pub fn is_ciphertext(value: &Value, version: u32) -> bool {
    use base64::Engine;
    let text = value.as_str().and_then(|text| text.strip_prefix(&format!("vault:v{version}:")));
    let bytes = text.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    // A nonce of 12 bytes and a tag of 16 stand beside what was encrypted.
    bytes.is_some_and(|bytes| bytes.len() > 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_names_its_version_and_is_longer_than_nonce_and_tag() {
        let of =
            |prefix: &str| json!(format!("{prefix}w/4rKnni7AmeDKg8/6j802fTuaEAEeFeNCShd+RCGj/9Eq4+Aje5YPJW"));
        assert!(is_ciphertext(&of("vault:v1:"), 1));
        assert!(!is_ciphertext(&of("vault:v1:"), 2));
        assert!(!is_ciphertext(&of(""), 1));
        assert!(!is_ciphertext(&json!("vault:v1:AAAA"), 1));
        assert!(!is_ciphertext(&json!(1), 1));
    }
}
