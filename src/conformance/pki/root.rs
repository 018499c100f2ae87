//! The authority itself.

use super::mount::{HOST, HOUR_S, Pki, ROOT_NAME, SERVICE, SLACK_S};
use super::x509;
use crate::conformance::{Cases, Source};
use serde_json::{Value, json};

const CA_URL: &str = "https://vault.example.com:8200/v1/pki/ca";
const CRL_URL: &str = "https://vault.example.com:8200/v1/pki/crl";
const TEN_YEARS_S: f64 = 87_600.0 * HOUR_S;

/// About this long from now.
fn ends_in(seconds: f64) -> impl FnOnce(&Value) -> bool {
    let expected = x509::now_s() + seconds;
    move |value| value.as_f64().is_some_and(|at| (at - expected).abs() < SLACK_S)
}

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "pki/root/generated-inside",
        source,
        "a generated root authority signs itself, bears the name asked for, lives ten years, and its key never leaves",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            let body = json!({ "common_name": ROOT_NAME, "ttl": "87600h" });
            let made = lab.post(&pki.at("root/generate/internal"), body).await?;
            made.is(200)?.lacks("/data/private_key")?;
            let seen = lab.seen("the root by x509-parser", x509::read(&made.text("/data/certificate")?)?);
            seen.has("/common_names", json!([ROOT_NAME]))?.has("/authority", true)?;
            seen.has("/signed_by_itself", true)?;
            seen.that("/not_after_s", "is in ten years", ends_in(TEN_YEARS_S))?;
            Ok(())
        },
    );
    cases.add(
        "pki/root/tuned-lifetime",
        source,
        "the mount's maximum lease TTL can be tuned to ten years, and it is what bounds the root's lifetime",
        |lab| async move {
            let pki = Pki { lab: lab.clone(), path: lab.mount("pki", "pki", json!({})).await? };
            let short = pki.generate_root(ROOT_NAME).await?.text("/data/certificate")?;
            let seen = lab.seen("the root before tuning", x509::read(&short)?);
            seen.that("/not_after_s", "is in 32 days, the default", ends_in(768.0 * HOUR_S))?;
            let tune = format!("sys/mounts/{}/tune", pki.path);
            lab.post(&tune, json!({ "max_lease_ttl": "87600h" })).await?.succeeds()?;
            lab.get(&tune).await?.is(200)?.has("/data/max_lease_ttl", 315_360_000)?;
            let long = pki.generate_root(ROOT_NAME).await?.text("/data/certificate")?;
            let seen = lab.seen("the root after tuning", x509::read(&long)?);
            seen.that("/not_after_s", "is in ten years", ends_in(TEN_YEARS_S))?;
            Ok(())
        },
    );
    cases.add(
        "pki/root/certificate-is-public",
        source,
        "the authority's certificate is served without a token, where the document's URL points",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            let root = pki.quietly().generate_root(ROOT_NAME).await?.text("/data/certificate")?;
            let served = lab.anonymous().get(&pki.at("ca/pem")).await?;
            let served = served.is(200)?.text("")?;
            lab.seen("the served authority", json!({ "same": served.trim() == root.trim() }))
                .has("/same", true)?;
            Ok(())
        },
    );
    cases.add(
        "pki/root/absent",
        source,
        "without an authority nothing is issued, and the answer says what is missing",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            pki.quietly().role(SERVICE, json!({ "allow_bare_domains": true })).await?.succeeds()?;
            let refused = pki.issue_to_service().await?;
            refused.is_one_of(&[400, 500])?.error_has("issuer")?.lacks("/data/certificate")?;
            Ok(())
        },
    );
    cases.add(
        "pki/root/needs-a-token",
        source,
        "nobody makes an authority without a token",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            let nobody = Pki { lab: lab.anonymous(), path: pki.path.clone() };
            nobody.generate_root(ROOT_NAME).await?.is(403)?.lacks("/data/certificate")?;
            lab.list(&pki.at("issuers")).await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "pki/urls/stand-in-certificates",
        source,
        "the configured URLs of the authority and of the revocation list can be read back and stand in every certificate",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let body = json!({ "issuing_certificates": CA_URL, "crl_distribution_points": CRL_URL });
            lab.post(&pki.at("config/urls"), body).await?.succeeds()?;
            let read = lab.get(&pki.at("config/urls")).await?;
            read.is(200)?.has("/data/issuing_certificates", json!([CA_URL]))?;
            read.has("/data/crl_distribution_points", json!([CRL_URL]))?;
            let issued = pki.issue_to_service().await?.text("/data/certificate")?;
            let seen = lab.seen("the certificate by x509-parser", x509::read(&issued)?);
            seen.lists("/urls", CA_URL)?.lists("/urls", CRL_URL)?;
            Ok(())
        },
    );
    cases.add(
        "pki/urls/must-be-urls",
        source,
        "what is no URL is refused as the place of the authority",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            let body = json!({ "issuing_certificates": "not a url" });
            lab.post(&pki.at("config/urls"), body).await?.is(400)?.error_has("invalid URL")?;
            lab.get(&pki.at("config/urls")).await?.is(200)?.lacks("/data/issuing_certificates")?;
            Ok(())
        },
    );
    cases.add(
        "pki/role/read-back",
        source,
        "a role can be read back as it was written, is listed, and is gone when it was deleted",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            pki.role(SERVICE, json!({})).await?.succeeds()?;
            let read = lab.get(&pki.at(&format!("roles/{SERVICE}"))).await?;
            read.is(200)?
                .has("/data/allowed_domains", json!([HOST]))?
                .has("/data/allow_subdomains", false)?;
            read.has("/data/ttl", 86_400)?.has("/data/max_ttl", 2_592_000)?;
            lab.list(&pki.at("roles")).await?.is(200)?.lists("/data/keys", SERVICE)?;
            lab.delete(&pki.at(&format!("roles/{SERVICE}"))).await?.succeeds()?;
            lab.get(&pki.at(&format!("roles/{SERVICE}"))).await?.is(404)?;
            Ok(())
        },
    );
}
