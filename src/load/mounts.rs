//! Where the engines and logins that the load talks to are mounted.

use crate::model::{Blueprint, Engine, Kv, Span, Writer};

/// What a blueprint does not have is empty: no workload is for it, because the scenario's check refuses one.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    /// Below `auth/`.
    pub approle: String,
    pub kv: KvMount,
    pub transit: TransitMount,
    pub pki: PkiMount,
}

#[derive(Clone, Debug, Default)]
pub struct KvMount {
    pub path: String,
    /// Where the secrets of the load stand below it, `{tenant_id}` still in it.
    pub folders: Vec<String>,
    pub writer: Writer,
}

#[derive(Clone, Debug, Default)]
pub struct TransitMount {
    pub path: String,
    pub key: String,
}

#[derive(Clone, Debug, Default)]
pub struct PkiMount {
    pub path: String,
    pub role: String,
    /// The one name that certificates are for.
    pub domain: String,
    pub ttl: Span,
}

impl From<&str> for KvMount {
    /// A mount with a folder for each tenant.
    fn from(path: &str) -> Self {
        Self { path: path.to_owned(), folders: Kv::folders_by_default(), writer: Writer::Tenant }
    }
}

impl Mounts {
    /// `prefix` stands before every name on a cluster that is not ours.
    pub fn of(blueprint: &Blueprint, prefix: &str) -> Self {
        let mut mounts = Self { approle: format!("{prefix}{}", blueprint.approle.mount), ..Self::default() };
        // The first of each kind counts.
        for mount in blueprint.in_use().collect::<Vec<_>>().into_iter().rev() {
            let path = format!("{prefix}{}", mount.path);
            match &mount.engine {
                Engine::Kv(kv) => {
                    mounts.kv = KvMount { path, folders: kv.folders.clone(), writer: kv.writer };
                }
                Engine::Transit { key } => mounts.transit = TransitMount { path, key: key.clone() },
                Engine::Pki(pki) => {
                    let (role, domain) = (pki.role.clone(), pki.domain.clone());
                    mounts.pki = PkiMount { path, role, domain, ttl: pki.ttl };
                }
                // Its plan comes with the database itself.
                Engine::Database(_) => {}
            }
        }
        mounts
    }
}

impl TransitMount {
    /// `encrypt`, `decrypt` or `rewrap` with the key.
    pub fn path_to(&self, what: &str) -> String {
        format!("{}/{what}/{}", self.path, self.key)
    }

    pub fn key_path(&self) -> String {
        format!("{}/keys/{}", self.path, self.key)
    }
}
