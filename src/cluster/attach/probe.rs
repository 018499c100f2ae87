//! What a node that is not ours shows from outside: the evidence beside a hook's own word.

use crate::cluster::Node;
use crate::vault::{Failure, Wire, is_exhaustion, request};
use bytes::Bytes;
use std::io;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// What a node did with one request of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Answers,
    /// The connection is refused, or closed at once.
    Refuses,
    /// It takes the connection and says nothing within the deadline.
    Hangs,
    /// Nothing at all comes back, not even for the connection.
    Silent,
    /// We could not ask: no evidence of anything.
    Unknown,
}

impl Reaction {
    pub fn in_words(self) -> &'static str {
        match self {
            Reaction::Answers => "answers",
            Reaction::Refuses => "refuses connections",
            Reaction::Hangs => "takes connections and says nothing",
            Reaction::Silent => "takes no connection",
            Reaction::Unknown => "could not be asked, for lack of sockets on this machine or usable TLS",
        }
    }

    pub fn is_gone(self) -> bool {
        matches!(self, Reaction::Refuses | Reaction::Hangs | Reaction::Silent)
    }
}

const POLL_EVERY: Duration = Duration::from_millis(20);

/// Asks for `sys/seal-status` on a connection of its own; any answer counts.
pub async fn react(node: &Node, within: Duration) -> Reaction {
    match tokio::time::timeout(within, TcpStream::connect(node.endpoint.address)).await {
        Err(_) => return Reaction::Silent,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Reaction::Refuses,
        Ok(Err(error)) if is_exhaustion(&error) => return Reaction::Unknown,
        Ok(Err(_)) => return Reaction::Silent,
        Ok(Ok(_)) => {}
    }
    let Ok(wire) = Wire::new(&node.endpoint) else { return Reaction::Unknown };
    match wire.send(request("GET", "sys/seal-status", None, Bytes::new()), within).await {
        Ok(_) => Reaction::Answers,
        Err(Failure::Exhausted) => Reaction::Unknown,
        // It took the first connection: what is missing is a word over it, be it of TLS.
        Err(Failure::ConnectTimeout | Failure::Timeout) => Reaction::Hangs,
        Err(Failure::ConnectRefused | Failure::Connect | Failure::Reset) => Reaction::Refuses,
    }
}

/// Asks until the reaction `fits`, `within` at most; the last reaction and how long it took.
pub async fn react_until(
    node: &Node,
    within: Duration,
    deadline: Duration,
    fits: impl Fn(Reaction) -> bool,
) -> Result<(Reaction, Duration), Reaction> {
    let began = Instant::now();
    loop {
        let reaction = react(node, deadline).await;
        if fits(reaction) {
            return Ok((reaction, began.elapsed()));
        }
        if began.elapsed() >= within {
            return Err(reaction);
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
