//! Tokens of service accounts: JSON Web Tokens, signed with ES256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// Whom the tokens are meant for: the cluster's own API.
pub(super) const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

/// The key of one cluster.
pub(super) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

/// What a token of Kubernetes 1.24 and later says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: Vec<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(rename = "kubernetes.io")]
    account: Account,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Account {
    namespace: String,
    serviceaccount: Named,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    name: String,
    uid: String,
}

impl Claims {
    pub fn new(namespace: &str, name: &str, now_s: i64, ends_in_s: i64) -> Self {
        let begins_s = now_s.min(now_s + ends_in_s) - 60;
        Self {
            iss: ISSUER.to_owned(),
            sub: format!("system:serviceaccount:{namespace}:{name}"),
            aud: vec![AUDIENCE.to_owned()],
            iat: begins_s,
            nbf: begins_s,
            exp: now_s + ends_in_s,
            account: Account {
                namespace: namespace.to_owned(),
                // The same for the same account, another for every other.
                serviceaccount: Named { name: name.to_owned(), uid: format!("{namespace}-{name}-uid") },
            },
        }
    }

    pub fn subject(&self) -> &str {
        &self.sub
    }

    pub fn is_for(&self, audience: &str) -> bool {
        self.aud.iter().any(|own| own == audience)
    }

    pub fn uid(&self) -> &str {
        &self.account.serviceaccount.uid
    }

    pub fn namespace(&self) -> &str {
        &self.account.namespace
    }

    pub fn name(&self) -> &str {
        &self.account.serviceaccount.name
    }
}

impl Signer {
    pub fn generate() -> Result<Self, String> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|error| error.to_string())?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random);
        Ok(Self { key: key.map_err(|error| error.to_string())?, random })
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, String> {
        let header = json!({ "alg": "ES256", "typ": "JWT" });
        let claims = serde_json::to_value(claims).map_err(|error| error.to_string())?;
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).map_err(|error| error.to_string())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// What a token says, if this key signed it, it has begun and not ended, and it is meant for this cluster.
    pub fn verify(&self, token: &str, now_s: i64) -> Result<Claims, String> {
        let malformed = || "[invalid bearer token, malformed]".to_owned();
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let header: Value = decode(header).ok_or_else(malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        if header["alg"] != "ES256" || key.verify(signed.as_bytes(), &signature).is_err() {
            return Err("[invalid bearer token, invalid signature]".to_owned());
        }
        let claims: Claims = decode(claims).ok_or_else(malformed)?;
        if now_s < claims.nbf || now_s >= claims.exp {
            return Err("[invalid bearer token, service account token has expired]".to_owned());
        }
        if claims.iss != ISSUER || !claims.is_for(AUDIENCE) {
            return Err("[invalid bearer token, not meant for this cluster]".to_owned());
        }
        Ok(claims)
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_key_signed_is_believed_and_only_in_time() {
        let (signer, other) = (Signer::generate().unwrap(), Signer::generate().unwrap());
        let claims = Claims::new("production", "app", 1000, 60);
        let token = signer.sign(&claims).unwrap();
        let verified = signer.verify(&token, 1000).unwrap();
        assert_eq!((verified.namespace(), verified.name()), ("production", "app"));
        assert!(signer.verify(&token, 1059).is_ok() && signer.verify(&token, 1060).is_err());
        assert!(signer.verify(&token, 900).is_err(), "it has not begun");
        assert!(other.verify(&token, 1000).is_err(), "another key");
        let parts: Vec<_> = token.split('.').collect();
        let changed = encode(&serde_json::to_value(Claims::new("production", "admin", 1000, 60)).unwrap());
        assert!(signer.verify(&format!("{}.{changed}.{}", parts[0], parts[2]), 1000).is_err());
        let none = encode(&json!({ "alg": "none", "typ": "JWT" }));
        assert!(signer.verify(&format!("{none}.{}.", parts[1]), 1000).is_err());
    }
}
