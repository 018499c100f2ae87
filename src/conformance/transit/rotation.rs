//! New versions of a key, and what becomes of old ciphertexts.

use super::mount::{PLAINTEXT, documented_settings, is_ciphertext};
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    rotating(cases);
    minimum_versions(cases);
    by_itself(cases);
}

fn rotating(cases: &mut Cases) {
    cases.add(
        "transit/rotate/new-data-new-version",
        SOURCE,
        "after a rotation new data is encrypted with the new version",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.rotate().await?.succeeds()?;
            transit.read().await?.is(200)?.has("/data/latest_version", 2)?;
            let encrypted = transit.encrypt(PLAINTEXT).await?;
            encrypted.is(200)?.that("/data/ciphertext", "is one of version 2", |v| is_ciphertext(v, 2))?;
            Ok(())
        },
    );
    cases.add(
        "transit/rotate/old-data-still-decrypts",
        SOURCE,
        "ciphertexts of every version decrypt after several rotations",
        |lab| async move {
            let transit = lab.transit().await?;
            let mut ciphertexts = vec![transit.quiet_ciphertext().await?];
            for _ in 0..3 {
                transit.rotate().await?.succeeds()?;
                ciphertexts.push(transit.quiet_ciphertext().await?);
            }
            for ciphertext in &ciphertexts {
                transit.decrypt(ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            }
            transit.read().await?.is(200)?.has("/data/latest_version", 4)?;
            Ok(())
        },
    );
    cases.add(
        "transit/rewrap/to-the-newest-version",
        SOURCE,
        "rewrapping gives a ciphertext of the newest version, without showing the plaintext",
        |lab| async move {
            let transit = lab.transit().await?;
            let old = transit.quiet_ciphertext().await?;
            transit.quietly().rotate().await?.succeeds()?;
            let rewrapped = transit.rewrap(&old).await?;
            rewrapped.is(200)?.lacks("/data/plaintext")?;
            rewrapped.that("/data/ciphertext", "is one of version 2", |value| is_ciphertext(value, 2))?;
            let new = rewrapped.text("/data/ciphertext")?;
            for ciphertext in [old, new] {
                transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            }
            Ok(())
        },
    );
    cases.add(
        "transit/rewrap/no-ciphertext-refused",
        SOURCE,
        "what is no ciphertext of the key is not rewrapped",
        |lab| async move {
            let transit = lab.transit().await?;
            for ciphertext in ["sensitive data", "vault:v1:AAAA", "vault:v9:AAAA"] {
                let refused = transit.rewrap(ciphertext).await?;
                refused.is(400)?.error_has("invalid ciphertext")?.lacks("/data/ciphertext")?;
            }
            Ok(())
        },
    );
}

fn minimum_versions(cases: &mut Cases) {
    cases.add(
        "transit/min-decryption/old-refused",
        SOURCE,
        "below `min_decryption_version` a ciphertext is neither decrypted nor rewrapped, above it is",
        |lab| async move {
            let transit = lab.transit().await?;
            let old = transit.quiet_ciphertext().await?;
            transit.quietly().rotate().await?.succeeds()?;
            let new = transit.quiet_ciphertext().await?;
            transit.configure(json!({ "min_decryption_version": 2 })).await?.succeeds()?;
            let too_old = "disallowed by policy (too old)";
            transit.decrypt(&old).await?.is(400)?.error_has(too_old)?.lacks("/data/plaintext")?;
            transit.rewrap(&old).await?.is(400)?.error_has(too_old)?.lacks("/data/ciphertext")?;
            transit.decrypt(&new).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
    cases.add(
        "transit/min-decryption/can-be-taken-back",
        SOURCE,
        "lowering `min_decryption_version` again makes old ciphertexts readable",
        |lab| async move {
            let transit = lab.transit().await?;
            let old = transit.quiet_ciphertext().await?;
            transit.quietly().rotate().await?.succeeds()?;
            transit.configure(json!({ "min_decryption_version": 2 })).await?.succeeds()?;
            transit.decrypt(&old).await?.is(400)?;
            transit.configure(json!({ "min_decryption_version": 1 })).await?.succeeds()?;
            transit.decrypt(&old).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
    cases.add(
        "transit/min-encryption/older-refused",
        SOURCE,
        "below `min_encryption_version` nothing is encrypted, with an allowed older version it is",
        |lab| async move {
            let transit = lab.transit().await?;
            for _ in 0..2 {
                transit.quietly().rotate().await?.succeeds()?;
            }
            transit.configure(json!({ "min_encryption_version": 2 })).await?.succeeds()?;
            let refused = transit.encrypt_with(PLAINTEXT, 1).await?;
            refused.is(400)?.error_has("less than the minimum")?.lacks("/data/ciphertext")?;
            let allowed = transit.encrypt_with(PLAINTEXT, 2).await?;
            allowed.is(200)?.that("/data/ciphertext", "is one of version 2", |v| is_ciphertext(v, 2))?;
            Ok(())
        },
    );
    cases.add(
        "transit/min-encryption/version-to-come-refused",
        SOURCE,
        "nothing is encrypted with a version that does not exist yet",
        |lab| async move {
            let transit = lab.transit().await?;
            let refused = transit.encrypt_with(PLAINTEXT, 2).await?;
            refused.is(400)?.error_has("higher than the latest")?.lacks("/data/ciphertext")?;
            Ok(())
        },
    );
}

fn by_itself(cases: &mut Cases) {
    cases.add(
        "transit/rotate/automatic-as-documented",
        SOURCE,
        "a key with the document's settings rotates by itself, as its table of rotations says",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.quietly().configure(documented_settings()).await?.succeeds()?;
            let ninety_days_in_seconds = 90 * 24 * 3600;
            transit.read().await?.is(200)?.has("/data/auto_rotate_period", ninety_days_in_seconds)?;
            Ok(())
        },
    );
    cases.add(
        "transit/rotate/every-90-days-when-asked",
        SOURCE,
        "with `auto_rotate_period` of 90 days a key is set to rotate by itself; below an hour is refused",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.configure(json!({ "auto_rotate_period": "2160h" })).await?.succeeds()?;
            transit.configure(json!({ "auto_rotate_period": "1m" })).await?.is(400)?.error_has("an hour")?;
            transit.read().await?.is(200)?.has("/data/auto_rotate_period", 90 * 24 * 3600)?;
            Ok(())
        },
    );
}
