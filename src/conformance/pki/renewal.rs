//! The workflow document's sidecar, which renews a service's certificate.

use super::x509;
use crate::conformance::{Cases, Source};

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "pki/renewal/documented-sidecar",
        source,
        "the sidecar's two requests, the certificate of one and the key of the other, give a pair that a TLS server can use",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let certificate = pki.issue_to_service().await?.text("/data/certificate")?;
            let key = pki.issue_to_service().await?.text("/data/private_key")?;
            lab.seen("tls.crt and tls.key", x509::belong_together(&certificate, &key)?).has("/match", true)?;
            Ok(())
        },
    );
    cases.add(
        "pki/renewal/one-request",
        source,
        "certificate and key of one request are a pair that a TLS server can use, and so are those of the next renewal",
        |lab| async move {
            let (pki, root) = lab.pki_with_service("pki").await?;
            for renewal in ["tls.crt and tls.key", "the same after a renewal"] {
                let issued = pki.issue_to_service().await?;
                let certificate = issued.text("/data/certificate")?;
                let pair = x509::belong_together(&certificate, &issued.text("/data/private_key")?)?;
                lab.seen(renewal, pair).has("/match", true)?;
                let judged = x509::judged_by_client(&[&certificate], &root, super::mount::HOST, None)?;
                lab.seen("a client of the service", judged).has("/taken", true)?;
            }
            Ok(())
        },
    );
}
