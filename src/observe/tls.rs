//! Which TLS versions a node accepts, by real handshakes that offer one version each.

use crate::cluster::Node;
use crate::model::Event;
use crate::record::Journal;
use crate::vault::TlsVersions;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const DEADLINE: Duration = Duration::from_secs(5);

/// Only 1.2 and 1.3 are tried: no maintained library offers older ones any more. A node without TLS, or one
/// that cannot be reached, is not journalled: nothing was seen.
pub async fn probe_tls(node: &Node, journal: &Journal) {
    let Some(material) = &node.endpoint.tls else { return };
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for (versions, name) in [(TlsVersions::Only12, "1.2"), (TlsVersions::Only13, "1.3")] {
        let Ok(config) = material.client_config(versions) else { return };
        let Some(server_name) = node.endpoint.server_name() else { return };
        let Ok(Ok(stream)) = tokio::time::timeout(DEADLINE, TcpStream::connect(node.endpoint.address)).await
        else {
            return;
        };
        let connector = TlsConnector::from(Arc::new(config));
        match tokio::time::timeout(DEADLINE, connector.connect(server_name, stream)).await {
            Ok(Ok(_)) => accepted.push(name.to_owned()),
            Ok(Err(_)) => refused.push(name.to_owned()),
            Err(_) => return,
        }
    }
    journal.write(Event::TlsProbe { node: node.id.clone(), accepted, refused });
}
