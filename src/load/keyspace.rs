//! The secrets that the load reads and writes: numbered keys, spread over the tenants.
//!
//! A key's path holds a tenant id and is no secret; values are drawn from the operating system's generator and
//! never from the run's seed, which stands in shareable files.

use super::mounts::KvMount;
use crate::cluster::TenantAccess;
use crate::model::Writer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// How many keys each kind of use gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyspacePlan {
    /// Read and written by `kv2.read` and `kv2.write`.
    pub shared: u32,
    /// Each owned by one check-and-set at a time. Without any, check-and-sets are rivals for the shared ones.
    pub cas: u32,
}

pub struct Keyspace {
    plan: KeyspacePlan,
    mount: KvMount,
    tenants: Vec<TenantAccess>,
    /// Writes where tenants only read.
    operator_token: String,
    /// Stands in every value, so that a leak can be searched for.
    canary: String,
    /// Keys the digests in the history, so that a digest tells nothing of a guessable value.
    salt: [u8; 16],
}

/// The other way round: the part and the key of a path below `mount` that is one of ours.
pub fn key_of_path<'p>(mount: &str, path: &'p str) -> Option<(&'p str, u32)> {
    let (part, rest) = path.strip_prefix(mount)?.strip_prefix('/')?.split_once('/')?;
    let key = rest.rsplit_once('/')?.1.strip_prefix("vq-")?;
    Some((part, key.parse().ok()?))
}

/// A KV v2 mount keeps ten versions; a key that gets at most seven has every version read back.
const VERSIONS_PER_KEY: f64 = 7.0;

impl KeyspacePlan {
    /// `writes` and `cas_writes` are how many are planned; `cas_rate` per second decides how many can be in
    /// flight during an outage.
    pub fn for_load(writes: f64, cas_writes: f64, cas_rate: f64) -> Self {
        let shared = (writes / VERSIONS_PER_KEY).ceil().clamp(64.0, 20_000.0) as u32;
        let in_flight = cas_rate * 12.0;
        let cas = if cas_writes > 0.0 {
            (cas_writes / VERSIONS_PER_KEY).max(in_flight).ceil().clamp(16.0, 20_000.0) as u32
        } else {
            0
        };
        Self { shared, cas }
    }
}

impl Keyspace {
    pub fn new(plan: KeyspacePlan, mount: KvMount, tenants: Vec<TenantAccess>, canary: String) -> Self {
        let operator_token = String::new();
        Self { plan, mount, tenants, operator_token, canary, salt: rand::rng().random() }
    }

    /// Writes with `token` where the mount says that operators do.
    pub fn with_operator(self, token: &str) -> Self {
        Self { operator_token: token.to_owned(), ..self }
    }

    pub fn shared(&self) -> Range<u32> {
        0..self.plan.shared
    }

    pub fn cas(&self) -> Range<u32> {
        self.plan.shared..self.plan.shared + self.plan.cas
    }

    /// Keys that no load uses, for the failover probe.
    pub fn probe(&self, attempt: u32) -> u32 {
        self.plan.shared + self.plan.cas + attempt
    }

    pub fn tenant(&self, key: u32) -> &TenantAccess {
        &self.tenants[key as usize % self.tenants.len()]
    }

    /// The token that writes or removes a key.
    pub fn writer_token(&self, key: u32) -> &str {
        match self.mount.writer {
            Writer::Tenant => &self.tenant(key).token,
            Writer::Operator => &self.operator_token,
        }
    }

    /// In the order of their numbers; the first keys are one tenant's each, in this order.
    pub fn tenants(&self) -> &[TenantAccess] {
        &self.tenants
    }

    pub fn any_tenant(&self, draw: u64) -> &TenantAccess {
        &self.tenants[(draw % self.tenants.len() as u64) as usize]
    }

    /// Below the mount's `data/`, `metadata/` and so on, as the document has it.
    fn path_in(&self, part: &str, key: u32) -> String {
        self.path_beside(part, key, &format!("vq-{key}"))
    }

    /// The same for another secret of the tenant whose key this is.
    pub fn path_beside(&self, part: &str, key: u32, name: &str) -> String {
        format!("{}/{part}/{}", self.mount.path, self.below_mount(key, name))
    }

    /// The same as clients name it, who speak of the mount and of the path below it.
    pub fn below_mount(&self, key: u32, name: &str) -> String {
        // Each tenant has keys in every folder.
        let turn = key as usize / self.tenants.len();
        let folder = &self.mount.folders[turn % self.mount.folders.len()];
        let folder = folder.replace("{tenant_id}", &self.tenant(key).tenant_id);
        format!("{folder}/{name}")
    }

    pub fn data_path(&self, key: u32) -> String {
        self.path_in("data", key)
    }

    pub fn metadata_path(&self, key: u32) -> String {
        self.path_in("metadata", key)
    }

    pub fn undelete_path(&self, key: u32) -> String {
        self.path_in("undelete", key)
    }

    pub fn destroy_path(&self, key: u32) -> String {
        self.path_in("destroy", key)
    }

    pub fn mount(&self) -> &str {
        &self.mount.path
    }

    /// A value never used before.
    pub fn fresh_value(&self) -> String {
        let random: u128 = rand::rng().random();
        format!("{}-{random:032x}", self.canary)
    }

    /// Of what an answer holds in base64; `None` when it does not.
    pub fn digest_of_base64(&self, value: &str) -> Option<String> {
        STANDARD.decode(value).ok().map(|bytes| self.digest(bytes))
    }

    pub fn digest(&self, value: impl AsRef<[u8]>) -> String {
        let hash = Sha256::new().chain_update(self.salt).chain_update(value).finalize();
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyspace() -> Keyspace {
        let tenant = |id: &str| TenantAccess {
            tenant_id: id.into(),
            role_id: String::new(),
            secret_id: String::new(),
            token: String::new(),
        };
        let plan = KeyspacePlan::for_load(700.0, 70.0, 2.0);
        Keyspace::new(plan, "secret".into(), vec![tenant("t1"), tenant("t2")], "vqc-test".into())
    }

    #[test]
    fn keys_do_not_overlap_and_lie_in_their_tenants_path() {
        let keys = keyspace();
        assert_eq!(keys.shared(), 0..100);
        assert_eq!(keys.cas(), 100..124);
        assert!(keys.probe(0) >= keys.cas().end);
        assert_eq!(keys.data_path(3), "secret/data/tenants/t2/exchanges/vq-3");
        assert_eq!(key_of_path("secret", &keys.destroy_path(3)), Some(("destroy", 3)));
        for other in [
            "other/data/tenants/t2/exchanges/vq-3",
            "secret/data/tenants/t2/exchanges/mine",
            "secret/data/vq",
        ] {
            assert_eq!(key_of_path("secret", other), None, "{other}");
        }
    }

    #[test]
    fn folders_are_used_in_turn_and_operators_write_where_the_mount_says_so() {
        let folders = ["production/asr-service", "development/{tenant_id}"].map(String::from).to_vec();
        let keys = keyspace();
        assert_eq!(keys.writer_token(1), "");
        let mount = KvMount { path: "config".into(), folders, writer: Writer::Operator };
        let keys = Keyspace { mount, ..keys }.with_operator("s.root");
        assert_eq!(keys.writer_token(1), "s.root");
        let paths: Vec<_> = (0..5).map(|key| keys.data_path(key)).collect();
        assert_eq!(paths[1], "config/data/production/asr-service/vq-1");
        assert_eq!(paths[2], "config/data/development/t1/vq-2");
        assert_eq!(paths[3], "config/data/development/t2/vq-3");
        assert_eq!(paths[4], "config/data/production/asr-service/vq-4");
        assert_eq!(key_of_path("config", &paths[3]), Some(("data", 3)));
    }

    #[test]
    fn values_are_unique_and_digests_tell_them_apart() {
        let keys = keyspace();
        let (a, b) = (keys.fresh_value(), keys.fresh_value());
        assert!(a.starts_with("vqc-test-") && a != b);
        assert_eq!(keys.digest(&a), keys.digest(&a));
        assert_ne!(keys.digest(&a), keys.digest(&b));
        assert_ne!(keys.digest(&a), keyspace().digest(&a), "another run has another salt");
    }
}
