//! Undoes what one run did to an attached cluster: heals by the intents on disk, removes by the list of what
//! was made. Safe to repeat.

use crate::bootstrap::{Made, MadeLog, made_file, remove, unseal};
use crate::cluster::attach::{
    AttachCluster, HOOK_WITHIN, Harm, HookProcess, OpenIntent, intents_file, open_intents,
};
use crate::cluster::{Access, Cluster, ClusterError, Node, Signal};
use crate::model::AttachFile;
use crate::record::RunFolder;
use crate::vault::{Client, ClientError, wait_until};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What has to be known of a cluster to undo something on it later; `private/attach.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttachRecord {
    /// With absolute paths only: who undoes may be anywhere.
    pub file: AttachFile,
    /// Where hooks run.
    pub hooks_in: PathBuf,
    /// What its nodes said when the run began.
    pub cluster_id: Option<String>,
}

/// What was done, and what could not be, a sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    pub did: Vec<String>,
    pub trouble: Vec<String>,
}

const NAME: &str = "attach.json";
const UNSEAL_WITHIN: Duration = Duration::from_secs(60);
/// After a heal the first election may take long.
const LEADER_WITHIN: Duration = Duration::from_secs(90);
/// A leader may change under us right after a heal.
const ATTEMPTS: u32 = 4;
const AGAIN_AFTER: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(100);

impl AttachRecord {
    pub fn write(&self, folder: &RunFolder) -> Result<(), crate::record::RecordError> {
        let text = serde_json::to_vec(self).expect("plain data serialises");
        folder.write_secret(NAME, &text).map(drop)
    }

    /// `None` when the run did not get so far, or has no attached cluster.
    pub fn read(folder: &RunFolder) -> Result<Option<Self>, String> {
        let path = folder.private().join(NAME);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| format!("{} is not as we write it: {error}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        }
    }
}

/// Heals and removes whatever the folder says is left. `say` is told of each step as it is done.
pub async fn undo(folder: &RunFolder, say: &mut (dyn FnMut(&str) + Send)) -> Undone {
    let mut undone = Undone::default();
    if let Err(problem) = try_undo(folder, &mut undone, say).await {
        say(&problem);
        undone.trouble.push(problem);
    }
    undone
}

async fn try_undo(
    folder: &RunFolder,
    undone: &mut Undone,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let private = folder.private();
    let open = open_intents(&intents_file(&private)).map_err(|error| text(&error))?;
    let made: Vec<Made> = MadeLog::read(&made_file(&private)).map_err(|error| text(&error))?;
    if open.is_empty() && made.is_empty() {
        return Ok(());
    }
    let record = AttachRecord::read(folder)?.ok_or("what was attached to is not recorded")?;
    // A hook of the dead harness would do its harm after the heal: it is ended first, whatever comes then.
    for left in open.iter().filter(|left| !left.act_ended) {
        if left.hook.is_some_and(HookProcess::end) {
            say(&format!(
                "ended the `{}` hook of {}, still under way",
                left.intent.fault.name(),
                left.intent.node
            ));
        }
    }
    let cluster = AttachCluster::attach(&record.file, &private, &record.hooks_in, record.cluster_id.clone())
        .await
        .map_err(|error| text(&error))?;
    if let (Some(recorded), Some(now)) = (&record.cluster_id, cluster.cluster_id())
        && recorded != now
    {
        return Err(format!(
            "the run was on cluster {recorded}, and the nodes are now of {now}: nothing is done"
        ));
    }
    let answering = crate::cluster::attach::ask_cluster_ids(cluster.nodes()).await;
    if !open.is_empty() && answering.iter().all(|(_, id)| id.is_none()) {
        say("no node says which cluster it is of: going by the id that the run recorded");
    }
    // Starting and resuming take no token: an unreadable file must not leave nodes down.
    let access = cluster.access().map_err(|error| text(&error));
    for left in open {
        let node = left.intent.node.clone();
        let did = match heal(&cluster, &left, &access).await {
            Ok(how) => format!("healed {} of {node}: {how}", left.intent.fault.name()),
            Err(error) => {
                let problem = format!("{} of {node} could not be healed: {error}", left.intent.fault.name());
                say(&problem);
                undone.trouble.push(problem);
                continue;
            }
        };
        say(&did);
        undone.did.push(did);
    }
    if made.is_empty() {
        return Ok(());
    }
    let access = access?;
    let (mut removed, mut trouble) = (Vec::new(), Vec::new());
    // Until a look finds nothing: a request that was under way at our death may have made something since.
    for _ in 0..ATTEMPTS {
        let leader = active_node(cluster.nodes(), LEADER_WITHIN).await.map_err(|error| text(&error))?;
        let operator = Client::new(&leader.endpoint).map_err(|error| text(&error))?;
        let (now_removed, now_trouble) = remove(&operator.with_token(&access.root_token), &made).await;
        let found_none = now_removed.is_empty();
        removed.extend(now_removed);
        trouble = now_trouble;
        match (trouble.is_empty(), found_none) {
            (true, true) => break,
            (true, false) => tokio::time::sleep(EVERY).await,
            (false, _) => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
    if !removed.is_empty() {
        let names: Vec<_> = removed.iter().map(Made::name).collect();
        let did = format!("removed {}", names.join(", "));
        say(&did);
        undone.did.push(did);
    }
    for problem in trouble {
        say(&problem);
        undone.trouble.push(problem);
    }
    if undone.trouble.is_empty() {
        // The list has done its duty; what is kept of it says that there was one.
        let (from, to) = (made_file(&private), private.join("made.removed.jsonl"));
        std::fs::rename(&from, to).map_err(|error| format!("cannot rename {}: {error}", from.display()))?;
    }
    Ok(())
}

/// Undoes one intent, as far as the node shows that anything is left to undo.
async fn heal(
    cluster: &AttachCluster,
    left: &OpenIntent,
    access: &Result<Access, String>,
) -> Result<String, String> {
    let intent = &left.intent;
    // When no node says it, this is what was recorded when the run began.
    let now = cluster.cluster_id().unwrap_or("unknown");
    if intent.cluster_id != now {
        let then = &intent.cluster_id;
        return Err(format!("it was done to cluster {then}, and the nodes are now of {now}"));
    }
    if !left.act_ended {
        // What a hook began elsewhere (over ssh, say) may still take effect: heal after it, not before.
        let age = jiff::Timestamp::now().duration_since(intent.at).unsigned_abs();
        tokio::time::sleep(HOOK_WITHIN.saturating_sub(age)).await;
    }
    let done = match intent.fault {
        Harm::Pause => cluster.signal(&intent.node, Signal::Resume).await.map(|took| took.evidence),
        Harm::Kill | Harm::Stop => cluster.start(&intent.node).await,
        Harm::Seal => Ok("sealed by API".to_owned()),
    };
    let mut how = match done {
        Ok(how) => how,
        // It is already as it should be.
        Err(ClusterError::NotApplicable(how)) => how,
        Err(error) => return Err(error.to_string()),
    };
    let node = cluster.node(&intent.node).ok_or("the attach file no longer names it")?;
    let client = Client::new(&node.endpoint).map_err(|error| error.to_string())?;
    let status = client.get("sys/seal-status").await.map_err(|error| error.to_string())?;
    if status.body["sealed"] == true {
        let access = access.as_ref().map_err(|error| format!("it is up again and sealed: {error}"))?;
        // Asked only now: no node could tell it while the whole cluster was down.
        let needed = status.body["t"].as_u64().filter(|_| status.body["type"] == "shamir").unwrap_or(0);
        let needed = needed as usize;
        if access.unseal_keys.len() < needed {
            let given = access.unseal_keys.len();
            return Err(format!("{needed} unseal keys are needed, and the attach file gives {given}"));
        }
        let access = Access { threshold: needed, ..access.clone() };
        unseal(&client, &access, UNSEAL_WITHIN).await.map_err(|error| error.to_string())?;
        how += "; unsealed";
    }
    cluster.healed(&intent.node).map_err(|error| error.to_string())?;
    Ok(how)
}

/// The node that says that it leads, once one does.
pub async fn active_node(nodes: &[Node], within: Duration) -> Result<&Node, ClientError> {
    wait_until("a node is active", within, EVERY, || async {
        for node in nodes {
            let Ok(client) = Client::new(&node.endpoint) else { continue };
            let asked = tokio::time::timeout(Duration::from_secs(1), client.get("sys/leader")).await;
            if let Ok(Ok(answer)) = asked
                && answer.body["is_self"] == true
            {
                return Ok(node);
            }
        }
        Err("no node says that it leads".to_owned())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::attach::IntentLog;
    use crate::cluster::attach::testing::{CLUSTER_ID, FakeCluster};
    use crate::model::HookName;
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    /// The folder of a run on the cluster that has just taken its node down.
    fn dead_run(cluster: &FakeCluster, intended_on: &str) -> RunFolder {
        let folder =
            RunFolder::create(cluster.folder.path(), jiff::Timestamp::UNIX_EPOCH, "dead", 1).unwrap();
        let record = AttachRecord {
            file: cluster.file.clone(),
            hooks_in: cluster.folder.path().to_owned(),
            cluster_id: Some(CLUSTER_ID.into()),
        };
        record.write(&folder).unwrap();
        let log = IntentLog::open(&intents_file(&folder.private())).unwrap();
        let number = log.intend(&cluster.n1(), Harm::Kill, None, intended_on).unwrap();
        log.act_ended(number).unwrap();
        std::fs::write(cluster.down(), "").unwrap();
        folder
    }

    #[tokio::test]
    async fn a_node_is_started_without_the_token() {
        let cluster = FakeCluster::start();
        let folder = dead_run(&cluster, CLUSTER_ID);
        let undone = undo(&folder, &mut |_| {}).await;
        assert!(undone.trouble.is_empty(), "{undone:?}");
        assert!(undone.did[0].contains("healed kill of n1"), "{undone:?}");
        assert!(!cluster.down().exists());
    }

    #[tokio::test]
    async fn what_was_made_stays_listed_without_the_token_but_the_node_is_started() {
        let cluster = FakeCluster::start();
        let folder = dead_run(&cluster, CLUSTER_ID);
        let made = Made::Policy { name: "vq-0a1b2c-x".into() };
        MadeLog::open(&made_file(&folder.private())).unwrap().append(&made).unwrap();
        let undone = undo(&folder, &mut |_| {}).await;
        assert_eq!((undone.did.len(), undone.trouble.len()), (1, 1), "{undone:?}");
        assert!(undone.trouble[0].contains("no-token"), "{undone:?}");
        assert!(!cluster.down().exists() && made_file(&folder.private()).exists());
    }

    #[tokio::test]
    async fn what_was_done_to_another_cluster_is_left_alone() {
        let cluster = FakeCluster::start();
        let folder = dead_run(&cluster, "cl-2");
        let undone = undo(&folder, &mut |_| {}).await;
        assert!(undone.trouble[0].contains("cl-2") && undone.did.is_empty(), "{undone:?}");
        assert!(cluster.down().exists());
    }

    #[tokio::test]
    async fn a_hook_of_the_dead_harness_is_ended_before_the_heal() {
        let mut cluster = FakeCluster::start();
        cluster.file.nodes[0].hooks.insert(HookName::Start, "rm down; touch started".into());
        let folder = dead_run(&cluster, CLUSTER_ID);
        let log = IntentLog::open(&intents_file(&folder.private())).unwrap();
        let number = log.intend(&cluster.n1(), Harm::Kill, None, CLUSTER_ID).unwrap();
        let mut hook = std::process::Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        log.hook_began(number, HookProcess::of(hook.id()).unwrap()).unwrap();
        let mut said = Vec::new();
        let mut say = |text: &str| said.push(text.to_owned());
        // What comes after the hook's end waits out what the hook may have begun elsewhere.
        let undoing = undo(&folder, &mut say);
        assert!(tokio::time::timeout(Duration::from_secs(5), undoing).await.is_err());
        assert!(said[0].contains("ended the `kill` hook of n1"), "{said:?}");
        assert_eq!(hook.wait().unwrap().signal(), Some(9));
        // Relative paths in a hook mean the folder that the run was started in.
        assert!(cluster.folder.path().join("started").exists() && !cluster.down().exists());
    }
}
