//! Certificates of clients, where a listener demands them.

use super::listener::Listener;
use crate::cluster::certificates::RunCa;
use crate::conformance::{Cases, Source, Stop};
use crate::vault::TlsVersions::All;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEMANDED: &str = "tls_require_and_verify_client_cert = true\n  tls_client_ca_file = \"{ca}\"";

pub fn register(cases: &mut Cases) {
    let source = Source::AlphaPulse;
    cases.add(
        "tls/mtls/with-certificate-served",
        source,
        "where mTLS is configured, a client with a certificate of the CA is served",
        |lab| async move {
            let listener = Listener::open(&lab, DEMANDED).await?;
            let client = listener.ca.issue("client", HERE).map_err(Stop::broken)?;
            listener
                .shake_as(&lab, Some(&client), All)
                .await?
                .has("/served", true)?
                .has("/version", "TLSv1_3")?;
            Ok(())
        },
    );
    cases.add(
        "tls/mtls/without-certificate-refused",
        source,
        "where mTLS is configured, a client without a certificate is refused",
        |lab| async move {
            let listener = Listener::open(&lab, DEMANDED).await?;
            let shaken = listener.shake(&lab, All).await?;
            shaken.has("/served", false)?.that("/why", "asks for a certificate", alert)?;
            Ok(())
        },
    );
    cases.add(
        "tls/mtls/foreign-certificate-refused",
        source,
        "where mTLS is configured, a client with a certificate of another CA is refused",
        |lab| async move {
            let listener = Listener::open(&lab, DEMANDED).await?;
            let foreign = RunCa::create(&lab.folder()?.join("foreign")).map_err(Stop::broken)?;
            let client = foreign.issue("client", HERE).map_err(Stop::broken)?;
            let shaken = listener.shake_as(&lab, Some(&client), All).await?;
            shaken.has("/served", false)?.that("/why", "is about the certificate", alert)?;
            Ok(())
        },
    );
    cases.add(
        "tls/mtls/not-demanded-by-default",
        source,
        "where mTLS is not configured, a client needs no certificate",
        |lab| async move {
            let listener = Listener::open(&lab, "").await?;
            listener.shake(&lab, All).await?.has("/served", true)?;
            Ok(())
        },
    );
}

/// `received fatal alert: CertificateRequired` and its like.
fn alert(why: &Value) -> bool {
    why.as_str().is_some_and(|why| {
        why.contains("fatal alert")
            && !why.ends_with("-edited")
            && ["Certificate", "UnknownCA"].iter().any(|word| why.contains(word))
    })
}
