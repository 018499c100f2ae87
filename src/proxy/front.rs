//! A stable port in front of somebody's real one.

use super::connection::{Line, carry};
use super::dialer::Dialers;
use super::network::Network;
use crate::model::Party;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub struct Front {
    /// Where others find it.
    pub listen: SocketAddr,
    /// Whose it is.
    pub party: Party,
    /// Where it really listens.
    pub behind: SocketAddr,
    pub dialers: Dialers,
}

/// No descriptor was left, or a dialler gave up while it waited: the next may fare better, but not at once.
const AFTER_ERROR: Duration = Duration::from_millis(5);

pub async fn serve(front: Front, listener: TcpListener, network: Arc<Network>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(admit(front.clone(), network.clone(), stream, peer));
            }
            Err(_) => tokio::time::sleep(AFTER_ERROR).await,
        }
    }
}

async fn admit(front: Front, network: Arc<Network>, stream: TcpStream, peer: SocketAddr) {
    let probe = network.probes.lock().unwrap().get(&peer.port()).cloned();
    let to = front.party;
    let line = match probe {
        Some(probe) => Line { network, from: probe.from, to, behind: probe.behind, is_probe: true },
        None => match front.dialers.party(&network, peer, front.listen).await {
            Ok(from) => Line { network, from, to, behind: front.behind, is_probe: false },
            Err(()) => {
                let _ = stream.set_zero_linger();
                return;
            }
        },
    };
    carry(line, stream).await;
}
