//! Keys and their settings.

use super::mount::{PLAINTEXT, documented_settings};
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    cases.add(
        "transit/keys/created-and-read",
        SOURCE,
        "a new key has version 1, encrypts and decrypts with AES-256-GCM, and is guarded",
        |lab| async move {
            let transit = lab.transit_without_key().await?;
            transit.create().await?.succeeds()?;
            let key = transit.read().await?;
            key.is(200)?.has("/data/name", "workflow-data")?.has("/data/type", "aes256-gcm96")?;
            key.has("/data/latest_version", 1)?.has("/data/min_decryption_version", 1)?;
            key.has("/data/supports_encryption", true)?.has("/data/supports_decryption", true)?;
            key.has("/data/deletion_allowed", false)?.has("/data/exportable", false)?;
            key.has("/data/allow_plaintext_backup", false)?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/read-shows-no-key",
        SOURCE,
        "reading a symmetric key shows when each version was made and no key material",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.read().await?.is(200)?.that("/data/keys", "has one time and nothing else", |keys| {
                keys.as_object().is_some_and(|keys| {
                    keys.len() == 1 && keys.get("1").and_then(serde_json::Value::as_u64) > Some(1_500_000_000)
                })
            })?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/config-as-documented",
        SOURCE,
        "the document's five settings of a key are accepted and read back",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.configure(documented_settings()).await?.succeeds()?;
            let key = transit.read().await?;
            key.is(200)?.has("/data/min_decryption_version", 1)?.has("/data/min_encryption_version", 0)?;
            key.has("/data/deletion_allowed", false)?.has("/data/exportable", false)?;
            key.has("/data/allow_plaintext_backup", false)?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/config-takes-hold",
        SOURCE,
        "settings other than the default ones are kept and read back",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.quietly().rotate().await?.succeeds()?;
            let settings = json!({
                "min_decryption_version": 2,
                "min_encryption_version": 2,
                "deletion_allowed": true,
                "exportable": true,
                "allow_plaintext_backup": true,
            });
            transit.configure(settings).await?.succeeds()?;
            let key = transit.read().await?;
            key.is(200)?.has("/data/min_decryption_version", 2)?.has("/data/min_encryption_version", 2)?;
            key.has("/data/deletion_allowed", true)?.has("/data/exportable", true)?;
            key.has("/data/allow_plaintext_backup", true)?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/config-beyond-the-newest-refused",
        SOURCE,
        "a minimum version above the newest one is refused and changes nothing",
        |lab| async move {
            let transit = lab.transit().await?;
            for setting in ["min_decryption_version", "min_encryption_version"] {
                let refused = transit.configure(json!({ setting: 2 })).await?;
                refused.is(400)?.error_has("latest key version is 1")?;
            }
            let key = transit.read().await?;
            key.is(200)?.has("/data/min_decryption_version", 1)?.has("/data/min_encryption_version", 0)?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/encrypting-below-decrypting-refused",
        SOURCE,
        "nothing may be encrypted that could not be decrypted: such minimum versions are refused",
        |lab| async move {
            let transit = lab.transit().await?;
            transit.quietly().rotate().await?.succeeds()?;
            let settings = json!({ "min_decryption_version": 2, "min_encryption_version": 1 });
            transit.configure(settings).await?.is(400)?.error_has("min encryption version")?;
            transit.read().await?.is(200)?.has("/data/min_decryption_version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/listed",
        SOURCE,
        "the list names every key of the mount, and a mount without keys has none",
        |lab| async move {
            let transit = lab.transit_without_key().await?;
            let list = format!("{}/keys", transit.path);
            lab.list(&list).await?.is(404)?.lacks("/data/keys")?;
            for key in ["voicecore-key", "workflow-data"] {
                lab.quietly().post(&format!("{list}/{key}"), json!({})).await?.succeeds()?;
            }
            let names = json!(["voicecore-key", "workflow-data"]);
            lab.list(&list).await?.is(200)?.has("/data/keys", names)?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/none-there",
        SOURCE,
        "reading, rotating or decrypting with a key that does not exist is refused and makes none",
        |lab| async move {
            let transit = lab.transit_without_key().await?;
            transit.read().await?.is(404)?.lacks("/data")?;
            transit.rotate().await?.is_one_of(&[400, 404])?;
            transit.decrypt("vault:v1:AAAA").await?.is(400)?.error_has("encryption key not found")?;
            transit.read().await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/unknown-type-refused",
        SOURCE,
        "a key of a type that does not exist is refused",
        |lab| async move {
            let transit = lab.transit_without_key().await?;
            let refused = lab.post(&transit.of("keys"), json!({ "type": "rot13" })).await?;
            refused.is(400)?.error_has("unknown key type")?;
            transit.read().await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "transit/keys/creating-twice-keeps-the-key",
        SOURCE,
        "creating a key that exists changes neither its versions nor what it decrypts",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            transit.quietly().rotate().await?.succeeds()?;
            transit.create().await?.succeeds()?;
            transit.read().await?.is(200)?.has("/data/latest_version", 2)?;
            transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", PLAINTEXT)?;
            Ok(())
        },
    );
}
