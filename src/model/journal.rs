//! The journal: everything that happened and was seen, beside the operations of the history.
//! One JSON object a line, `t_ms` on the run's clock.

use super::{
    AlertForm, AlertState, AuditRead, ConfigurationChange, Credential, FaultKind, Impairment, LinkFault,
    LoadedRule, NodeId, PlaintextSearch, Role, SnapshotFirst, Strain, Target,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since the run began, when it was seen.
    pub t_ms: f64,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Setup,
    WarmUp,
    Steady,
    Fault,
    Recovery,
    Collect,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Phase::Setup => "setup",
            Phase::WarmUp => "warm-up",
            Phase::Steady => "steady",
            Phase::Fault => "fault",
            Phase::Recovery => "recovery",
            Phase::Collect => "collect",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeWhen {
    Before,
    During,
    After,
}

/// Delays of probe packets in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DelayMs {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

/// What ends a credential, beside its time to live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndRule {
    #[default]
    LeftAlone,
    /// Renewed as long as it lives, and it may not live longer than this.
    RenewedUntil { max_ttl_ms: f64 },
    /// Renewed for a while and then left alone.
    Renewed,
    /// So many uses.
    Uses(u32),
    /// The revocation of this subject, which may be itself.
    RevokedWith(String),
    /// Nothing: it must survive the revocation of this subject.
    Survives(String),
}

impl EndRule {
    fn is_left_alone(&self) -> bool {
        *self == EndRule::LeftAlone
    }
}

/// What is done with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Renew,
    Use,
    Revoke,
}

/// Something that nodes do not agree about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeDifference {
    /// What was asked for, below `/v1/`.
    pub path: String,
    /// JSON pointers to what is not the same.
    pub fields: Vec<String>,
    pub answers: Vec<NodeAnswer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeAnswer {
    pub node: NodeId,
    /// 0 without an answer.
    pub status: u16,
    /// Of the body without what may differ.
    pub digest: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A phase begins, and with it the one before ends.
    Phase {
        phase: Phase,
    },
    /// A step of bringing the cluster up or setting it up is done.
    SetUp {
        step: String,
        took_ms: f64,
    },
    /// A node asked to join; it is a voter from `voter_ms` on.
    NodeJoined {
        node: NodeId,
        requested_ms: f64,
        voter_ms: f64,
    },
    /// Full number of healthy voters for the first time; counted from the first process start. `reused_state`: the first
    /// node came back with a store that an earlier run had kept.
    ClusterReady {
        took_ms: f64,
        reused_state: bool,
    },

    /// A rate stage of a ramp begins (`load` is the index in the scenario).
    Stage {
        load: u16,
        rate: f64,
    },
    /// The ramp ended early: what had clearly broken.
    RampEnded {
        load: u16,
        reason: String,
    },

    /// Intent, on disk before anything is done.
    FaultRequested {
        fault: String,
        kind: FaultKind,
        target: Target,
        nodes: Vec<NodeId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<LinkFault>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strain: Option<Strain>,
    },
    /// It took hold, and this is how we know.
    FaultApplied {
        fault: String,
        evidence: String,
    },
    /// It had no effect, or could not be done. No verdict follows from it.
    FaultNotApplied {
        fault: String,
        reason: String,
    },
    HealRequested {
        fault: String,
    },
    Healed {
        fault: String,
        evidence: String,
    },
    HealFailed {
        fault: String,
        reason: String,
    },

    /// A node whose seal opens itself was started and is open, or is not, though what keeps the key had been there for
    /// long. `starts`: how often it was started, each time after it had ended by itself. `said`: how it ended the first
    /// time, and its last words. `hung`: it lived and answered nobody, or stayed sealed, until the key could be had.
    CameBack {
        node: NodeId,
        opened: bool,
        unseal_requests: u32,
        starts: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hung: bool,
        took_ms: f64,
    },

    /// Something that had been replaced was tried: `key shares` on a node that had been started again, or the `root token`.
    /// `accepted` is absent where the node gave no clear answer.
    RetiredTried {
        what: String,
        node: NodeId,
        sent_ms: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<bool>,
        said: String,
    },

    /// What a node says that it is, once it has come back from an upgrade.
    NodeVersion {
        node: NodeId,
        version: String,
    },

    /// What the server says of its configuration after an upgrade, and did not say before it.
    ConfigurationCompared {
        compared: u32,
        changes: Vec<ConfigurationChange>,
    },

    /// The network was changed; at `t_ms` it held on every link. `disturbed` is false when it was made whole.
    LinksSet {
        fault: String,
        disturbed: bool,
        /// When it was asked for.
        requested_ms: f64,
        /// By what means.
        way: String,
        evidence: String,
    },
    /// What packets of our own met one way between two nodes, sent independently of the servers.
    LinkProbe {
        fault: String,
        /// Before the injection, during the fault, or after the heal.
        when: ProbeWhen,
        from: NodeId,
        to: NodeId,
        /// What is done to this way.
        asked: Impairment,
        sent: u32,
        arrived: u32,
        /// One way, of those that arrived, in milliseconds.
        delay_ms: Option<DelayMs>,
    },

    /// The node's answer changed. `previous_ms` is the last poll that still saw the role before.
    Role {
        node: NodeId,
        role: Role,
        previous_ms: f64,
    },
    /// About a second of polls of one node: time, applied and committed raft index.
    Indices {
        node: NodeId,
        samples: Vec<(f64, u64, u64)>,
    },
    /// Who is leader in which term, as autopilot says.
    Term {
        term: u64,
        leader: NodeId,
    },
    /// The cluster's redundancy as autopilot says; journalled when it changes.
    Redundancy {
        voters: u8,
        healthy: u8,
        failure_tolerance: u8,
    },
    /// `sys/health?standbyok=true` of one node. Status 0: no answer within the deadline.
    Health {
        node: NodeId,
        status: u16,
        latency_ms: f64,
    },
    /// The oldest TLS version that a node accepted and the newest it refused.
    TlsProbe {
        node: NodeId,
        accepted: Vec<String>,
        refused: Vec<String>,
    },
    /// A fresh AppRole token, as `auth/token/lookup-self` describes it.
    TokenLookup {
        ttl_s: f64,
        renewable: bool,
    },

    /// About a second of the control probe; `window_ms` long, ending at `t_ms`.
    Control {
        window_ms: f64,
        stall_p99_ms: f64,
        stall_max_ms: f64,
        echo_p99_ms: f64,
        echo_max_ms: f64,
    },
    /// About a second of CPU use, in seconds of CPU time; `window_ms` long, ending at `t_ms`.
    Cpu {
        window_ms: f64,
        servers: f64,
        /// With its other runs, when several go on at once.
        harness: f64,
        /// The servers of those other runs.
        #[serde(default)]
        siblings: f64,
        other: f64,
        steal: f64,
    },

    /// A short-lived token, lease or secret id was made (`subject` is a name of ours, never the token).
    Minted {
        fault: String,
        subject: String,
        #[serde(default)]
        credential: Credential,
        ttl_ms: f64,
        /// `None` when the document says nothing of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        documented_ttl_ms: Option<f64>,
        /// How it ends other than by its time to live.
        #[serde(default, skip_serializing_if = "EndRule::is_left_alone")]
        end: EndRule,
    },
    /// Something was done with it through one node: granted, refused, or unknown when the node gave no clear answer.
    Acted {
        fault: String,
        subject: String,
        act: Act,
        node: NodeId,
        sent_ms: f64,
        granted: Option<bool>,
        /// Without an answer `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// It was asked for through one node: alive, dead, or unknown when the node gave no clear answer.
    Sighting {
        fault: String,
        subject: String,
        node: NodeId,
        sent_ms: f64,
        alive: Option<bool>,
    },

    /// After recovery: what the cluster holds for one key. `versions` are (number, digest) of those still retained.
    /// `current` is `None` when the key does not exist.
    ReadBack {
        key: u32,
        node: NodeId,
        current: Option<u64>,
        versions: Vec<(u64, String)>,
    },
    /// A key that could not be read back, with the reason.
    ReadBackFailed {
        key: u32,
        reason: String,
    },
    /// Every node was asked for everything that can be read, after all had settled. `settled_late`: what differed at
    /// first and no longer did.
    NodesCompared {
        compared: u32,
        settled_late: u32,
        /// With the reason each.
        left_out: Vec<String>,
        differences: Vec<NodeDifference>,
    },
    /// After all had settled a node decrypted some of the acknowledged ciphertexts: number and digest of the plaintext.
    Decrypted {
        node: NodeId,
        plaintexts: Vec<(u32, String)>,
    },
    /// It went on refusing these, with the server's words.
    DecryptionRefused {
        node: NodeId,
        refused: Vec<(u32, String)>,
    },
    /// The node was asked for all of them. `unanswered`: how many it gave no clear answer for; `key_version`: the newest
    /// version of the key that it knows.
    DecryptionDone {
        node: NodeId,
        unanswered: u32,
        key_version: Option<u64>,
    },
    /// Who signs the certificates, as told before the load: DER in base64.
    CertificateAuthority {
        der: String,
    },
    /// A certificate that was acknowledged: DER in base64.
    Certificate {
        serial: String,
        der: String,
    },
    /// After all had settled: the list of revoked certificates that a node serves, DER in base64.
    RevocationList {
        node: NodeId,
        der: String,
    },
    /// Every key that had an acknowledged write was asked for.
    ReadBackDone {
        keys: u32,
    },

    /// A snapshot of the whole store, taken through the active node while the load went on: asked for at `asked_ms`, and
    /// here in whole.
    SnapshotTaken {
        node: NodeId,
        asked_ms: f64,
        bytes: u64,
    },
    /// What the snapshot holds for one key, read from a cluster of its own into which it was restored; as in `read_back`.
    Restored {
        key: u32,
        current: Option<u64>,
        versions: Vec<(u64, String)>,
    },
    /// Every key was asked for in the restored store. `took_ms`: from the upload until it served again.
    RestoredAll {
        keys: u32,
        took_ms: f64,
    },
    /// The snapshot could not be taken, restored or read, with the reason.
    SnapshotFailed {
        reason: String,
    },
    /// Before the first node is replaced: a snapshot of the cluster as it was, and whether it can be relied on.
    SnapshotFirst(SnapshotFirst),
    /// After everything had ended: the audit files were read.
    AuditRead(Box<AuditRead>),
    /// After everything had ended: the run's secrets were looked for in what was written down.
    PlaintextSearched(Box<PlaintextSearch>),

    /// Credentials of the database were tried; `worked` is absent where the database could not be asked.
    CredentialsTried {
        subject: String,
        sent_ms: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worked: Option<bool>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        said: String,
    },
    /// The run's roles in the database, as the database itself tells, are others than at the look before, which was
    /// begun at `previous_ms`.
    DatabaseRoles {
        previous_ms: f64,
        appeared: Vec<String>,
        gone: Vec<String>,
    },
    /// The database can be asked, or no longer can. `previous_ms`: when the last look before was begun that saw it
    /// otherwise.
    DatabaseWatch {
        reachable: bool,
        previous_ms: f64,
        said: String,
    },
    /// The last look, after the leases had had their time: the roles of this run that are still there.
    DatabaseRolesLeft {
        sent_ms: f64,
        roles: Vec<String>,
    },

    /// A storm is there. `leases`: so many were made, `kept` of them beside it, and at `due_ms` they end by themselves;
    /// otherwise so many logins were served.
    StormMade {
        fault: String,
        leases: bool,
        asked: u32,
        made: u32,
        kept: u32,
        began_ms: f64,
        due_ms: Option<f64>,
        /// Until the last was made or served.
        took_ms: f64,
        median_ms: Option<f64>,
        p99_ms: Option<f64>,
    },
    /// All leases of a storm were revoked by their prefix; without an answer `status` is absent.
    StormRevoked {
        fault: String,
        sent_ms: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// How many leases there are of a storm, and beside it, as the leader lists them.
    StormCounted {
        fault: String,
        sent_ms: f64,
        inside: u64,
        outside: u64,
    },

    /// Prometheus scrapes every node, with these rules.
    AlertRules {
        scale: f64,
        scrape_ms: f64,
        rules: Vec<LoadedRule>,
    },
    /// One alert of a rule is in another state than at the look before, which was begun at `previous_ms`. `instance`: the
    /// node that it is about, empty where it is about the cluster.
    AlertChanged {
        alert: String,
        form: AlertForm,
        instance: String,
        state: AlertState,
        previous_ms: f64,
    },
    /// Nobody looks any more. `missing`: metrics in rules that no node had at any time; `troubles`: what went wrong with
    /// looking or with the rules.
    AlertsWatched {
        looks: u64,
        longest_gap_ms: f64,
        missing: Vec<String>,
        troubles: Vec<String>,
    },

    /// `abort_when` stopped the run.
    Aborted {
        reason: String,
    },
    /// A signal stopped the run.
    Interrupted {
        signal: String,
    },
    /// The harness itself failed: no verdict on the server follows.
    HarnessError {
        reason: String,
    },
    /// Everything was taken down; the run is complete.
    Ended,
}
