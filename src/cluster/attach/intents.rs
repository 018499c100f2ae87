//! What was about to be done to nodes that outlive the harness, on disk before it is done, so that somebody
//! else can undo it.

use crate::model::{HookName, NodeId};
use crate::record::{DurableLines, RecordError};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What is done to a node and has to be healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    Kill,
    Stop,
    Pause,
    /// By API, without a hook.
    Seal,
}

impl Harm {
    pub fn name(self) -> &'static str {
        match self {
            Harm::Kill => "kill",
            Harm::Stop => "stop",
            Harm::Pause => "pause",
            Harm::Seal => "seal",
        }
    }

    pub fn heal_hook(self) -> Option<HookName> {
        match self {
            Harm::Kill | Harm::Stop => Some(HookName::Start),
            Harm::Pause => Some(HookName::Resume),
            Harm::Seal => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub number: u32,
    pub node: NodeId,
    pub fault: Harm,
    /// The hook's command that heals it; none for what an unseal heals.
    pub heal: Option<String>,
    /// The cluster that was found disposable at that moment.
    pub cluster_id: String,
    pub at: Timestamp,
}

/// The process, and process group, of a hook. The time of its start tells it from one that got the same
/// number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookProcess {
    pub pid: u32,
    /// Clock ticks since the machine booted.
    pub started_ticks: u64,
}

impl HookProcess {
    pub fn of(pid: u32) -> Result<Self, String> {
        let started_ticks = crate::machine::started_ticks(pid)?;
        Ok(Self { pid, started_ticks })
    }

    /// Ends it (SIGKILL) with all that it started; whether it was still there.
    pub fn end(self) -> bool {
        let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        match group {
            Some(group) if Self::of(self.pid) == Ok(self) => kill_process_group(group, Signal::KILL).is_ok(),
            _ => false,
        }
    }
}

/// An intent that nothing in the file says is healed.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenIntent {
    pub intent: Intent,
    /// The hook that does it, once it was let go.
    pub hook: Option<HookProcess>,
    /// Whether the act itself is known to be over; if not, it may still be under way.
    pub act_ended: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Line {
    Intended(Intent),
    HookBegan {
        number: u32,
        process: HookProcess,
    },
    /// The hook, or the request, has ended; well or badly.
    ActEnded {
        number: u32,
    },
    Healed {
        number: u32,
    },
}

pub struct IntentLog {
    path: PathBuf,
    lines: DurableLines<Line>,
    next: Mutex<u32>,
}

/// Where a run's intents are, below its private folder.
pub fn intents_file(private: &Path) -> PathBuf {
    private.join("intents.jsonl")
}

impl IntentLog {
    /// Goes on with what is there.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let number = |line: &Line| match line {
            Line::Intended(intent) => Some(intent.number),
            _ => None,
        };
        let last = read(path)?.iter().filter_map(number).max();
        let next = Mutex::new(last.unwrap_or(0) + 1);
        Ok(Self { path: path.to_owned(), lines: DurableLines::open(path)?, next })
    }

    /// On disk when it returns.
    pub fn intend(
        &self,
        node: &NodeId,
        fault: Harm,
        heal: Option<String>,
        cluster_id: &str,
    ) -> Result<u32, RecordError> {
        let mut next = self.next.lock().unwrap();
        let number = *next;
        *next += 1;
        drop(next);
        self.lines.append(&Line::Intended(Intent {
            number,
            node: node.clone(),
            fault,
            heal,
            cluster_id: cluster_id.to_owned(),
            at: Timestamp::now(),
        }))?;
        Ok(number)
    }

    pub fn hook_began(&self, number: u32, process: HookProcess) -> Result<(), RecordError> {
        self.lines.append(&Line::HookBegan { number, process })
    }

    pub fn act_ended(&self, number: u32) -> Result<(), RecordError> {
        self.lines.append(&Line::ActEnded { number })
    }

    /// Everything that was done to this node is undone.
    pub fn healed(&self, node: &NodeId) -> Result<(), RecordError> {
        for open in open_intents(&self.path)?.into_iter().filter(|open| &open.intent.node == node) {
            self.lines.append(&Line::Healed { number: open.intent.number })?;
        }
        Ok(())
    }
}

/// What is not known to be healed, oldest first. A file that is not there holds none.
pub fn open_intents(path: &Path) -> Result<Vec<OpenIntent>, RecordError> {
    let mut open = BTreeMap::new();
    for line in read(path)? {
        match line {
            Line::Intended(intent) => {
                open.insert(intent.number, OpenIntent { intent, hook: None, act_ended: false });
            }
            Line::HookBegan { number, process } => {
                open.entry(number).and_modify(|intent| intent.hook = Some(process));
            }
            Line::ActEnded { number } => {
                open.entry(number).and_modify(|intent| intent.act_ended = true);
            }
            Line::Healed { number } => {
                open.remove(&number);
            }
        }
    }
    Ok(open.into_values().collect())
}

fn read(path: &Path) -> Result<Vec<Line>, RecordError> {
    DurableLines::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_healed_stays_open_across_processes() {
        let folder = tempfile::tempdir().unwrap();
        let path = intents_file(folder.path());
        let (n1, n2) = (NodeId::new("n1"), NodeId::new("n2"));
        let log = IntentLog::open(&path).unwrap();
        let first = log.intend(&n1, Harm::Kill, Some("start it".into()), "c").unwrap();
        log.act_ended(first).unwrap();
        log.intend(&n2, Harm::Pause, Some("resume it".into()), "c").unwrap();
        log.healed(&n1).unwrap();
        drop(log);
        let open = open_intents(&path).unwrap();
        assert_eq!(open.len(), 1);
        assert_eq!((&open[0].intent.node, open[0].act_ended), (&n2, false));
        let log = IntentLog::open(&path).unwrap();
        assert_eq!(log.intend(&n1, Harm::Seal, None, "c").unwrap(), 3);
        log.healed(&n2).unwrap();
        let open: Vec<_> = open_intents(&path).unwrap().into_iter().map(|open| open.intent.fault).collect();
        assert_eq!(open, [Harm::Seal]);
    }
}
