//! What the servers' own logs say about leadership, on the run's clock.

use crate::model::NodeId;
use crate::record::SavedRun;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `storage.raft: entering leader state`: won the election.
    Elected,
    /// `core: acquired lock, enabling active operation`: begins to take over.
    TakingOver,
    /// `core: post-unseal setup complete`: serves, when it follows the one above.
    Ready,
}

const LINES: [(&str, Mark); 3] = [
    ("storage.raft: entering leader state", Mark::Elected),
    ("core: acquired lock, enabling active operation", Mark::TakingOver),
    ("core: post-unseal setup complete", Mark::Ready),
];

#[derive(Clone, Debug, PartialEq)]
pub struct LogMark {
    pub t_ms: f64,
    pub node: NodeId,
    pub mark: Mark,
}

/// The marks of all nodes, by time.
pub fn marks(run: &SavedRun) -> Vec<LogMark> {
    let started_at = run.info.started_at;
    let mut marks = Vec::new();
    for (node, log) in &run.logs {
        for line in log.lines() {
            let Some(&(_, mark)) = LINES.iter().find(|(text, _)| line.contains(text)) else { continue };
            // A line without a leading timestamp is the continuation of another: nothing to place it by.
            let time = line.split_whitespace().next().and_then(|word| word.parse::<jiff::Timestamp>().ok());
            if let Some(time) = time {
                let t_ms = time.duration_since(started_at).as_secs_f64() * 1e3;
                marks.push(LogMark { t_ms, node: node.clone(), mark });
            }
        }
    }
    marks.sort_by(|a, b| a.t_ms.total_cmp(&b.t_ms));
    marks
}
