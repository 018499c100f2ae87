//! What of a run is secret, from its private folder.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::io;
use std::path::Path;

/// Something that nobody but the harness and the server may know. Like the keys themselves it cannot be printed.
pub struct Secret {
    /// What it is, without giving it away.
    pub name: String,
    pub bytes: Vec<u8>,
}

pub struct RunSecrets {
    pub secrets: Vec<Secret>,
    /// Names of the tenants: no secret, and found wherever something of theirs is written down.
    pub tenants: Vec<String>,
}

/// The part of `secrets.json` that matters here.
#[derive(Deserialize)]
struct File {
    access: Access,
    canary: String,
}

#[derive(Deserialize)]
struct Access {
    root_token: String,
    unseal_keys: Vec<String>,
    #[serde(default)]
    recovery_keys: Vec<String>,
    #[serde(default)]
    retired_keys: Vec<String>,
    #[serde(default)]
    initial_root: String,
    tenants: Vec<Tenant>,
}

#[derive(Deserialize)]
struct Tenant {
    tenant_id: String,
    secret_id: String,
    token: String,
}

/// What is shorter would be found by chance.
const LENGTH_MIN: usize = 8;

impl RunSecrets {
    /// From the run's private folder; `None` before there are any.
    pub fn read(private: &Path) -> io::Result<Option<Self>> {
        let text = match std::fs::read(private.join("secrets.json")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // The words of a parser could hold what it read.
        let file: File = serde_json::from_slice(&text)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "secrets.json cannot be read"))?;
        Ok(Some(Self::of(file)))
    }

    fn of(file: File) -> Self {
        let File { access, canary } = file;
        let mut secrets = Vec::new();
        let mut add = |name: String, bytes: Vec<u8>| {
            if bytes.len() >= LENGTH_MIN {
                secrets.push(Secret { name, bytes });
            }
        };
        add("canary".into(), canary.into_bytes());
        add("root token".into(), access.root_token.into_bytes());
        add("first root token".into(), access.initial_root.into_bytes());
        let replaced = access.retired_keys.into_iter();
        for (number, key) in access.unseal_keys.into_iter().chain(replaced).enumerate() {
            // The server also gives the keys in hex, which is another text for the same bytes.
            if let Ok(raw) = STANDARD.decode(&key) {
                add(format!("bytes of unseal key {number}"), raw);
            }
            add(format!("unseal key {number}"), key.into_bytes());
        }
        for (number, key) in access.recovery_keys.into_iter().enumerate() {
            add(format!("recovery key {number}"), key.into_bytes());
        }
        let mut tenants = Vec::new();
        for (number, tenant) in access.tenants.into_iter().enumerate() {
            add(format!("token of tenant {number}"), tenant.token.into_bytes());
            add(format!("secret_id of tenant {number}"), tenant.secret_id.into_bytes());
            tenants.push(tenant.tenant_id);
        }
        Self { secrets, tenants }
    }
}
