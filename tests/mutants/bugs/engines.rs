//! What can go wrong with what is encrypted, and with certificates.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, changed, refused, told};
use serde_json::{Value, json};
use std::sync::Arc;

/// Base64 of a text that nobody encrypted.
const OTHER_TEXT: &str = "YW5vdGhlciB0ZXh0";

pub async fn other_plaintext(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = asked.kind == Kind::Decrypt && answer.status == 200 && lab.one_in(5);
    Some(if is_hit { changed(&answer, |body| body["data"]["plaintext"] = json!(OTHER_TEXT)) } else { answer })
}

/// One standby can do nothing with the oldest ciphertext, however often it is asked.
pub async fn one_undecryptable(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = asked.kind == Kind::DecryptAll && asked.node == lab.culprit();
    Some(if is_hit {
        changed(&answer, |body| {
            body["data"]["batch_results"][0] = json!({ "error": "cipher: message authentication failed" });
        })
    } else {
        answer
    })
}

/// What is acknowledged is not what was made.
pub async fn corrupted_ciphertext(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    let is_hit = asked.kind == Kind::Encrypt && answer.status == 200 && lab.one_in(10);
    Some(if is_hit {
        changed(&answer, |body| {
            let text = body["data"]["ciphertext"].as_str().unwrap_or_default();
            let (head, tail) = text.split_at(text.len() / 2);
            let first = if tail.starts_with('A') { 'B' } else { 'A' };
            body["data"]["ciphertext"] = json!(format!("{head}{first}{}", tail.get(1..).unwrap_or_default()));
        })
    } else {
        answer
    })
}

/// The key is said to be rotated, and is not; the number that is told is the next one's.
pub async fn rotation_forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind != Kind::Rotate {
        return lab.forward(&asked).await;
    }
    Some(told(200, json!({ "data": { "latest_version": 1_000 } })))
}

/// The certificate that was issued first is handed out again.
pub async fn serial_repeated(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind != Kind::Issue || answer.status != 200 {
        return Some(answer);
    }
    match lab.kept("a certificate") {
        Some(first) if lab.one_in(4) => Some(first),
        Some(_) => Some(answer),
        None => {
            lab.keep("a certificate", &answer);
            Some(answer)
        }
    }
}

pub async fn certificate_lives_longer(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind == Kind::Issue && lab.one_in(4) {
        let mut body = asked.json();
        body["ttl"] = json!("700h");
        return lab.forward(&asked.with_body(&body)).await;
    }
    lab.forward(&asked).await
}

pub async fn revocation_forgotten(asked: Asked, lab: Arc<Lab>) -> Answer {
    if asked.kind != Kind::RevokeCertificate {
        return lab.forward(&asked).await;
    }
    Some(told(200, json!({ "data": { "revocation_time": 1_700_000_000, "state": "revoked" } })))
}

/// A certificate is revoked as soon as it is issued, and nobody had asked for that.
pub async fn revoked_unasked(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Issue && answer.status == 200 && lab.one_in(4) {
        let issued: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let (mount, _) = asked.path.split_once("/issue/").unwrap_or_default();
        let revoke = asked
            .with_body(&json!({ "serial_number": issued["data"]["serial_number"] }))
            .at(&format!("{mount}/revoke"))
            .by_operator(&lab.operator_token());
        lab.forward(&revoke).await?;
    }
    Some(answer)
}

/// Done, and answered with 500: legal of a server whose audit device or storage failed afterwards.
pub async fn done_and_500(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await;
    let kinds = [Kind::Encrypt, Kind::Rotate, Kind::Issue, Kind::RevokeCertificate];
    if kinds.contains(&asked.kind) && lab.one_in(5) { Some(refused(500, "internal error")) } else { answer }
}
