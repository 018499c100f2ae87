//! `isolation.probe`: one tenant asks for what belongs to another, or for its own; also nobody, and somebody with an
//! invented token.
//!
//! What changes anything is aimed at secrets that only these probes know, so that a server that lets it through has
//! harmed nobody; only what reads is aimed at a secret of the load.

use super::keyspace::Keyspace;
use super::outcome::{Done, of_failure, of_status};
use super::work::Work;
use crate::model::{Asker, ErrorKind, Probe, Verb};
use crate::vault::{Wire, request};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use rand::RngExt;
use rand::distr::Alphanumeric;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The secret that the probes do everything to, and how those begin that an asker tries to make.
const PROBED: &str = "vq-probe";

pub struct IsolationProbe {
    keys: Arc<Keyspace>,
    probes: Vec<Probe>,
    /// Looks like a token.
    invented: String,
    /// How far each node has come, so that each is asked everything.
    turns: Mutex<HashMap<SocketAddr, usize>>,
}

impl IsolationProbe {
    pub fn new(keys: Arc<Keyspace>) -> Self {
        let random = rand::rng().sample_iter(Alphanumeric).take(24).map(char::from);
        let invented = format!("s.{}", random.collect::<String>());
        let probes = Probe::all(keys.tenants().len() as u16).collect();
        Self { keys, probes, invented, turns: Mutex::default() }
    }

    fn next(&self, node: SocketAddr) -> Option<Probe> {
        let mut turns = self.turns.lock().unwrap();
        let turn = turns.entry(node).or_default();
        let probe = self.probes.get(*turn % self.probes.len().max(1)).copied();
        *turn += 1;
        probe
    }

    fn request(&self, probe: Probe) -> Request<Full<Bytes>> {
        let tenants = self.keys.tenants();
        let owner = u32::from(probe.owner - 1);
        let token = match probe.asker {
            Asker::Tenant(number) => Some(tenants[usize::from(number - 1)].token.as_str()),
            Asker::Nobody => None,
            Asker::Invented => Some(self.invented.as_str()),
        };
        // There from the owner's own first update on.
        let kept = |part: &str| self.keys.path_beside(part, owner, PROBED);
        // Each asker's own, so that it is never there when its creation is tried.
        let made = |part: &str| self.keys.path_beside(part, owner, &format!("{PROBED}-of-{}", probe.asker));
        let secret = || json!({ "data": { "api_key": "probe" } });
        let versions = || json!({ "versions": [1] });
        let (method, path, body) = match probe.verb {
            Verb::Create => ("POST", made("data"), secret()),
            Verb::Update => ("POST", kept("data"), secret()),
            Verb::Read => ("GET", self.keys.data_path(owner), Value::Null),
            Verb::List => ("LIST", self.keys.path_beside("metadata", owner, ""), Value::Null),
            Verb::Patch => ("PATCH", kept("data"), secret()),
            Verb::ReadSubkeys => ("GET", self.keys.path_beside("subkeys", owner, PROBED), Value::Null),
            Verb::ReadMetadata => ("GET", self.keys.metadata_path(owner), Value::Null),
            Verb::UpdateMetadata => ("POST", kept("metadata"), json!({ "max_versions": 10 })),
            Verb::Delete => ("DELETE", kept("data"), Value::Null),
            Verb::Undelete => ("POST", kept("undelete"), versions()),
            Verb::DeleteVersions => ("POST", kept("delete"), versions()),
            Verb::Destroy => ("POST", kept("destroy"), versions()),
            Verb::DeleteMetadata => ("DELETE", made("metadata"), Value::Null),
        };
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let mut asked = request(method, &path, token, body);
        if probe.verb == Verb::Patch {
            // Any other type is refused before anybody looks at the policy.
            let merge = HeaderValue::from_static("application/merge-patch+json");
            asked.headers_mut().insert(CONTENT_TYPE, merge);
        }
        asked
    }
}

/// The other way round, for what changes something: what was tried on a secret of the probes' below `mount`.
pub fn verb_of_probe(mount: &str, path: &str, operation: &str) -> Option<Verb> {
    let (part, secret) = path.strip_prefix(mount)?.strip_prefix('/')?.split_once('/')?;
    let name = secret.strip_prefix("tenants/")?.rsplit('/').next()?;
    if name != PROBED && !name.starts_with(&format!("{PROBED}-of-")) {
        return None;
    }
    match (part, operation) {
        ("data", "delete") => Some(Verb::Delete),
        ("undelete", "create" | "update") => Some(Verb::Undelete),
        ("delete", "create" | "update") => Some(Verb::DeleteVersions),
        ("destroy", "create" | "update") => Some(Verb::Destroy),
        ("metadata", "create" | "update") => Some(Verb::UpdateMetadata),
        ("metadata", "delete") => Some(Verb::DeleteMetadata),
        _ => None,
    }
}

#[async_trait]
impl Work for IsolationProbe {
    async fn run(&self, wire: &Wire, _draw: u64, deadline: Duration) -> Option<Done> {
        let probe = self.next(wire.address())?;
        let done = match wire.send(self.request(probe), deadline).await {
            Err(failure) => of_failure(failure),
            Ok(answer) => of_status(&answer),
        };
        // What a tenant may do with its own beyond that is for the policy to say.
        let is_due = probe.is_own() && probe.verb.is_indispensable();
        let error = match done.status {
            Some(403) if !is_due => Some(ErrorKind::Denied),
            _ => done.error,
        };
        Some(Done { error, subject: Some(probe.to_string().into()), ..done })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::TenantAccess;
    use crate::load::KeyspacePlan;
    use crate::model::Outcome;
    use crate::vault::testing::Scripted;

    fn probes() -> IsolationProbe {
        let tenant = |id: &str| TenantAccess {
            tenant_id: id.into(),
            role_id: String::new(),
            secret_id: String::new(),
            token: format!("token-of-{id}"),
        };
        let tenants = vec![tenant("a"), tenant("b")];
        let plan = KeyspacePlan { shared: 8, cas: 0 };
        IsolationProbe::new(Arc::new(Keyspace::new(plan, "secret".into(), tenants, "canary".into())))
    }

    #[test]
    fn what_was_tried_is_told_by_path_and_operation() {
        let probes = probes();
        for probe in probes.probes.iter().filter(|probe| probe.verb > Verb::ReadMetadata) {
            let asked = probes.request(*probe);
            let operation = if asked.method() == "DELETE" { "delete" } else { "update" };
            let path = asked.uri().path().trim_start_matches("/v1/");
            assert_eq!(verb_of_probe("secret", path, operation), Some(probe.verb), "{probe}: {path}");
        }
        assert_eq!(verb_of_probe("secret", "secret/data/tenants/a/vq-7", "delete"), None);
    }

    #[test]
    fn what_changes_anything_is_aimed_at_no_secret_of_the_load() {
        let probes = probes();
        for probe in &probes.probes {
            let asked = probes.request(*probe);
            let reads = matches!(asked.method().as_str(), "GET" | "LIST");
            let path = asked.uri().path();
            assert!(reads || path.contains("/exchanges/vq-probe"), "{probe}: {path}");
            let owner = if probe.owner == 1 { "/tenants/a/" } else { "/tenants/b/" };
            assert!(path.contains(owner), "{probe}: {path}");
        }
    }

    #[tokio::test]
    async fn each_node_is_asked_everything_and_a_denial_is_what_a_stranger_should_get() {
        let node = Scripted::start(|_, _| Some((403, json!({ "errors": ["permission denied"] })))).await;
        let wire = Wire::new(&node.endpoint).unwrap();
        let probes = probes();
        let mut subjects = std::collections::BTreeSet::new();
        for _ in 0..probes.probes.len() {
            let done = probes.run(&wire, 0, Duration::from_secs(5)).await.unwrap();
            let subject = done.subject.unwrap();
            let probe: Probe = subject.parse().unwrap();
            let is_due = probe.is_own() && probe.verb.is_indispensable();
            let expected = if is_due { ErrorKind::Status } else { ErrorKind::Denied };
            assert_eq!((done.outcome, done.error, done.status), (Outcome::Failed, Some(expected), Some(403)));
            subjects.insert(subject);
        }
        assert_eq!(subjects.len(), 2 * 4 * Verb::ALL.len());
    }
}
