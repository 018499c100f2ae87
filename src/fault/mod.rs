//! Faults: one file per kind. Each says what it needs, injects, proves that it took hold, heals exactly what it
//! did, and proves that too. Knows nothing of load and judges nothing.

mod come_back;
mod database;
mod expiry;
mod keys;
mod kill;
mod kms;
mod link;
mod link_evidence;
mod lose;
mod node_by_node;
mod pause;
mod replace;
mod restart;
mod rotate_audit;
mod seal;
mod step_down;
mod stop;
mod storm;
mod strain;
mod target;
#[cfg(test)]
pub mod testing;

pub use target::{TargetError, resolve};

use node_by_node::NodeByNode;

use crate::bootstrap::{BootstrapError, unseal};
use crate::cluster::{Ability, Access, Cluster, ClusterError, ClusterView, LinkNeeds, Signal};
use crate::helper::{Database, TransitKms};
use crate::model::{Credential, Disk, FaultKind, NodeId, Role, Span, Step, Strain, Target, Versions};
use crate::record::Journal;
use crate::vault::{Client, ClientError, wait_until};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// Writes the keys down where a person finds them.
pub type KeepKeys = Box<dyn Fn(&Access) -> Result<(), String> + Send + Sync>;

/// What faults act on.
pub struct FaultContext {
    pub cluster: Arc<dyn Cluster>,
    pub view: Arc<ClusterView>,
    pub access: Arc<Access>,
    pub journal: Journal,
    /// Stands before every name we make on the cluster.
    pub prefix: String,
    pub approle_mount: String,
    pub token_ttl: Span,
    /// Where the blueprint has one.
    pub database: Option<Arc<Database>>,
    /// Where one keeps the key of the seal.
    pub kms: Option<Arc<TransitKms>>,
    /// The keys after a rekey.
    pub rekeyed: Mutex<Option<Arc<Access>>>,
    /// Writes keys down before anything depends on them.
    pub keep_keys: KeepKeys,
    /// Where nodes get another one.
    pub versions: Option<Versions>,
    /// Watches that go on after an injection; the runner waits for them before it collects.
    pub background: Mutex<JoinSet<()>>,
}

pub struct Applied {
    /// The moment it took effect, on the run's clock.
    pub at_ms: f64,
    pub evidence: String,
}

#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// It would have had no effect, so nothing was done.
    #[error("{0}")]
    NotApplicable(String),
    #[error("{0}")]
    Failed(String),
}

impl From<ClusterError> for FaultError {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::NotApplicable(why) => FaultError::NotApplicable(why),
            other => FaultError::Failed(other.to_string()),
        }
    }
}

impl From<ClientError> for FaultError {
    fn from(error: ClientError) -> Self {
        FaultError::Failed(error.to_string())
    }
}

impl From<BootstrapError> for FaultError {
    fn from(error: BootstrapError) -> Self {
        FaultError::Failed(error.to_string())
    }
}

/// What became of an injection.
pub struct Injected {
    /// The nodes on which something was done, also by half: those to heal.
    pub hit: Vec<NodeId>,
    /// Why it did not take hold on all of them.
    pub applied: Result<Applied, String>,
}

const NOTHING_TO_HEAL: &str = "it leaves nothing to heal";

/// One kind of fault, done to all its nodes at once (`expire` and `revoke` to none).
#[async_trait]
pub trait Fault: Send + Sync {
    fn needs(&self) -> Vec<Ability>;

    /// `id` is the fault's id in the journal.
    async fn inject(&self, context: &FaultContext, id: &str, nodes: &[NodeId]) -> Injected;

    /// One-shot faults have nothing to heal and are never asked.
    async fn heal(
        &self,
        _context: &FaultContext,
        _id: &str,
        _nodes: &[NodeId],
    ) -> Result<String, FaultError> {
        Err(FaultError::NotApplicable(NOTHING_TO_HEAL.into()))
    }
}

/// What of the network a timeline disturbs, so that it can be put in place before the nodes start.
pub fn link_needs(timeline: &[Step]) -> LinkNeeds {
    let needs: Vec<Ability> = timeline.iter().flat_map(|step| of_step(step).needs()).collect();
    let any = |abilities: &[Ability]| needs.iter().any(|need| abilities.contains(need));
    LinkNeeds {
        peers: any(&[Ability::CutPeers, Ability::SlowPeers, Ability::LosePackets]),
        clients: any(&[Ability::CutClients]),
    }
}

/// What each node needs a disk of its own for, so that it can be filled.
pub fn disk_needs(timeline: &[Step]) -> Vec<Disk> {
    let is_filled = |disk: &Disk| timeline.iter().any(|step| step.strain == Some(Strain::FullDisk(*disk)));
    Disk::ALL.into_iter().filter(is_filled).collect()
}

/// Every fault there is; the one list.
pub fn of_step(step: &Step) -> Box<dyn Fault> {
    match step.fault {
        FaultKind::Kill if step.target == Target::Database => Box::new(database::Away::Killed),
        FaultKind::Stop if step.target == Target::Database => Box::new(database::Away::Stopped),
        FaultKind::Kill | FaultKind::Pause | FaultKind::Seal | FaultKind::Degrade
            if step.target == Target::Kms =>
        {
            Box::new(disturbed_kms(step))
        }
        FaultKind::Kill => Box::new(NodeByNode(kill::Kill)),
        FaultKind::Lose => Box::new(lose::Lose),
        FaultKind::Stop => Box::new(NodeByNode(stop::Stop)),
        FaultKind::Pause => Box::new(NodeByNode(pause::Pause)),
        FaultKind::Restart => Box::new(NodeByNode(restart::Restart)),
        FaultKind::StepDown => Box::new(NodeByNode(step_down::StepDown)),
        FaultKind::Seal => Box::new(NodeByNode(seal::Seal)),
        FaultKind::RotateAudit => Box::new(NodeByNode(rotate_audit::RotateAudit)),
        FaultKind::Rekey => Box::new(NodeByNode(keys::Rekey)),
        FaultKind::RotateKeyring => Box::new(NodeByNode(keys::RotateKeyring)),
        FaultKind::RevokeRoot => Box::new(NodeByNode(keys::RevokeRoot)),
        FaultKind::Upgrade | FaultKind::Downgrade => Box::new(NodeByNode(replace::Replace {
            edition: step.fault.installs().expect("both install a version"),
            hand_over: step.hand_over.unwrap_or_default(),
        })),
        FaultKind::Expire => Box::new(expiry::Expire {
            ttl: step.ttl.unwrap_or(Span::from_secs(5)),
            credential: credential_of(step),
        }),
        FaultKind::Storm if step.target == Target::Logins => {
            Box::new(storm::LoginStorm { count: step.count.unwrap_or(1) })
        }
        FaultKind::Storm => Box::new(storm::LeaseStorm { count: step.count.unwrap_or(1), ttl: step.ttl }),
        FaultKind::Revoke => Box::new(expiry::Revoke { credential: credential_of(step) }),
        FaultKind::Isolate
        | FaultKind::CannotHear
        | FaultKind::CannotSpeak
        | FaultKind::Bridge
        | FaultKind::Ring
        | FaultKind::Partition
        | FaultKind::Degrade => Box::new(link::Link::new(step.link.clone())),
        FaultKind::FillAudit
        | FaultKind::FillData
        | FaultKind::SlowDisk
        | FaultKind::LimitCpu
        | FaultKind::LimitMemory
        | FaultKind::Disconnect => {
            let strain = step.strain.expect("the scenario's rules give every such fault its strain");
            Box::new(NodeByNode(strain::Strained(strain)))
        }
    }
}

fn disturbed_kms(step: &Step) -> kms::Disturbed {
    match (step.fault, step.strain) {
        (_, Some(Strain::SlowAnswers { delay })) => kms::Disturbed::Slow(delay),
        (FaultKind::Pause, _) => kms::Disturbed::Paused,
        (FaultKind::Seal, _) => kms::Disturbed::Sealed,
        _ => kms::Disturbed::Killed,
    }
}

fn credential_of(step: &Step) -> Credential {
    match step.target {
        Target::Credential(credential) => credential,
        _ => Credential::default(),
    }
}

const BACK_WITHIN: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_millis(10);

impl FaultContext {
    /// Does it to the node's process; the moment and the evidence are the cluster's.
    async fn signal(&self, node: &NodeId, signal: Signal) -> Result<Applied, FaultError> {
        let took = self.cluster.signal(node, signal).await?;
        Ok(Applied { at_ms: self.journal.ms_of(took.at), evidence: took.evidence })
    }

    fn index(&self, node: &NodeId) -> Result<usize, FaultError> {
        self.view.index_of(node).ok_or_else(|| FaultError::Failed(format!("there is no node {node}")))
    }

    fn client(&self, node: &NodeId) -> Result<Client, FaultError> {
        let node =
            self.cluster.node(node).ok_or_else(|| FaultError::Failed(format!("there is no node {node}")))?;
        Ok(Client::new(&node.endpoint)?)
    }

    /// Waits until the observers, looking from now on, see `node` in a role that `fits`; returns how long it took in words.
    async fn wait_for_role(
        &self,
        node: &NodeId,
        within: Duration,
        what: &str,
        fits: impl Fn(Role) -> bool,
    ) -> Result<String, FaultError> {
        let index = self.index(node)?;
        let began_ms = self.journal.now_ms();
        // The look that ends next may have begun before whatever is waited for was done; the one after it did not.
        let fresh = self.view.looks(index) + 2;
        let role = wait_until(&format!("{node} is {what}"), within, EVERY, || {
            let looks = self.view.looks(index);
            let role = self.view.role(index);
            std::future::ready(match fits(role) {
                true if looks >= fresh => Ok(role),
                true => Err("not looked at again yet".to_owned()),
                false => Err(format!("it is {}", role.name())),
            })
        })
        .await?;
        Ok(format!("seen {} {:.0} ms later", role.name(), self.journal.now_ms() - began_ms))
    }

    /// Starts a node that is down, unseals it and waits until it serves again.
    async fn start_and_unseal(&self, node: &NodeId) -> Result<String, FaultError> {
        if self.access.opens_itself() {
            return self.come_back(node).await;
        }
        let started = match self.cluster.start(node).await {
            Ok(started) => started,
            // Whatever started it, such as a supervisor, did not unseal it.
            Err(ClusterError::NotApplicable(why)) => why,
            Err(error) => return Err(error.into()),
        };
        let unsealed = self.unseal(node).await?;
        Ok(format!("{started}; {unsealed}"))
    }

    async fn unseal(&self, node: &NodeId) -> Result<String, FaultError> {
        let keys = self.keys();
        let tried = match keys.retired_keys.is_empty() {
            true => String::new(),
            false => format!("{}; ", self.try_retired(node, &keys).await?),
        };
        unseal(&self.client(node)?, &keys, BACK_WITHIN).await?;
        Ok(format!("{tried}unsealed, {}", self.serves_again(node).await?))
    }

    /// Waits until nothing remains to be undone on an unsealed node: it serves, and has what the others have.
    async fn serves_again(&self, node: &NodeId) -> Result<String, FaultError> {
        let serves = |role| matches!(role, Role::Active | Role::Standby);
        let seen = self.wait_for_role(node, BACK_WITHIN, "active or standby", serves).await?;
        let caught_up = self.catch_up(node).await?;
        self.cluster.healed(node)?;
        Ok(format!("{seen}{caught_up}"))
    }

    /// Waits until the node has applied what the leader had committed when it came back. Autopilot calls a node
    /// healthy long before that, and a next fault would then hit a cluster that is not whole.
    async fn catch_up(&self, node: &NodeId) -> Result<String, FaultError> {
        let Some(leader) =
            self.view.leader().map(|index| self.view.id(index)).filter(|leader| *leader != node)
        else {
            return Ok(String::new());
        };
        let index_of = |body: &serde_json::Value, name: &str| body[name].as_u64();
        // A leader that is going away right now cannot say; then there is nothing to compare with.
        let Ok(answer) = self.client(leader)?.get("sys/leader").await else { return Ok(String::new()) };
        let Some(goal) = index_of(&answer.body, "raft_committed_index").filter(|goal| *goal > 0) else {
            return Ok(String::new());
        };
        let client = self.client(node)?;
        wait_until(&format!("{node} has applied index {goal}"), BACK_WITHIN, EVERY, || async {
            let answer = client.get("sys/leader").await.map_err(|error| error.to_string())?;
            let applied = index_of(&answer.body, "raft_applied_index");
            let applied = applied.ok_or("it does not say which index it has applied")?;
            if applied >= goal { Ok(()) } else { Err(format!("it has applied {applied}")) }
        })
        .await?;
        Ok(format!(", caught up with index {goal}"))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{context, keep_seeing};
    use super::*;
    use crate::vault::testing::Scripted;
    use serde_json::json;

    #[tokio::test]
    async fn a_node_that_restarted_by_itself_is_unsealed_all_the_same() {
        let mut sealed = true;
        let node = Scripted::start(move |what, _| {
            sealed &= what != "PUT sys/unseal";
            Some((200, json!({ "sealed": sealed })))
        })
        .await;
        let (context, _folder) = context(&[&node], Some(Err("n1 is running: process 7".into())));
        keep_seeing(&context, 0, Role::Standby);
        let healed = context.start_and_unseal(&NodeId::new("n1")).await.unwrap();
        assert!(healed.starts_with("n1 is running: process 7; unsealed"), "{healed}");
        assert_eq!(node.count("PUT sys/unseal"), 1);
    }

    #[tokio::test]
    async fn what_was_seen_before_is_no_evidence() {
        let node = Scripted::start(|_, _| None).await;
        let (context, _folder) = context(&[&node], None);
        let n1 = NodeId::new("n1");
        context.view.saw(0, Role::Standby);
        let within = |ms| {
            let within = Duration::from_millis(ms);
            context.wait_for_role(&n1, within, "standby", |role| role == Role::Standby)
        };
        assert!(within(60).await.is_err());
        let waiting = within(60_000);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut waiting).await.is_err());
        // This look was on its way when the wait began.
        context.view.saw(0, Role::Standby);
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut waiting).await.is_err());
        context.view.saw(0, Role::Standby);
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn a_node_has_caught_up_only_when_it_says_so() {
        let leader = |committed: u64| {
            Scripted::start(move |_, _| Some((200, json!({ "raft_committed_index": committed }))))
        };
        let silent = Scripted::start(|_, _| Some((200, json!({})))).await;
        let n2 = NodeId::new("n2");
        let (unknown, _folder) = context(&[&leader(0).await, &silent], None);
        unknown.view.saw(0, Role::Active);
        assert_eq!(unknown.catch_up(&n2).await.unwrap(), "");
        let (known, _folder) = context(&[&leader(9).await, &silent], None);
        known.view.saw(0, Role::Active);
        let waited = tokio::time::timeout(Duration::from_millis(100), known.catch_up(&n2)).await;
        assert!(waited.is_err(), "it said nothing of what it has applied");
    }
}
