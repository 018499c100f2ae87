//! A cluster that somebody else runs, acted on through its hooks. Without the guard's word nothing is done to
//! it.
//!
//! A hook's exit status is never evidence: what the node shows afterwards is.

use super::guard::{Standing, ask_cluster_ids, health, judge};
use super::hooks::{HookRunner, output_folder};
use super::intents::{Harm, HookProcess, IntentLog, intents_file};
use super::probe::{Reaction, react, react_until};
use crate::cluster::{Ability, Access, Cluster, ClusterError, Node, NodeFiles, Signal, Took, capabilities};
use crate::model::{AttachFile, AttachNode, Edition, HookName, NodeId};
use crate::record::RecordError;
use crate::vault::{Client, Endpoint, EndpointError, TlsMaterial};
use async_trait::async_trait;
use std::path::Path;
use std::time::{Duration, Instant};

pub struct AttachCluster {
    file: AttachFile,
    nodes: Vec<Node>,
    standing: Standing,
    /// The cluster that the nodes said they are when we came, or that was recorded when the run began.
    cluster_id: Option<String>,
    version: String,
    /// Whether nodes open themselves (a seal other than shamir).
    unseals_itself: bool,
    threshold: usize,
    hooks: HookRunner,
    intents: IntentLog,
    watched: Option<Watched>,
    /// The version that nodes are upgraded to, where they are.
    upgrade_to: Option<String>,
}

/// Says whether somebody would heal if we died now, and if not, why.
type Watched = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Before a harm a node must be seen to answer, and after a heal.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A paused node must be seen to leave a request unanswered so long.
const HANG_DEADLINE: Duration = Duration::from_secs(1);
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// A clean stop hands leadership over and closes the store.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// The nodes of an attach file as we reach them.
pub fn nodes_of(file: &AttachFile) -> Result<Vec<Node>, EndpointError> {
    let identity = match (&file.client_cert, &file.client_key) {
        (Some(cert), Some(key)) => Some((cert.as_path(), key.as_path())),
        _ => None,
    };
    let tls = file.ca_cert.as_ref().map(|ca| TlsMaterial::from_files(ca, identity)).transpose()?;
    let node = |node: &AttachNode| {
        Ok(Node { id: node.id.clone(), endpoint: Endpoint::new(&node.api_addr, tls.as_ref())? })
    };
    file.nodes.iter().map(node).collect()
}

impl AttachCluster {
    /// Looks at the cluster and changes nothing. `private` is where intents and hook output are kept.
    /// Hooks run in `hooks_in`. `recorded` is the cluster's id when the run began, for one who comes after it.
    pub async fn attach(
        file: &AttachFile,
        private: &Path,
        hooks_in: &Path,
        recorded: Option<String>,
    ) -> Result<Self, ClusterError> {
        let failed = |error: &dyn std::fmt::Display| ClusterError::Failed(error.to_string());
        let nodes = nodes_of(file).map_err(|error| failed(&error))?;
        let said = ask_cluster_ids(&nodes).await;
        let mut ids = said.iter().filter_map(|(node, id)| Some((node, id.as_ref()?)));
        let first = ids.next();
        if let Some((node, id)) = first
            && let Some((other, other_id)) = ids.find(|(_, other)| other != &id)
        {
            return Err(ClusterError::Failed(format!(
                "the attach file's nodes are of different clusters: {node} of {id}, {other} of {other_id}; \
                 name the nodes of one"
            )));
        }
        let cluster_id = first.map(|(_, id)| id.clone()).or(recorded);
        let (mut version, mut unseals_itself, mut threshold) = (String::new(), false, 0);
        for node in &nodes {
            let Some(health) = health(node).await else { continue };
            version = health["version"].as_str().unwrap_or_default().to_owned();
            if let Ok(status) = Client::new(&node.endpoint)?.get("sys/seal-status").await {
                unseals_itself = status.body["type"].as_str().is_some_and(|kind| kind != "shamir");
                threshold = status.body["t"].as_u64().unwrap_or(0) as usize;
                break;
            }
        }
        Ok(Self {
            standing: judge(file.disposable.as_deref(), &said),
            file: file.clone(),
            nodes,
            cluster_id,
            unseals_itself,
            threshold,
            hooks: HookRunner::new(output_folder(private), hooks_in.to_owned(), version.clone()),
            version,
            intents: IntentLog::open(&intents_file(private)).map_err(|error| failed(&error))?,
            watched: None,
            upgrade_to: None,
        })
    }

    /// Told to the hooks that upgrade a node.
    pub fn upgrading_to(mut self, version: Option<String>) -> Self {
        self.upgrade_to = version;
        self
    }

    /// Without this, or when it fails, no node is harmed.
    pub fn watched_by(mut self, watched: Watched) -> Self {
        self.watched = Some(watched);
        self
    }

    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    pub fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// The version that the first answering node reports; empty when none answers.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The keys to the cluster, from the files that the attach file names.
    pub fn access(&self) -> Result<Access, ClusterError> {
        let read = |path: &Path, what: &str| {
            std::fs::read_to_string(path).map_err(|error| {
                ClusterError::Failed(format!("cannot read the {what} {}: {error}", path.display()))
            })
        };
        let root_token = read(&self.file.token_file, "token file")?.trim().to_owned();
        if root_token.is_empty() || root_token.contains(char::is_whitespace) {
            let path = self.file.token_file.display();
            return Err(ClusterError::Failed(format!("{path} must hold a token and nothing else")));
        }
        let keys = match &self.file.unseal_keys_file {
            None => String::new(),
            Some(path) => read(path, "file of unseal keys")?,
        };
        let keys = keys.lines().map(str::trim).filter(|line| !line.is_empty());
        let unseal_keys: Vec<_> = keys.map(str::to_owned).collect();
        if let Some(path) = &self.file.unseal_keys_file
            && !self.unseals_itself
            && unseal_keys.len() < self.threshold
        {
            return Err(ClusterError::Failed(format!(
                "{} holds {} unseal keys, and {} are needed to open a node; write one a line",
                path.display(),
                unseal_keys.len(),
                self.threshold
            )));
        }
        // A node that opens itself takes no keys.
        let threshold = if self.unseals_itself { 0 } else { self.threshold };
        Ok(Access { root_token, unseal_keys, threshold, ..Access::default() })
    }

    /// Asks the nodes again, right before something is done to one. A heal may go by the recorded id when the
    /// whole cluster is down: it undoes what was done to just that cluster.
    async fn permit(&self, heals: bool) -> Result<&str, ClusterError> {
        match (judge(self.file.disposable.as_deref(), &ask_cluster_ids(&self.nodes).await), &self.cluster_id)
        {
            (Standing::Disposable, Some(id)) => Ok(id),
            (Standing::Silent, Some(id)) if heals && self.file.disposable.as_ref() == Some(id) => Ok(id),
            (Standing::Disposable | Standing::Silent, _) => Err(ClusterError::Failed(
                "no node says which cluster it is of, so nothing is done to it".to_owned(),
            )),
            (Standing::NotDisposable(why) | Standing::Mismatch(why), _) => Err(ClusterError::Failed(why)),
        }
    }

    fn find(&self, id: &NodeId) -> Result<(&Node, &AttachNode), ClusterError> {
        let mut pairs = self.nodes.iter().zip(&self.file.nodes);
        pairs
            .find(|(node, _)| &node.id == id)
            .ok_or_else(|| ClusterError::NotApplicable(format!("there is no node {id}")))
    }

    /// `began` is told of the process before the command is let go.
    async fn run_hook(
        &self,
        hooks: &HookRunner,
        hook: HookName,
        spec: &AttachNode,
        began: impl FnOnce(HookProcess) -> Result<(), RecordError>,
    ) -> Result<Duration, ClusterError> {
        let command = spec.hooks.get(&hook).ok_or_else(|| ClusterError::Failed(no_hook(spec, hook)))?;
        let peers: Vec<_> =
            self.nodes.iter().map(|node| node.id.clone()).filter(|id| *id != spec.id).collect();
        hooks.run(hook, command, &spec.id, &peers, began).await.map_err(ClusterError::Failed)
    }

    /// Runs the hook that gives a node another version. How the node gets up again is the hook's business; what it is then, it
    /// says itself.
    async fn give(&self, id: &NodeId, version: &str) -> Result<Took, ClusterError> {
        let (_, spec, intent) = self.about_to(id, Harm::Stop, HookName::Upgrade).await?;
        let began = Instant::now();
        let hooks = self.hooks.with_version(version);
        let note = |process| self.intents.hook_began(intent, process);
        let ran = self.run_hook(&hooks, HookName::Upgrade, spec, note).await;
        self.intents.act_ended(intent).map_err(unrecorded)?;
        let ms = ran?.as_millis();
        let evidence = format!("hook `upgrade` of {id} with VQ_VERSION={version} exited 0 after {ms} ms");
        Ok(Took { at: began, evidence })
    }

    /// The node, once it may be harmed by this hook and the intent is on disk.
    async fn about_to(
        &self,
        id: &NodeId,
        harm: Harm,
        hook: HookName,
    ) -> Result<(&Node, &AttachNode, u32), ClusterError> {
        let (node, spec) = self.find(id)?;
        // A node whose hooks are not all there is not begun with: nobody could bring it back.
        let missing = [Some(hook), harm.heal_hook()].into_iter().flatten();
        if let Some(missing) = missing.into_iter().find(|hook| !spec.hooks.contains_key(hook)) {
            return Err(ClusterError::NotApplicable(no_hook(spec, missing)));
        }
        let before = react(node, ANSWER_WITHIN).await;
        if before != Reaction::Answers {
            let shown = before.in_words();
            return Err(ClusterError::NotApplicable(format!("{id} was not up before: it {shown}")));
        }
        let cluster_id = self.permit(false).await?;
        self.check_watched()?;
        let intent = self.intend(spec, harm, cluster_id)?;
        Ok((node, spec, intent))
    }

    fn intend(&self, spec: &AttachNode, harm: Harm, cluster_id: &str) -> Result<u32, ClusterError> {
        let heal = harm.heal_hook().and_then(|hook| spec.hooks.get(&hook)).cloned();
        self.intents.intend(&spec.id, harm, heal, cluster_id).map_err(unrecorded)
    }

    async fn harm(&self, id: &NodeId, harm: Harm, hook: HookName) -> Result<Took, ClusterError> {
        let (node, spec, intent) = self.about_to(id, harm, hook).await?;
        let began = Instant::now();
        let note = |process| self.intents.hook_began(intent, process);
        let ran = self.run_hook(&self.hooks, hook, spec, note).await;
        self.intents.act_ended(intent).map_err(unrecorded)?;
        let ran = ran?;
        let gone = Reaction::is_gone;
        let seen = match harm {
            Harm::Pause => react_until(node, GONE_WITHIN, HANG_DEADLINE, gone).await,
            Harm::Stop => react_until(node, STOPPED_WITHIN, ANSWER_WITHIN, gone).await,
            Harm::Kill | Harm::Seal => react_until(node, GONE_WITHIN, ANSWER_WITHIN, gone).await,
        };
        let name = hook.name();
        match seen {
            Err(Reaction::Answers) => {
                Err(ClusterError::Failed(format!("hook `{name}` exited 0 but {id} still answers")))
            }
            Err(reaction) => Err(ClusterError::Failed(format!(
                "hook `{name}` exited 0, and what became of {id} is not known: it {}",
                reaction.in_words()
            ))),
            Ok((Reaction::Refuses, _)) if harm == Harm::Pause => Err(ClusterError::Failed(format!(
                "hook `{name}` exited 0 but {id} refuses connections: it is not paused, it is down"
            ))),
            Ok((reaction, _)) => {
                let evidence = format!(
                    "hook `{name}` of {id} exited 0 after {} ms; {id} {} {} ms after the hook began",
                    ran.as_millis(),
                    reaction.in_words(),
                    began.elapsed().as_millis()
                );
                Ok(Took { at: began, evidence })
            }
        }
    }

    /// Runs the hook that brings a node back, and waits until it answers.
    async fn bring_back(&self, id: &NodeId, hook: HookName, up: &str) -> Result<Took, ClusterError> {
        let (node, spec) = self.find(id)?;
        match react(node, ANSWER_WITHIN).await {
            Reaction::Answers => {
                return Err(ClusterError::NotApplicable(format!("{id} is {up}: it answers")));
            }
            Reaction::Unknown => {
                let shown = Reaction::Unknown.in_words();
                return Err(ClusterError::Failed(format!("whether {id} is {up} is not known: it {shown}")));
            }
            _ => {}
        }
        self.permit(true).await?;
        let began = Instant::now();
        let ran = self.run_hook(&self.hooks, hook, spec, |_| Ok(())).await?;
        let answers = |reaction| reaction == Reaction::Answers;
        match react_until(node, BACK_WITHIN, ANSWER_WITHIN, answers).await {
            Ok(_) => {
                let evidence = format!(
                    "hook `{}` of {id} exited 0 after {} ms; {id} answers {} ms after the hook began",
                    hook.name(),
                    ran.as_millis(),
                    began.elapsed().as_millis()
                );
                Ok(Took { at: began, evidence })
            }
            Err(reaction) => Err(ClusterError::Failed(format!(
                "hook `{}` exited 0 but {id} does not answer within {} s: it {}",
                hook.name(),
                BACK_WITHIN.as_secs(),
                reaction.in_words()
            ))),
        }
    }

    /// Hooks are any subset: one node that has them all is enough here, and a node that lacks one is not
    /// harmed when its turn comes.
    fn lacks_hooks(&self, hooks: &[HookName]) -> Option<String> {
        let has_all = |node: &AttachNode| hooks.iter().all(|hook| node.hooks.contains_key(hook));
        let names: Vec<_> = hooks.iter().map(|hook| format!("`{}`", hook.name())).collect();
        (!self.file.nodes.iter().any(has_all))
            .then(|| format!("no node has a {} hook in the attach file", names.join(" and a ")))
    }

    fn check_watched(&self) -> Result<(), ClusterError> {
        let watched = self.watched.as_ref().ok_or_else(|| "there is none".to_owned());
        watched.and_then(|watched| watched()).map_err(|why| {
            ClusterError::Failed(format!(
                "nothing is done without a watchdog that could heal, and {why}; run again"
            ))
        })
    }
}

fn no_hook(spec: &AttachNode, hook: HookName) -> String {
    format!("{} has no `{}` hook in the attach file", spec.id, hook.name())
}

fn unrecorded(error: RecordError) -> ClusterError {
    ClusterError::Failed(format!("nothing is done that is not on disk first: {error}"))
}

#[async_trait]
impl Cluster for AttachCluster {
    fn backend(&self) -> &'static str {
        "attach"
    }

    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn files(&self, id: &NodeId) -> NodeFiles {
        let Ok((_, spec)) = self.find(id) else { return NodeFiles::default() };
        let AttachNode { audit_file, log_file, data_dir, .. } = spec.clone();
        NodeFiles { audit: audit_file.into_iter().collect(), log: log_file, data: data_dir }
    }

    fn lacks(&self, ability: Ability) -> Option<String> {
        match &self.standing {
            Standing::NotDisposable(why) | Standing::Mismatch(why) => return Some(why.clone()),
            Standing::Silent => return Some("no node of the attach file says which cluster it is of".into()),
            Standing::Disposable => {}
        }
        match ability {
            Ability::Kill => self.lacks_hooks(&[HookName::Kill]),
            Ability::Stop => self.lacks_hooks(&[HookName::Stop]),
            Ability::Pause => self.lacks_hooks(&[HookName::Pause, HookName::Resume]),
            Ability::Start => self.lacks_hooks(&[HookName::Start]),
            Ability::Unseal if self.unseals_itself || self.file.unseal_keys_file.is_some() => None,
            Ability::Unseal => Some("the attach file has no `unseal_keys_file`".into()),
            Ability::Operate => None,
            Ability::Replace if self.upgrade_to.is_none() => {
                Some("to which version is not said: add --to".into())
            }
            Ability::Replace => self.lacks_hooks(&[HookName::Upgrade]),
            _ => capabilities::of_attach(ability).lacks(),
        }
    }

    async fn signal(&self, id: &NodeId, signal: Signal) -> Result<Took, ClusterError> {
        match signal {
            Signal::Kill => self.harm(id, Harm::Kill, HookName::Kill).await,
            Signal::Stop => self.harm(id, Harm::Stop, HookName::Stop).await,
            Signal::Pause => self.harm(id, Harm::Pause, HookName::Pause).await,
            Signal::Reopen => Err(ClusterError::NotApplicable("no hook is known for it".to_owned())),
            Signal::Resume => {
                let resumed = self.bring_back(id, HookName::Resume, "not paused").await;
                if !matches!(resumed, Err(ClusterError::Failed(_) | ClusterError::Api(_))) {
                    self.healed(id)?;
                }
                resumed
            }
        }
    }

    async fn replace(&self, id: &NodeId, edition: Edition) -> Result<Took, ClusterError> {
        let version = edition.pick(&self.version, self.upgrade_to.as_ref());
        self.give(id, version.ok_or_else(ClusterError::no_second_version)?).await
    }

    async fn start(&self, id: &NodeId) -> Result<String, ClusterError> {
        Ok(self.bring_back(id, HookName::Start, "running").await?.evidence)
    }

    async fn before_seal(&self, id: &NodeId) -> Result<(), ClusterError> {
        if self.unseals_itself {
            let why = format!("{id} unseals itself, and once sealed by API opens only after a restart");
            return Err(ClusterError::NotApplicable(why));
        }
        let (_, spec) = self.find(id)?;
        let cluster_id = self.permit(false).await?;
        self.check_watched()?;
        let intent = self.intend(spec, Harm::Seal, cluster_id)?;
        self.intents.act_ended(intent).map_err(unrecorded)
    }

    fn healed(&self, id: &NodeId) -> Result<(), ClusterError> {
        self.intents.healed(id).map_err(|error| ClusterError::Failed(error.to_string()))
    }

    fn pids(&self) -> Vec<u32> {
        // Not on this machine, as far as we know.
        Vec::new()
    }

    async fn shut_down(&self) {
        // Nothing of it was started by us.
    }
}

#[cfg(test)]
mod tests {
    use super::super::intents::open_intents;
    use super::super::testing::{CLUSTER_ID, FakeCluster};
    use super::*;

    async fn attached(fake: &FakeCluster, file: &AttachFile) -> AttachCluster {
        AttachCluster::attach(file, fake.folder.path(), fake.folder.path(), None).await.unwrap()
    }

    #[tokio::test]
    async fn nothing_is_harmed_while_nobody_stands_by() {
        let fake = FakeCluster::start();
        let cluster = attached(&fake, &fake.file).await;
        assert_eq!(cluster.cluster_id(), Some(CLUSTER_ID));
        let error = cluster.signal(&fake.n1(), Signal::Kill).await.unwrap_err().to_string();
        assert!(error.contains("there is none"), "{error}");
        let cluster = cluster.watched_by(Box::new(|| Err("it has ended".into())));
        for error in [
            cluster.signal(&fake.n1(), Signal::Kill).await.unwrap_err().to_string(),
            cluster.before_seal(&fake.n1()).await.unwrap_err().to_string(),
        ] {
            assert!(error.contains("it has ended"), "{error}");
        }
        assert!(!fake.down().exists() && !fake.folder.path().join("hooks").exists());
        let cluster = cluster.watched_by(Box::new(|| Ok(())));
        let took = cluster.signal(&fake.n1(), Signal::Kill).await.unwrap();
        assert!(took.evidence.contains("n1 refuses connections"), "{}", took.evidence);
    }

    #[tokio::test]
    async fn a_node_is_upgraded_by_its_hook_which_is_told_the_version() {
        let fake = FakeCluster::start();
        let mut file = fake.file.clone();
        let told = fake.folder.path().join("told");
        let hook = format!("echo $VQ_NODE $VQ_VERSION > {}", told.display());
        file.nodes[0].hooks.insert(HookName::Upgrade, hook);
        let cluster = attached(&fake, &file).await.watched_by(Box::new(|| Ok(())));
        assert!(cluster.lacks(Ability::Replace).unwrap().contains("--to"));
        let cluster = cluster.upgrading_to(Some("9.9.9".into()));
        assert_eq!(cluster.lacks(Ability::Replace), None);
        let took = cluster.replace(&fake.n1(), Edition::To).await.unwrap();
        let expected = "hook `upgrade` of n1 with VQ_VERSION=9.9.9 exited 0";
        assert!(took.evidence.starts_with(expected), "{}", took.evidence);
        assert_eq!(std::fs::read_to_string(&told).unwrap(), "n1 9.9.9\n");
        // Whoever comes after us brings back what did not come back.
        assert_eq!(open_intents(&intents_file(fake.folder.path())).unwrap().len(), 1);
        file.nodes[0].hooks.remove(&HookName::Upgrade);
        let without = attached(&fake, &file).await.upgrading_to(Some("9.9.9".into()));
        assert!(without.lacks(Ability::Replace).unwrap().contains("`upgrade` hook"));
    }

    #[tokio::test]
    async fn hooks_are_any_subset_and_a_node_that_cannot_be_brought_back_is_not_begun_with() {
        let fake = FakeCluster::start();
        let mut file = fake.file.clone();
        file.nodes.push(AttachNode { id: NodeId::new("n2"), ..file.nodes[0].clone() });
        file.nodes[1].hooks.remove(&HookName::Start);
        let cluster = attached(&fake, &file).await.watched_by(Box::new(|| Ok(())));
        assert_eq!(cluster.lacks(Ability::Start), None);
        assert!(cluster.lacks(Ability::Pause).unwrap().contains("a `pause` and a `resume` hook"));
        match cluster.signal(&NodeId::new("n2"), Signal::Kill).await {
            Err(ClusterError::NotApplicable(why)) => assert!(why.contains("n2 has no `start` hook"), "{why}"),
            other => panic!("{other:?}"),
        }
        assert!(!fake.down().exists());
    }
}
