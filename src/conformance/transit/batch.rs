//! Several values in one request.

use super::mount::{PLAINTEXT, is_ciphertext};
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    cases.add(
        "transit/batch/order-is-kept",
        SOURCE,
        "a batch is encrypted and decrypted element by element, in its order",
        |lab| async move {
            let transit = lab.transit().await?;
            let plaintexts = ["YQ==", "Yg==", "Yw=="];
            let input: Vec<_> = plaintexts.iter().map(|text| json!({ "plaintext": text })).collect();
            let encrypted = lab.post(&transit.of("encrypt"), json!({ "batch_input": input })).await?;
            encrypted.is(200)?;
            let mut input = Vec::new();
            for number in 0..plaintexts.len() {
                let place = format!("/data/batch_results/{number}/ciphertext");
                input.push(json!({ "ciphertext": encrypted.text(&place)? }));
            }
            let decrypted = lab.post(&transit.of("decrypt"), json!({ "batch_input": input })).await?;
            decrypted.is(200)?;
            for (number, plaintext) in plaintexts.iter().enumerate() {
                decrypted.has(&format!("/data/batch_results/{number}/plaintext"), *plaintext)?;
            }
            decrypted.lacks("/data/batch_results/3")?;
            Ok(())
        },
    );
    cases.add(
        "transit/batch/bad-element-spoils-no-other",
        SOURCE,
        "an element that is no base64 has an error of its own, and the others are encrypted in their places",
        |lab| async move {
            let transit = lab.transit().await?;
            let input = json!([{ "plaintext": "YQ==" }, { "plaintext": "!" }, { "plaintext": "Yg==" }]);
            let encrypted = lab.post(&transit.of("encrypt"), json!({ "batch_input": input })).await?;
            // 400 says that not all went well; the results stand beside it.
            encrypted.is(400)?.lacks("/data/batch_results/1/ciphertext")?;
            encrypted.that("/data/batch_results/1/error", "names the base64", |error| {
                error.as_str().is_some_and(|error| error.starts_with("illegal base64"))
            })?;
            for (number, plaintext) in [(0, "YQ=="), (2, "Yg==")] {
                let place = format!("/data/batch_results/{number}/ciphertext");
                encrypted.that(&place, "is one of version 1", |value| is_ciphertext(value, 1))?;
                let ciphertext = encrypted.text(&place)?;
                transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", plaintext)?;
            }
            Ok(())
        },
    );
    cases.add(
        "transit/batch/empty-element-spoils-no-other",
        SOURCE,
        "an element without a plaintext has an error of its own, and the others are encrypted",
        |lab| async move {
            let transit = lab.transit().await?;
            let input = json!([{ "plaintext": "YQ==" }, {}]);
            let encrypted = lab.post(&transit.of("encrypt"), json!({ "batch_input": input })).await?;
            encrypted.is(400)?.that("/data/batch_results/0/ciphertext", "is one of version 1", |value| {
                is_ciphertext(value, 1)
            })?;
            encrypted.lacks("/data/batch_results/1/ciphertext")?;
            Ok(())
        },
    );
    cases.add(
        "transit/batch/bad-element-spoils-no-decryption",
        SOURCE,
        "an element that cannot be decrypted has an error of its own, and the others are decrypted",
        |lab| async move {
            let transit = lab.transit().await?;
            let ciphertext = transit.quiet_ciphertext().await?;
            let input = json!([{ "ciphertext": "vault:v1:AAAA" }, { "ciphertext": ciphertext }]);
            let decrypted = lab.post(&transit.of("decrypt"), json!({ "batch_input": input })).await?;
            decrypted.is(400)?.has("/data/batch_results/1/plaintext", PLAINTEXT)?;
            decrypted.lacks("/data/batch_results/0/plaintext")?;
            decrypted.that("/data/batch_results/0/error", "names the ciphertext", |error| {
                error.as_str().is_some_and(|error| error.starts_with("invalid ciphertext"))
            })?;
            Ok(())
        },
    );
    cases.add(
        "transit/batch/rewrapped",
        SOURCE,
        "a batch is rewrapped to the newest version in its order",
        |lab| async move {
            let transit = lab.transit().await?;
            let mut input = Vec::new();
            for plaintext in ["YQ==", "Yg=="] {
                let encrypted = transit.quietly().encrypt(plaintext).await?;
                input.push(json!({ "ciphertext": encrypted.text("/data/ciphertext")? }));
            }
            transit.quietly().rotate().await?.succeeds()?;
            let rewrapped = lab.post(&transit.of("rewrap"), json!({ "batch_input": input })).await?;
            rewrapped.is(200)?;
            for (number, plaintext) in ["YQ==", "Yg=="].into_iter().enumerate() {
                let place = format!("/data/batch_results/{number}/ciphertext");
                rewrapped.that(&place, "is one of version 2", |value| is_ciphertext(value, 2))?;
                let ciphertext = rewrapped.text(&place)?;
                transit.decrypt(&ciphertext).await?.is(200)?.has("/data/plaintext", plaintext)?;
            }
            Ok(())
        },
    );
    cases.add("transit/batch/nothing-in-it-refused", SOURCE, "an empty batch is refused", |lab| async move {
        let transit = lab.transit().await?;
        for verb in ["encrypt", "decrypt", "rewrap"] {
            let refused = lab.post(&transit.of(verb), json!({ "batch_input": [] })).await?;
            refused.is(400)?.lacks("/data/batch_results")?;
        }
        Ok(())
    });
}
