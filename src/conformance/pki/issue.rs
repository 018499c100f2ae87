//! Certificates for a service: who signed them, their keys, how long they live.

use super::mount::{HOST, HOUR_S, SERVICE, SLACK_S};
use super::x509;
use crate::conformance::{Answer, Cases, Checked, Lab, Source};
use serde_json::json;

/// How long the certificate of an answer lives, read by another library than the server's.
fn lives(lab: &Lab, issued: &Answer, hours: f64) -> Checked {
    let read = x509::read(&issued.text("/data/certificate")?)?;
    let (from, to) = (read["not_before_s"].as_f64(), read["not_after_s"].as_f64());
    let life = to.zip(from).map(|(to, from)| to - from);
    let seen = lab.seen("how long the certificate lives", json!({ "life_s": life, "not_after_s": to }));
    let words = format!("is {hours} hours");
    let expected = hours * HOUR_S;
    let near = move |found: Option<f64>, expected: f64| {
        found.is_some_and(|found| (found - expected).abs() < SLACK_S)
    };
    seen.that("/life_s", &words, |found| near(found.as_f64(), expected))?;
    issued.that("/data/expiration", "is when the certificate ends", |at| at.as_f64() == to)?;
    Ok(())
}

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "pki/issue/chain-verifies",
        source,
        "a client that trusts the authority takes the certificate for the service's name, and for no other name",
        |lab| async move {
            let (pki, root) = lab.pki_with_service("pki").await?;
            let issued = pki.issue_to_service().await?;
            let certificate = issued.is(200)?.text("/data/certificate")?;
            let taken = x509::judged_by_client(&[&certificate], &root, HOST, None)?;
            lab.seen("a client that trusts the authority", taken).has("/taken", true)?;
            let other = x509::judged_by_client(&[&certificate], &root, "other.example", None)?;
            lab.seen("a client that asked for another name", other).has("/why", "CertNotValidForName")?;
            Ok(())
        },
    );
    cases.add(
        "pki/issue/other-authority-does-not-vouch",
        source,
        "a client that trusts another authority of the same name does not take the certificate",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let (_, other) = lab.pki_with_service("other").await?;
            let certificate = pki.issue_to_service().await?.text("/data/certificate")?;
            let judged = x509::judged_by_client(&[&certificate], &other, HOST, None)?;
            lab.seen("a client that trusts another authority", judged).has("/taken", false)?;
            Ok(())
        },
    );
    cases.add(
        "pki/issue/names-its-authority",
        source,
        "the answer holds the authority's certificate as issuing_ca",
        |lab| async move {
            let (pki, root) = lab.pki_with_service("pki").await?;
            let issued = pki.issue_to_service().await?;
            let named = issued.text("/data/issuing_ca")?;
            lab.seen("issuing_ca", json!({ "same": named.trim() == root.trim() })).has("/same", true)?;
            Ok(())
        },
    );
    cases.add(
        "pki/issue/rsa-key-matches",
        source,
        "the private key of an answer is an RSA key, as the document shows, and belongs to the certificate beside it",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let role = json!({ "allow_bare_domains": true, "key_type": "rsa" });
            pki.quietly().role(SERVICE, role).await?.succeeds()?;
            let issued = pki.issue_to_service().await?;
            issued.is(200)?.has("/data/private_key_type", "rsa")?;
            issued.that("/data/private_key", "begins as an RSA key does", |key| {
                key.as_str().is_some_and(|key| key.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"))
            })?;
            let pair = x509::belong_together(
                &issued.text("/data/certificate")?,
                &issued.text("/data/private_key")?,
            )?;
            lab.seen("certificate and key", pair).has("/match", true)?;
            Ok(())
        },
    );
    cases.add(
        "pki/issue/key-is-not-kept",
        source,
        "a certificate can be fetched later by its serial number; its private key cannot",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let issued = pki.quietly().issue_to_service().await?;
            let (certificate, serial) =
                (issued.text("/data/certificate")?, issued.text("/data/serial_number")?);
            let kept = lab.get(&pki.at(&format!("cert/{serial}"))).await?;
            let fetched = kept.is(200)?.lacks("/data/private_key")?.text("/data/certificate")?;
            lab.seen("the fetched certificate", json!({ "same": fetched.trim() == certificate.trim() }))
                .has("/same", true)?;
            lab.list(&pki.at("certs")).await?.is(200)?.lists_drawn("/data/keys", &serial)?;
            lab.get(&pki.at("cert/11-22-33")).await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "pki/issue/serials-are-unique",
        source,
        "each certificate has a serial number of its own, the one that the answer names",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let mut serials = Vec::new();
            for _ in 0..3 {
                let issued = pki.issue_to_service().await?;
                let serial = issued.text("/data/serial_number")?;
                let seen = lab.seen("the certificate", x509::read(&issued.text("/data/certificate")?)?);
                seen.has("/serial", serial.clone())?;
                serials.push(serial);
            }
            serials.sort();
            serials.dedup();
            lab.seen("three certificates", json!({ "different": serials.len() })).has("/different", 3)?;
            Ok(())
        },
    );
    cases.add(
        "pki/ttl/default-of-the-role",
        source,
        "a certificate asked for without a TTL lives as long as its role says: 24 h",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let issued = pki.issue(SERVICE, json!({ "common_name": HOST })).await?;
            lives(&lab, issued.is(200)?, 24.0)
        },
    );
    cases.add(
        "pki/ttl/longer-within-the-maximum",
        source,
        "a certificate may be asked for longer than its role's default, within the maximum",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let issued = pki.issue(SERVICE, json!({ "common_name": HOST, "ttl": "48h" })).await?;
            lives(&lab, issued.is(200)?, 48.0)
        },
    );
    cases.add(
        "pki/ttl/capped-at-the-maximum",
        source,
        "a certificate asked for longer than the role's maximum lives no longer than that: 720 h",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let issued = pki.issue(SERVICE, json!({ "common_name": HOST, "ttl": "9000h" })).await?;
            lives(&lab, issued.is(200)?, 720.0)
        },
    );
    cases.add(
        "pki/ttl/not-beyond-the-authority",
        source,
        "no certificate is issued that would outlive its authority",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            let body = json!({ "common_name": "short", "ttl": "1h", "key_type": "ec" });
            lab.quietly().post(&pki.at("root/generate/internal"), body).await?.succeeds()?;
            pki.quietly().role(SERVICE, json!({ "allow_bare_domains": true })).await?.succeeds()?;
            let refused = pki.issue_to_service().await?;
            refused.is(400)?.error_has("beyond the expiration of the CA")?.lacks("/data/certificate")?;
            Ok(())
        },
    );
}
