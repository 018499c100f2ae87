//! Operations: what a client asked, through which route, and what it may conclude from the answer.

use super::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What one request of the load does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Workload {
    #[serde(rename = "kv2.read")]
    Kv2Read,
    #[serde(rename = "kv2.write")]
    Kv2Write,
    /// A write with `cas` set to the version this client knows to be the newest.
    #[serde(rename = "kv2.cas")]
    Kv2Cas,
    /// Soft-deletes the newest version, whichever it is.
    #[serde(rename = "kv2.delete")]
    Kv2Delete,
    /// Brings a soft-deleted version back; the history's `version` says which.
    #[serde(rename = "kv2.undelete")]
    Kv2Undelete,
    /// Removes a version for ever; the history's `version` says which.
    #[serde(rename = "kv2.destroy")]
    Kv2Destroy,
    #[serde(rename = "approle.login")]
    ApproleLogin,
    /// One tenant asks for another's secrets, or for its own; the history's `subject` says who asked whom for what.
    #[serde(rename = "isolation.probe")]
    IsolationProbe,
    /// Fresh credentials of the database; the history's `subject` names the role and the user.
    #[serde(rename = "database.creds")]
    DatabaseCreds,
    /// Prolongs a lease of credentials.
    #[serde(rename = "database.renew")]
    DatabaseRenew,
    /// Ends a lease of credentials before its time.
    #[serde(rename = "database.revoke")]
    DatabaseRevoke,
    /// Ends every lease of one of the database's roles; the history's `subject` names the role.
    #[serde(rename = "database.revoke-prefix")]
    DatabaseRevokePrefix,
    /// The history's `subject` is the number of the ciphertext that came back, `digest` that of its plaintext and
    /// `version` the key's.
    #[serde(rename = "transit.encrypt")]
    TransitEncrypt,
    /// `subject` is the number of the ciphertext that was sent, `digest` that of the plaintext that came back.
    #[serde(rename = "transit.decrypt")]
    TransitDecrypt,
    /// As of an encryption; `digest` is that of the ciphertext that was sent.
    #[serde(rename = "transit.rewrap")]
    TransitRewrap,
    /// `version` is the key's newest.
    #[serde(rename = "transit.rotate")]
    TransitRotate,
    /// `subject` is the certificate's serial number.
    #[serde(rename = "pki.issue")]
    PkiIssue,
    /// The same.
    #[serde(rename = "pki.revoke")]
    PkiRevoke,
    /// A program of somebody else's is run once, as a client; `subject` names the secret that it is given.
    #[serde(rename = "program")]
    Program,
}

impl Workload {
    pub const ALL: [Workload; 19] = [
        Workload::Kv2Read,
        Workload::Kv2Write,
        Workload::Kv2Cas,
        Workload::Kv2Delete,
        Workload::Kv2Undelete,
        Workload::Kv2Destroy,
        Workload::ApproleLogin,
        Workload::IsolationProbe,
        Workload::DatabaseCreds,
        Workload::DatabaseRenew,
        Workload::DatabaseRevoke,
        Workload::DatabaseRevokePrefix,
        Workload::TransitEncrypt,
        Workload::TransitDecrypt,
        Workload::TransitRewrap,
        Workload::TransitRotate,
        Workload::PkiIssue,
        Workload::PkiRevoke,
        Workload::Program,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Workload::Kv2Read => "kv2.read",
            Workload::Kv2Write => "kv2.write",
            Workload::Kv2Cas => "kv2.cas",
            Workload::Kv2Delete => "kv2.delete",
            Workload::Kv2Undelete => "kv2.undelete",
            Workload::Kv2Destroy => "kv2.destroy",
            Workload::ApproleLogin => "approle.login",
            Workload::IsolationProbe => "isolation.probe",
            Workload::DatabaseCreds => "database.creds",
            Workload::DatabaseRenew => "database.renew",
            Workload::DatabaseRevoke => "database.revoke",
            Workload::DatabaseRevokePrefix => "database.revoke-prefix",
            Workload::TransitEncrypt => "transit.encrypt",
            Workload::TransitDecrypt => "transit.decrypt",
            Workload::TransitRewrap => "transit.rewrap",
            Workload::TransitRotate => "transit.rotate",
            Workload::PkiIssue => "pki.issue",
            Workload::PkiRevoke => "pki.revoke",
            Workload::Program => "program",
        }
    }

    /// Whether it is about a secret of the KV engine, which has a number.
    pub fn has_key(self) -> bool {
        self.name().starts_with("kv2.")
    }

    /// Whether an acknowledgement brings a ciphertext.
    pub fn makes_a_ciphertext(self) -> bool {
        matches!(self, Workload::TransitEncrypt | Workload::TransitRewrap)
    }

    /// The secret engine, as a blueprint names it; `None` for what needs none beyond the one that every blueprint has.
    pub fn engine(self) -> Option<&'static str> {
        match self.name().split('.').next() {
            Some("kv2") => Some("kv"),
            Some("approle" | "isolation" | "program") => None,
            engine => engine,
        }
    }

    /// Whether it needs a database that the server makes roles in.
    pub fn is_of_the_database(self) -> bool {
        matches!(
            self,
            Workload::DatabaseCreds
                | Workload::DatabaseRenew
                | Workload::DatabaseRevoke
                | Workload::DatabaseRevokePrefix
        )
    }

    /// Whether an acknowledgement means that a KV version was stored.
    pub fn stores_a_version(self) -> bool {
        matches!(self, Workload::Kv2Write | Workload::Kv2Cas)
    }

    /// Whether an acknowledgement means that a KV version may be gone.
    pub fn removes_a_version(self) -> bool {
        matches!(self, Workload::Kv2Delete | Workload::Kv2Destroy)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a client chooses the node it sends to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// The node last seen active; the last known leader while none is seen.
    Leader,
    /// Each node in turn, dead or alive: a load balancer without health checks.
    Any,
    /// The nodes last seen as standby, in turn.
    Standby,
    /// The nodes that a Kubernetes readiness probe would keep in the service, in turn.
    Healthy,
    Node(NodeId),
}

impl Route {
    /// Whether everything goes to the same node, whichever that is.
    pub fn is_one_node(&self) -> bool {
        matches!(self, Route::Leader | Route::Node(_))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Route::Leader => "leader",
            Route::Any => "any",
            Route::Standby => "standby",
            Route::Healthy => "healthy",
            Route::Node(id) => id.as_str(),
        })
    }
}

impl From<&str> for Route {
    fn from(text: &str) -> Self {
        match text {
            "leader" => Route::Leader,
            "any" => Route::Any,
            "standby" => Route::Standby,
            "healthy" => Route::Healthy,
            node => Route::Node(NodeId::new(node)),
        }
    }
}

impl Serialize for Route {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Route::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// What the client may conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Acknowledged.
    Ok,
    /// Certainly without effect: never sent, or refused by an answer that says so.
    Failed,
    /// May have taken effect, now or later: timeout, reset after sending, 500.
    Unknown,
}

/// Why an operation was not acknowledged. `Status` keeps the HTTP status beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    ConnectRefused,
    ConnectTimeout,
    /// Any other trouble before the request was sent (reset in the TLS handshake, no route).
    Connect,
    /// This machine had no socket or port left: the harness's trouble, not the server's.
    Exhausted,
    /// The connection broke after the request was sent.
    Reset,
    /// No answer until the deadline.
    Timeout,
    /// An answer with an unexpected status.
    Status,
    /// A standby that could not forward answered with a redirect.
    Redirect,
    /// Refused by the policy what it need not grant, such as anything of others: what should happen.
    Denied,
    /// There is no secret of that name.
    NotFound,
    /// Another version than the expected one was there.
    CasConflict,
    /// No node fits the route right now.
    NoNode,
    /// An answer that could not be read as what the API documents.
    Malformed,
    /// A program ended with an exit code other than 0, which stands in `status`.
    Exit,
    /// A program was ended by a signal that we did not send; its number stands in `status`.
    Signal,
    /// A program could not be started: the harness's trouble, not the server's.
    Spawn,
}

impl ErrorKind {
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::ConnectRefused => "connection refused",
            ErrorKind::ConnectTimeout => "connect timeout",
            ErrorKind::Connect => "connect failed",
            ErrorKind::Exhausted => "no socket left on this machine",
            ErrorKind::Reset => "connection reset",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Status => "status",
            ErrorKind::Redirect => "redirect to the old leader",
            ErrorKind::Denied => "denied, as it should be",
            ErrorKind::NotFound => "no such secret",
            ErrorKind::CasConflict => "version conflict",
            ErrorKind::NoNode => "no node for the route",
            ErrorKind::Malformed => "malformed answer",
            ErrorKind::Exit => "exit code of the program",
            ErrorKind::Signal => "the program ended by a signal",
            ErrorKind::Spawn => "the program could not be started",
        }
    }
}

/// One line of the history. Times are microseconds on the run's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Counts up within the run, in order of the intended start within a load.
    pub id: u64,
    /// Index into [`super::Scenario::load`]; `None` for the harness's own failover probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<u16>,
    /// Which of the logical clients sent it; a client takes part in every load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<u16>,
    pub op: Workload,
    pub route: Route,
    /// Where it was sent; `None` when no node fitted the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// When it should have been sent.
    pub due_us: u64,
    /// When it was handed to the client.
    pub sent_us: u64,
    /// When the answer was complete, or the deadline.
    pub done_us: u64,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Which secret, by its number; the path is in no shareable file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<u32>,
    /// The KV version that was written or read, or that an undelete or destroy was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// First 16 hex digits of the keyed SHA-256 of the value that was sent or read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// For a check-and-set: the version that must be the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// The raft index of the answer's `X-Vault-Index`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// What it was about, where that is no key of ours: a name or number that is no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Box<str>>,
    /// The server's id of the request, under which its audit entries stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<str>>,
    /// How long what was given out lives from now on, as the answer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
}

impl Operation {
    /// From the intended start to the answer or the deadline.
    pub fn latency_us(&self) -> u64 {
        self.done_us.saturating_sub(self.due_us)
    }

    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }
}
