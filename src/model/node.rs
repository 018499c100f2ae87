//! Nodes and what can be seen of them from outside.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a node within its cluster: `n1`, `n2`, … or what an attach file calls it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub String);

impl NodeId {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one poll of a node said of its place in the cluster. It is what the node *claims*:
/// an isolated old leader goes on claiming `Active` for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Active,
    Standby,
    /// Answers, but serves no secret: sealed or not initialised (`sys/leader` answers 503 for both).
    Sealed,
    /// Answered with something that is none of the above.
    Confused,
    /// Connection refused, reset or no answer within the poll's deadline.
    Unreachable,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Active => "active",
            Role::Standby => "standby",
            Role::Sealed => "sealed",
            Role::Confused => "confused",
            Role::Unreachable => "unreachable",
        }
    }
}
