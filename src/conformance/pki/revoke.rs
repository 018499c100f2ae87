//! Revocation and the list of revoked certificates.

use super::mount::{HOST, SLACK_S};
use super::x509;
use crate::conformance::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "pki/revoke/stands-on-the-list",
        source,
        "a revoked certificate stands on the revocation list that the authority signs, and one that was not revoked does not",
        |lab| async move {
            let (pki, root) = lab.pki_with_service("pki").await?;
            let (good, bad) = (pki.quietly().issue_to_service().await?, pki.issue_to_service().await?);
            let (good, bad) = (good.text("/data/serial_number")?, bad.text("/data/serial_number")?);
            let before = x509::read_revocation_list(&pki.revocation_list().await?, &root, &[&good, &bad])?;
            lab.seen("the list before", before).has("/names", json!([false, false]))?;
            let revoked = pki.revoke(&bad).await?;
            revoked.is(200)?.that("/data/revocation_time", "is now", |at| {
                at.as_f64().is_some_and(|at| (at - x509::now_s()).abs() < SLACK_S)
            })?;
            let after = x509::read_revocation_list(&pki.revocation_list().await?, &root, &[&good, &bad])?;
            let after = lab.seen("the list after", after);
            after.has("/signed_by_authority", true)?.has("/names", json!([false, true]))?;
            Ok(())
        },
    );
    cases.add(
        "pki/revoke/clients-refuse-it",
        source,
        "a client that holds the revocation list takes the certificate before it was revoked, and refuses it afterwards",
        |lab| async move {
            let (pki, root) = lab.pki_with_service("pki").await?;
            let issued = pki.issue_to_service().await?;
            let (certificate, serial) =
                (issued.text("/data/certificate")?, issued.text("/data/serial_number")?);
            let list = pki.revocation_list().await?;
            let judged = x509::judged_by_client(&[&certificate], &root, HOST, Some(&list))?;
            lab.seen("a client before", judged).has("/taken", true)?;
            pki.revoke(&serial).await?.is(200)?;
            let list = pki.revocation_list().await?;
            let judged = x509::judged_by_client(&[&certificate], &root, HOST, Some(&list))?;
            lab.seen("a client after", judged).has("/taken", false)?.has("/why", "CertRevoked")?;
            Ok(())
        },
    );
    cases.add(
        "pki/revoke/is-remembered",
        source,
        "the stored certificate says when it was revoked; one that was not says 0",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let serial = pki.quietly().issue_to_service().await?.text("/data/serial_number")?;
            let stored = pki.at(&format!("cert/{serial}"));
            lab.get(&stored).await?.is(200)?.has("/data/revocation_time", 0)?;
            pki.quietly().revoke(&serial).await?.is(200)?;
            let revoked = lab.get(&stored).await?;
            revoked.is(200)?.that("/data/revocation_time", "is now", |at| {
                at.as_f64().is_some_and(|at| (at - x509::now_s()).abs() < SLACK_S)
            })?;
            lab.list(&pki.at("certs/revoked")).await?.is(200)?.lists_drawn("/data/keys", &serial)?;
            Ok(())
        },
    );
    cases.add(
        "pki/revoke/unknown-serial-refused",
        source,
        "a serial number that was never given out cannot be revoked",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            pki.revoke("39:dd:2e").await?.is(400)?.error_has("not found")?;
            Ok(())
        },
    );
}
