//! Who dials: the node whose process holds the other end of the connection.

use super::network::Network;
use crate::machine::sockets;
use crate::model::{NodeId, Party};
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

/// The nodes' processes that run, this moment.
pub type NodePids = Arc<dyn Fn() -> Vec<(NodeId, u32)> + Send + Sync>;

/// Who may dial a front.
#[derive(Clone)]
pub enum Dialers {
    /// Whoever it is counts as a client.
    Clients,
    /// The processes of nodes are told apart; everybody else counts as a client.
    Nodes(NodePids),
}

/// A dialler's socket is there before its connection is; only our list of processes may be behind, for a moment.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(1);

impl Dialers {
    /// # Errors
    /// It cannot be told, so the connection must not be carried.
    pub async fn party(&self, network: &Network, peer: SocketAddr, own: SocketAddr) -> Result<Party, ()> {
        let Dialers::Nodes(pids) = self else { return Ok(Party::Clients) };
        let (SocketAddr::V4(peer), SocketAddr::V4(own)) = (peer, own) else { return Ok(Party::Clients) };
        let mut trouble = None;
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(FIRST_WAIT * 2u32.pow(attempt)).await;
            }
            let pids = pids.clone();
            let found = tokio::task::spawn_blocking(move || node_of(peer, own, &pids())).await;
            match found.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(Some(node)) => return Ok(Party::Node(node)),
                Ok(None) => trouble = None,
                // A process that is just ending shows nothing; it is gone from the list the next time.
                Err(error) => trouble = Some(error),
            }
        }
        match trouble {
            None => Ok(Party::Clients),
            Some(error) => {
                let why = format!("cannot tell which node dials {own}: {error}");
                *network.trouble.lock().unwrap() = Some(why);
                Err(())
            }
        }
    }
}

fn node_of(peer: SocketAddrV4, own: SocketAddrV4, nodes: &[(NodeId, u32)]) -> io::Result<Option<NodeId>> {
    let pids: Vec<u32> = nodes.iter().map(|(_, pid)| *pid).collect();
    let holder = sockets::holder(peer, own, &pids)?;
    Ok(nodes.iter().find(|(_, pid)| Some(*pid) == holder).map(|(node, _)| node.clone()))
}
