//! Real handshakes with an address, and one request after them: with TLS 1.3 a server refuses a client's certificate only
//! when the client believes that the handshake is over.

use crate::conformance::{Answer, Checked, Lab, Stop};
use crate::vault::{Endpoint, TlsMaterial, TlsVersions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const WITHIN: Duration = Duration::from_secs(5);
const REQUEST: &[u8] =
    b"GET /v1/sys/health?standbyok=true HTTP/1.1\r\nHost: vault\r\nConnection: close\r\n\r\n";

impl Lab {
    /// What becomes of a handshake with these versions, and of a request after it: `served`, the version, the
    /// certificate's fingerprint, and why not.
    pub async fn handshake(
        &self,
        endpoint: &Endpoint,
        tls: &TlsMaterial,
        versions: TlsVersions,
    ) -> Checked<Answer> {
        let config = tls.client_config(versions).map_err(Stop::broken)?;
        let name = endpoint.server_name().ok_or_else(|| Stop::broken("the address is no name for TLS"))?;
        let tried = async {
            let stream = TcpStream::connect(endpoint.address).await?;
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            let (_, session) = stream.get_ref();
            let version = session.protocol_version().map(|version| format!("{version:?}"));
            let certificate = session.peer_certificates().and_then(<[_]>::first);
            let fingerprint = certificate.map(|certificate| fingerprint(certificate));
            stream.write_all(REQUEST).await?;
            let mut line = vec![0; 12];
            stream.read_exact(&mut line).await?;
            let line = String::from_utf8_lossy(&line).into_owned();
            Ok(json!({ "served": line == "HTTP/1.1 200", "version": version, "certificate": fingerprint }))
        };
        let seen = match tokio::time::timeout(WITHIN, tried).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => refused(&error)?,
            Err(_) => return Err(Stop::broken("a handshake took longer than 5 s")),
        };
        Ok(self.seen("handshake", seen))
    }
}

/// A port where nobody listens says nothing about TLS.
fn refused(error: &std::io::Error) -> Checked<Value> {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Err(Stop::broken(error)),
        _ => Ok(json!({ "served": false, "why": error.to_string() })),
    }
}

/// How a certificate is told from another.
fn fingerprint(certificate: &[u8]) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect()
}
