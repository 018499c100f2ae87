//! SSH certificates as another library than the server's reads them: what it sees is JSON for a case to look at.

use crate::conformance::{Checked, Stop};
use rand::RngExt;
use serde_json::{Value, json};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{Certificate, HashAlg, PrivateKey, PublicKey};
use std::time::{SystemTime, UNIX_EPOCH};

/// The public half of a new key, as a person would hand it in.
pub fn new_public_key() -> Checked<String> {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&rand::rng().random()));
    key.public_key().to_openssh().map_err(Stop::broken)
}

/// What a certificate says, and whether a host that trusts `authority` alone would take it now for `public_key`.
pub fn read(signed: &str, authority: &str, public_key: &str) -> Checked<Value> {
    let bad = |what: &str, why: ssh_key::Error| {
        Stop::differs(format!("{what} that other programs can read"), format!("{what}: {why}"))
    };
    let certificate =
        Certificate::from_openssh(signed.trim()).map_err(|error| bad("a certificate", error))?;
    let authority = PublicKey::from_openssh(authority.trim()).map_err(|error| bad("an authority", error))?;
    let public_key = PublicKey::from_openssh(public_key).map_err(Stop::broken)?;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Stop::broken)?.as_secs();
    let trusted = [authority.fingerprint(HashAlg::Sha256)];
    let extensions: Vec<_> = certificate.extensions().keys().collect();
    Ok(json!({
        "taken": certificate.validate_at(now_s, &trusted).is_ok(),
        "taken_in_two_hours": certificate.validate_at(now_s + 7200, &trusted).is_ok(),
        "of_this_key": certificate.public_key() == public_key.key_data(),
        "user": certificate.cert_type().is_user(),
        "principals": certificate.valid_principals(),
        "extensions": extensions,
        "life_s": certificate.valid_before().saturating_sub(now_s),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_a_divergence_and_not_our_trouble() {
        let key = new_public_key().unwrap();
        assert!(key.starts_with("ssh-ed25519 "), "{key}");
        assert!(matches!(
            read("ssh-ed25519-cert-v01@openssh.com AAAA", &key, &key),
            Err(Stop::Differs { .. })
        ));
    }
}
