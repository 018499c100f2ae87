//! What controller and agent say to each other: one JSON value a line, one answer to each request.

use super::part::Part;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Counted up; the answer carries it, so that a late answer is not taken for the next one.
    pub number: u64,
    pub request: Request,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// From now on the network is as this says.
    Set(Part),
    /// Note what arrives of a probe.
    ProbeListen { probe: u64 },
    /// Send packets of our own; the answer comes at once.
    ProbeSend { probe: u64, to: SocketAddr, packets: u32, every_ms: u64 },
    /// What arrived of a probe until now.
    ProbeSeen { probe: u64 },
    /// The agent's table as the kernel has it.
    Show,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// 0 for what an agent says by itself when it is ready.
    pub number: u64,
    pub answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The table is in place and empty. `holds` is by what means packets can be held back, or why they cannot.
    Ready {
        probe_port: u16,
        holds: Result<String, String>,
    },
    /// In force since `at_ns`; `rules` were read back from the kernel.
    Set {
        at_ns: u64,
        rules: usize,
    },
    Listening,
    Sending,
    /// Moments of the monotonic clock: sent, arrived.
    Seen {
        packets: Vec<(u64, u64)>,
    },
    Table(String),
    Failed(String),
}
