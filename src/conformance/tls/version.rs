//! TLS 1.3 and nothing older.

use super::listener::Listener;
use crate::conformance::{Cases, Checked, Lab, Source, Stop};
use crate::vault::{TlsMaterial, TlsVersions};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub fn register(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "tls/version/13-served",
        source,
        "each node serves clients that speak TLS 1.3",
        |lab| async move {
            for node in nodes(&lab)? {
                let tls = material(&node)?;
                let shaken = node.handshake(&node.node().endpoint, &tls, TlsVersions::Only13).await?;
                shaken.has("/served", true)?.has("/version", "TLSv1_3")?;
            }
            Ok(())
        },
    );
    cases.add(
        "tls/version/12-refused",
        source,
        "each node refuses clients that speak nothing newer than TLS 1.2",
        |lab| async move {
            for node in nodes(&lab)? {
                let tls = material(&node)?;
                let shaken = node.handshake(&node.node().endpoint, &tls, TlsVersions::Only12).await?;
                shaken.has("/served", false)?.that("/why", "names the version", about_version)?;
            }
            Ok(())
        },
    );
    cases.add(
        "tls/version/newest-is-taken",
        Source::Workflow,
        "a client that speaks both gets TLS 1.3",
        |lab| async move {
            let shaken = lab.handshake(&lab.node().endpoint, &material(&lab)?, TlsVersions::All).await?;
            shaken.has("/served", true)?.has("/version", "TLSv1_3")?;
            Ok(())
        },
    );
    cases.add(
        "tls/version/plain-http-refused",
        source,
        "a listener with TLS serves nobody in plain text",
        |lab| async move {
            let address = match material(&lab) {
                Ok(_) => lab.node().endpoint.address,
                Err(stop) => return Err(stop),
            };
            let line = plain(address).await.map_err(Stop::broken)?;
            lab.seen("plain request", json!({ "answer": line })).has("/answer", "HTTP/1.0 400")?;
            Ok(())
        },
    );
    cases.add(
        "tls/version/minimum-as-configured",
        Source::Workflow,
        "`tls_min_version = \"tls13\"` in a listener is what refuses TLS 1.2",
        |lab| async move {
            let strict = Listener::open(&lab, "tls_min_version = \"tls13\"").await?;
            let shaken = strict.shake(&lab, TlsVersions::Only12).await?;
            shaken.has("/served", false)?.that("/why", "names the version", about_version)?;
            strict.shake(&lab, TlsVersions::Only13).await?.has("/served", true)?;
            let lenient = Listener::open(&lab, "tls_min_version = \"tls12\"").await?;
            lenient
                .shake(&lab, TlsVersions::Only12)
                .await?
                .has("/served", true)?
                .has("/version", "TLSv1_2")?;
            Ok(())
        },
    );
}

/// All that are known.
fn nodes(lab: &Lab) -> Checked<Vec<Lab>> {
    Ok(vec![lab.clone(), lab.standby(0)?, lab.standby(1)?])
}

fn material(lab: &Lab) -> Checked<TlsMaterial> {
    let tls = lab.node().endpoint.tls.clone();
    tls.ok_or_else(|| Stop::NotJudged("a cluster whose API has TLS".into()))
}

/// `received fatal alert: ProtocolVersion`
fn about_version(why: &Value) -> bool {
    why.as_str().is_some_and(|why| why.contains("ProtocolVersion") && !why.ends_with("-edited"))
}

/// The beginning of what comes back to a request without TLS.
async fn plain(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /v1/sys/health HTTP/1.1\r\nHost: vault\r\n\r\n").await?;
    let mut line = vec![0; 12];
    stream.read_exact(&mut line).await?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}
