//! A certificate that is replaced while the server serves: SIGHUP.

use super::listener::Listener;
use crate::conformance::{Cases, Checked, Lab, Source, Stop};
use crate::vault::TlsVersions::All;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
/// Requests go on for so long after the new certificate is served.
const AFTERWARDS: Duration = Duration::from_millis(300);

pub fn register(cases: &mut Cases) {
    let source = Source::Consciousness;
    cases.add(
        "tls/rotation/new-certificate-served",
        source,
        "after its file was replaced and SIGHUP was sent a server shows the new certificate, without a restart",
        |lab| async move {
            let listener = Listener::open(&lab, "").await?;
            let before = served(&listener, &lab.quietly()).await?;
            let pid = listener.spare.pid();
            listener.replace_certificate()?;
            listener.spare.signal(Signal::HUP)?;
            another(&listener, &lab, &before).await?;
            let seen = lab.seen("process", json!({ "is_the_same": pid.is_some() && pid == listener.spare.pid() }));
            seen.has("/is_the_same", true)?;
            Ok(())
        },
    );
    cases.add(
        "tls/rotation/not-without-signal",
        source,
        "a file that was replaced is not served before the signal",
        |lab| async move {
            let listener = Listener::open(&lab, "").await?;
            let before = served(&listener, &lab.quietly()).await?;
            listener.replace_certificate()?;
            listener.shake(&lab, All).await?.has("/served", true)?.has("/certificate", before)?;
            Ok(())
        },
    );
    cases.add(
        "tls/rotation/no-request-dropped",
        source,
        "no request fails while a certificate is rotated, on connections that are kept or new",
        |lab| async move {
            let listener = Arc::new(Listener::open(&lab, "").await?);
            let over = Arc::new(AtomicBool::new(false));
            let asking: Vec<_> = [true, false]
                .map(|keeps| tokio::spawn(ask_until(listener.clone(), keeps, over.clone())))
                .into_iter()
                .collect();
            let quiet = lab.quietly();
            let rotated = async {
                for _ in 0..3 {
                    let before = served(&listener, &quiet).await?;
                    listener.replace_certificate()?;
                    listener.spare.signal(Signal::HUP)?;
                    another(&listener, &quiet, &before).await?;
                }
                tokio::time::sleep(AFTERWARDS).await;
                Checked::Ok(())
            };
            let rotated = rotated.await;
            over.store(true, Ordering::Relaxed);
            let (mut answered, mut failed) = (0, 0);
            for asked in asking {
                let (yes, no) = asked.await.map_err(Stop::broken)??;
                (answered, failed) = (answered + yes, failed + no);
            }
            rotated?;
            let seen = lab.seen("requests", json!({ "enough_answered": answered >= 20, "failed": failed }));
            seen.has("/failed", 0)?.has("/enough_answered", true)?;
            Ok(())
        },
    );
    cases.add(
        "tls/rotation/broken-file-keeps-the-old",
        source,
        "a certificate file that cannot be read leaves the server with the old one",
        |lab| async move {
            let listener = Listener::open(&lab, "").await?;
            let before = served(&listener, &lab.quietly()).await?;
            std::fs::write(&listener.certificate.cert_file, "no certificate").map_err(Stop::broken)?;
            listener.spare.signal(Signal::HUP)?;
            // It says so in its log when it has looked.
            let quiet = lab.quietly();
            let looked = || async {
                let said = listener.spare.said().contains("encountered during reload");
                quiet.seen("log", json!({ "reload": said })).has("/reload", true).map(drop)
            };
            quiet.eventually(SOON, looked).await?;
            listener.shake(&lab, All).await?.has("/served", true)?.has("/certificate", before)?;
            Ok(())
        },
    );
}

async fn served(listener: &Listener, lab: &Lab) -> Checked<String> {
    listener.shake(lab, All).await?.has("/served", true)?.text("/certificate")
}

async fn another(listener: &Listener, lab: &Lab, before: &str) -> Checked {
    let shown = || async {
        let shaken = listener.shake(lab, All).await?;
        shaken.has("/served", true)?.that("/certificate", "is another one", |shown| {
            shown.as_str().is_some_and(|shown| shown != before && shown.len() == before.len())
        })?;
        Ok(())
    };
    lab.eventually(SOON, shown).await
}

/// So many requests were answered, and so many were not.
async fn ask_until(listener: Arc<Listener>, keeps: bool, over: Arc<AtomicBool>) -> Checked<(u32, u32)> {
    let mut client = listener.client()?;
    let (mut answered, mut failed) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        if !keeps {
            client = listener.client()?;
        }
        match client.call(Method::GET, "sys/health", None).await {
            Ok(answer) if answer.status == 200 => answered += 1,
            _ => failed += 1,
        }
    }
    Ok((answered, failed))
}
