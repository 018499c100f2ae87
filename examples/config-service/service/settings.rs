//! What the service is told by its environment.

use std::fs;

pub struct Settings {
    /// API addresses of the cluster's nodes, without a trailing slash.
    pub nodes: Vec<String>,
    pub token: String,
    /// PEM.
    pub ca: Option<Vec<u8>>,
    /// The mount of the KV engine.
    pub mount: String,
    pub redis_url: String,
    pub redis_password: Option<String>,
}

impl Settings {
    pub fn from_env() -> Result<Self, String> {
        let of = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let read = |path: String| fs::read(&path).map_err(|error| format!("cannot read {path}: {error}"));
        let line = |path: String| Ok::<_, String>(String::from_utf8_lossy(&read(path)?).trim().to_owned());
        if let Some(version) = of("VAULT_KV_VERSION").filter(|version| version != "2") {
            return Err(format!("VAULT_KV_VERSION is {version}; versions and histories need 2"));
        }
        let nodes = of("VAULT_ADDR").ok_or("VAULT_ADDR names no node of the cluster")?;
        let nodes = nodes.split(',').map(|node| node.trim().trim_end_matches('/').to_owned());
        let token = match (of("VAULT_TOKEN"), of("VAULT_TOKEN_FILE")) {
            (Some(token), _) => token,
            (None, Some(path)) => line(path)?,
            (None, None) => return Err("neither VAULT_TOKEN nor VAULT_TOKEN_FILE is set".to_owned()),
        };
        Ok(Self {
            nodes: nodes.filter(|node| !node.is_empty()).collect(),
            token,
            ca: of("VAULT_CACERT").map(read).transpose()?,
            mount: of("VAULT_MOUNT_POINT")
                .unwrap_or_else(|| "secret".to_owned())
                .trim_matches('/')
                .to_owned(),
            redis_url: of("REDIS_URL").unwrap_or_else(|| "redis://127.0.0.1:6379/".to_owned()),
            redis_password: of("REDIS_PASSWORD_FILE").map(line).transpose()?,
        })
    }
}
