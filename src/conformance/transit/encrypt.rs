//! Encrypting and decrypting one value.

use super::mount::{PLAINTEXT, is_ciphertext};
use crate::conformance::{Cases, Source};
use serde_json::json;
use std::time::Duration;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    good(cases);
    refused(cases);
}

fn good(cases: &mut Cases) {
    cases.add(
        "transit/encrypt/prefix-names-the-version",
        SOURCE,
        "a ciphertext begins with `vault:v1:`, and the plaintext is not in the answer",
        |lab| async move {
            let transit = lab.transit().await?;
            let encrypted = transit.encrypt(PLAINTEXT).await?;
            encrypted.is(200)?.that("/data/ciphertext", "is one of version 1", |v| is_ciphertext(v, 1))?;
            encrypted.lacks("/data/plaintext")?;
            Ok(())
        },
    );
    cases.add(
        "transit/decrypt/gives-the-plaintext",
        SOURCE,
        "decrypting gives the same base64 that was encrypted",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.encrypt(PLAINTEXT).await?.is(200)?.text("/data/ciphertext")?;
            transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
    cases.add(
        "transit/encrypt/never-twice-the-same",
        SOURCE,
        "the same plaintext encrypted twice gives two ciphertexts, and both decrypt",
        |lab| async move {
            let transit = lab.transit().await?;
            let first = transit.encrypt(PLAINTEXT).await?.is(200)?.text("/data/ciphertext")?;
            let second = transit.encrypt(PLAINTEXT).await?;
            second.is(200)?.that("/data/ciphertext", "is another one of version 1", |value| {
                value.as_str() != Some(first.as_str()) && is_ciphertext(value, 1)
            })?;
            for ciphertext in [first, second.text("/data/ciphertext")?] {
                transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            }
            Ok(())
        },
    );
    cases.add(
        "transit/encrypt/empty-and-large",
        SOURCE,
        "an empty plaintext and one of 64 KiB come back as they were",
        |lab| async move {
            let transit = lab.transit().await?;
            let large = "QUFB".repeat(64 * 1024 / 3);
            for plaintext in ["", large.as_str()] {
                let ciphertext = transit.quietly().encrypt(plaintext).await?.text("/data/ciphertext")?;
                transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", plaintext)?;
            }
            Ok(())
        },
    );
    cases.add(
        "transit/encrypt/voicecore-key",
        Source::VoiceCore,
        "the key that the document encrypts with is made by the first encryption",
        |lab| async move {
            let mut transit = lab.transit_without_key().await?;
            transit.key = "voicecore-key";
            let ciphertext = transit.encrypt(PLAINTEXT).await?.is(200)?.text("/data/ciphertext")?;
            transit.read().await?.is(200)?.has("/data/latest_version", 1)?;
            transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
    cases.add(
        "transit/encrypt/derived-key-needs-its-context",
        SOURCE,
        "with a derived key a context is required, and only the same one decrypts",
        |lab| async move {
            let transit = lab.transit_without_key().await?;
            lab.post(&transit.of("keys"), json!({ "derived": true })).await?.succeeds()?;
            transit.encrypt(PLAINTEXT).await?.is(400)?.error_has("missing 'context'")?;
            let body = json!({ "plaintext": PLAINTEXT, "context": "b25l" });
            let encrypted = lab.post(&transit.of("encrypt"), body).await?;
            let ciphertext = encrypted.is(200)?.text("/data/ciphertext")?;
            let body = |context: &str| json!({ "ciphertext": ciphertext, "context": context });
            let refused = lab.post(&transit.of("decrypt"), body("dHdv")).await?;
            refused.is(400)?.lacks("/data/plaintext")?;
            let decrypted = lab.post(&transit.of("decrypt"), body("b25l")).await?;
            decrypted.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
    cases.add(
        "transit/decrypt/on-every-node",
        Source::AlphaPulse,
        "what one node encrypted every node decrypts",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            for number in 0..2 {
                let standby = lab.standby(number)?;
                lab.eventually(Duration::from_secs(5), || async {
                    let body = json!({ "ciphertext": ciphertext });
                    let decrypted = standby.post(&transit.of("decrypt"), body).await?;
                    decrypted.is(200)?.has("/data/plaintext", PLAINTEXT).map(drop)
                })
                .await?;
            }
            Ok(())
        },
    );
}

fn refused(cases: &mut Cases) {
    cases.add(
        "transit/encrypt/no-base64-refused",
        SOURCE,
        "a plaintext that is no base64 is refused",
        |lab| async move {
            let transit = lab.transit().await?;
            let refused = transit.encrypt("sensitive data").await?;
            refused.is(400)?.error_has("illegal base64")?.lacks("/data/ciphertext")?;
            Ok(())
        },
    );
    cases.add(
        "transit/encrypt/nothing-to-encrypt-refused",
        SOURCE,
        "an encryption without a plaintext and a decryption without a ciphertext are refused",
        |lab| async move {
            let transit = lab.transit().await?;
            let refused = lab.post(&transit.of("encrypt"), json!({})).await?;
            refused.is(400)?.error_has("missing plaintext")?.lacks("/data/ciphertext")?;
            let refused = lab.post(&transit.of("decrypt"), json!({})).await?;
            refused.is(400)?.error_has("missing ciphertext")?.lacks("/data/plaintext")?;
            Ok(())
        },
    );
    cases.add(
        "transit/decrypt/altered-ciphertext-refused",
        SOURCE,
        "a ciphertext of which one character was altered is refused",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            let (before, after) = ciphertext.split_at(ciphertext.len() / 2);
            let swapped = if after.starts_with('A') { 'B' } else { 'A' };
            let altered = format!("{before}{swapped}{}", &after[1..]);
            let refused = transit.decrypt(&altered).await?;
            refused.is(400)?.error_has("message authentication failed")?.lacks("/data/plaintext")?;
            transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
    cases.add(
        "transit/decrypt/no-ciphertext-refused",
        SOURCE,
        "what has no prefix, a version that does not exist, or too few bytes is refused",
        |lab| async move {
            let transit = lab.transit().await?;
            for ciphertext in ["c2Vuc2l0aXZl", "vault:v7:c2Vuc2l0aXZl", "vault:v1:AAAA"] {
                let refused = transit.decrypt(ciphertext).await?;
                refused.is(400)?.error_has("invalid ciphertext")?.lacks("/data/plaintext")?;
            }
            Ok(())
        },
    );
    cases.add(
        "transit/decrypt/other-key-refused",
        SOURCE,
        "a ciphertext of one key is not decrypted by another",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            let mut other = transit.quietly();
            other.key = "other";
            other.create().await?.succeeds()?;
            other.lab = lab.clone();
            other.decrypt(&ciphertext).await?.is(400)?.lacks("/data/plaintext")?;
            transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
}
