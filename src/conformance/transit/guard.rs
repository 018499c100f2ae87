//! What may not be done with a key unless somebody allowed it: deleting, exporting, backing up.

use super::mount::PLAINTEXT;
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    cases.add(
        "transit/delete/not-unless-allowed",
        SOURCE,
        "with `deletion_allowed=false` a key cannot be deleted and goes on decrypting",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            let refused = lab.delete(&transit.of("keys")).await?;
            refused.is(400)?.error_has("deletion is not allowed")?;
            transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
    cases.add(
        "transit/delete/when-allowed",
        SOURCE,
        "with `deletion_allowed=true` a key is deleted, and its ciphertexts are lost",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            transit.configure(json!({ "deletion_allowed": true })).await?.succeeds()?;
            lab.delete(&transit.of("keys")).await?.succeeds()?;
            transit.read().await?.is(404)?.lacks("/data")?;
            transit.decrypt(&ciphertext).await?.is(400)?.lacks("/data/plaintext")?;
            Ok(())
        },
    );
    cases.add(
        "transit/delete/new-key-of-that-name-reads-nothing-old",
        SOURCE,
        "a new key under the name of a deleted one does not decrypt the old one's ciphertexts",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            transit.quietly().configure(json!({ "deletion_allowed": true })).await?.succeeds()?;
            lab.quietly().delete(&transit.of("keys")).await?.succeeds()?;
            transit.create().await?.succeeds()?;
            transit.read().await?.is(200)?.has("/data/latest_version", 1)?;
            transit.decrypt(&ciphertext).await?.is(400)?.lacks("/data/plaintext")?;
            Ok(())
        },
    );
    cases.add(
        "transit/export/not-unless-allowed",
        SOURCE,
        "with `exportable=false` the key itself is given to nobody",
        |lab| async move {
            let transit = lab.transit().await?;
            for kind in ["encryption-key", "hmac-key"] {
                let refused = lab.get(&transit.of(&format!("export/{kind}"))).await?;
                refused.is(400)?.error_has("not exportable")?.lacks("/data/keys")?;
            }
            Ok(())
        },
    );
    cases.add(
        "transit/export/when-allowed",
        SOURCE,
        "with `exportable=true` each version of the key is given out, of 256 bits",
        |lab| async move {
            use base64::Engine;
            let transit = lab.transit().await?;
            transit.configure(json!({ "exportable": true })).await?.succeeds()?;
            transit.quietly().rotate().await?.succeeds()?;
            let exported = lab.get(&transit.of("export/encryption-key")).await?.is(200)?.clone();
            for version in [1, 2] {
                let key = exported.text(&format!("/data/keys/{version}"))?;
                let bytes = base64::engine::general_purpose::STANDARD.decode(&key).map_or(0, |key| key.len());
                let seen = lab.seen("exported key", json!({ "bytes": bytes }));
                seen.has("/bytes", 32)?;
            }
            Ok(())
        },
    );
    cases.add(
        "transit/export/cannot-be-taken-back",
        SOURCE,
        "a key that was exportable once stays so: it may have left already",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.configure(json!({ "exportable": true })).await?.succeeds()?;
            transit.configure(json!({ "exportable": false })).await?.succeeds()?;
            transit.read().await?.is(200)?.has("/data/exportable", true)?;
            Ok(())
        },
    );
    cases.add(
        "transit/backup/not-unless-allowed",
        SOURCE,
        "with `allow_plaintext_backup=false` no backup of the key is given, even of an exportable one",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.configure(json!({ "exportable": true })).await?.succeeds()?;
            lab.get(&transit.of("backup")).await?.is_one_of(&[400, 403, 500])?.lacks("/data/backup")?;
            Ok(())
        },
    );
    cases.add(
        "transit/backup/restores-the-key",
        SOURCE,
        "where backups are allowed, a deleted key is restored from one and decrypts as before",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            let allowed =
                json!({ "exportable": true, "allow_plaintext_backup": true, "deletion_allowed": true });
            transit.configure(allowed).await?.succeeds()?;
            let backup = lab.get(&transit.of("backup")).await?.is(200)?.text("/data/backup")?;
            lab.delete(&transit.of("keys")).await?.succeeds()?;
            transit.decrypt(&ciphertext).await?.is(400)?.lacks("/data/plaintext")?;
            lab.post(&transit.of("restore"), json!({ "backup": backup })).await?.succeeds()?;
            transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
}
