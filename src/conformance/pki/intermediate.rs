//! The consciousness document's two authorities: `pki-internal` below a root of the same server, `pki-external` below one
//! that lives elsewhere.

use super::mount::Pki;
use super::x509;
use crate::conformance::{Cases, Checked, Lab, Source, Stop};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde_json::json;

const ROLE: &str = "consciousness-services";
const HOST: &str = "engine.consciousness.internal";

/// A mount whose key was made inside, and the request for a certificate of that key.
async fn without_certificate(lab: &Lab, what: &str) -> Checked<(Pki, String)> {
    let pki = lab.pki(what).await?;
    let body = json!({ "common_name": format!("Consciousness {what}"), "key_type": "ec" });
    let made = lab.post(&pki.at("intermediate/generate/internal"), body).await?;
    let request = made.is(200)?.lacks("/data/private_key")?.text("/data/csr")?;
    Ok((pki, request))
}

/// An authority below a root of the same server; the root's certificate, and the one below it.
async fn internal(lab: &Lab) -> Checked<(Pki, String, String)> {
    let root = lab.pki("pki-root").await?;
    let root_certificate =
        root.quietly().generate_root("Consciousness root").await?.text("/data/certificate")?;
    let (pki, request) = without_certificate(lab, "pki-internal").await?;
    let body = json!({ "csr": request, "common_name": "Consciousness internal", "ttl": "43800h" });
    let signed = lab.post(&root.at("root/sign-intermediate"), body).await?;
    let certificate = signed.is(200)?.text("/data/certificate")?;
    take(lab, &pki, &certificate).await?;
    Ok((pki, root_certificate, certificate))
}

/// An authority below a root of our own, which the server knows nothing of.
async fn external(lab: &Lab) -> Checked<(Pki, String, String)> {
    let (pki, request) = without_certificate(lab, "pki-external").await?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "A public root");
    let key = KeyPair::generate().map_err(Stop::broken)?;
    let root = CertifiedIssuer::self_signed(params, key).map_err(Stop::broken)?;
    let mut request = CertificateSigningRequestParams::from_pem(&request)
        .map_err(|error| Stop::differs("a request that other programs can read", error.to_string()))?;
    request.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    request.params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = request.signed_by(&root).map_err(Stop::broken)?.pem();
    take(lab, &pki, &certificate).await?;
    Ok((pki, root.pem(), certificate))
}

/// Gives the mount its certificate, and a role.
async fn take(lab: &Lab, pki: &Pki, certificate: &str) -> Checked {
    let body = json!({ "certificate": certificate });
    lab.post(&pki.at("intermediate/set-signed"), body).await?.is(200)?;
    let role = json!({ "allowed_domains": "consciousness.internal", "allow_subdomains": true });
    pki.quietly().role(ROLE, role).await?.succeeds().map(drop)
}

pub fn register(cases: &mut Cases) {
    let source = Source::Consciousness;
    cases.add(
        "pki/internal/chain-verifies",
        source,
        "certificates of pki-internal are taken by who trusts the root and is sent the certificate between them",
        |lab| async move {
            let (pki, root, between) = internal(&lab).await?;
            let issued = pki.issue(ROLE, json!({ "common_name": HOST })).await?;
            let leaf = issued.is(200)?.text("/data/certificate")?;
            let judged = x509::judged_by_client(&[&leaf, &between], &root, HOST, None)?;
            lab.seen("a client that is sent both", judged).has("/taken", true)?;
            Ok(())
        },
    );
    cases.add(
        "pki/internal/chain-is-needed",
        source,
        "without the certificate between them nobody who trusts the root alone takes a certificate of pki-internal",
        |lab| async move {
            let (pki, root, _) = internal(&lab.quietly()).await?;
            let pki = Pki { lab: lab.clone(), ..pki };
            let issued = pki.issue(ROLE, json!({ "common_name": HOST })).await?;
            let leaf = issued.text("/data/certificate")?;
            let judged = x509::judged_by_client(&[&leaf], &root, HOST, None)?;
            lab.seen("a client that is sent one", judged).has("/why", "UnknownIssuer")?;
            Ok(())
        },
    );
    cases.add(
        "pki/internal/answer-holds-the-chain",
        source,
        "what is issued below an intermediate authority comes with the whole chain, the issuing one first",
        |lab| async move {
            let (pki, root, between) = internal(&lab.quietly()).await?;
            let pki = Pki { lab: lab.clone(), ..pki };
            let issued = pki.issue(ROLE, json!({ "common_name": HOST })).await?;
            let leaf = issued.text("/data/certificate")?;
            let first = issued.text("/data/ca_chain/0")?;
            lab.seen("the first of the chain", json!({ "issuing": first.trim() == between.trim() }))
                .has("/issuing", true)?;
            let judged = x509::judged_by_client(&[&leaf, &first], &root, HOST, None)?;
            lab.seen("a client that is sent the chain", judged).has("/taken", true)?;
            Ok(())
        },
    );
    cases.add(
        "pki/external/chain-verifies",
        source,
        "pki-external takes the certificate that an authority elsewhere signed, and issues below it",
        |lab| async move {
            let (pki, root, between) = external(&lab).await?;
            let issued = pki.issue(ROLE, json!({ "common_name": HOST })).await?;
            let leaf = issued.is(200)?.text("/data/certificate")?;
            let judged = x509::judged_by_client(&[&leaf, &between], &root, HOST, None)?;
            lab.seen("a client that trusts the root elsewhere", judged).has("/taken", true)?;
            Ok(())
        },
    );
    cases.add(
        "pki/external/apart-from-internal",
        source,
        "what pki-internal issued is not taken by who trusts the root of pki-external",
        |lab| async move {
            let (internal, _, between) = internal(&lab.quietly()).await?;
            let (_, root, _) = external(&lab.quietly()).await?;
            let internal = Pki { lab: lab.clone(), ..internal };
            let issued = internal.issue(ROLE, json!({ "common_name": HOST })).await?;
            let leaf = issued.text("/data/certificate")?;
            let judged = x509::judged_by_client(&[&leaf, &between], &root, HOST, None)?;
            lab.seen("a client of the other root", judged).has("/why", "UnknownIssuer")?;
            Ok(())
        },
    );
    cases.add(
        "pki/internal/no-certificate-yet",
        source,
        "an intermediate authority without a signed certificate issues nothing, and takes nothing that is no certificate",
        |lab| async move {
            let (pki, _) = without_certificate(&lab.quietly(), "pki-internal").await?;
            let pki = Pki { lab: lab.clone(), ..pki };
            let role = json!({ "allowed_domains": "consciousness.internal", "allow_subdomains": true });
            pki.quietly().role(ROLE, role).await?.succeeds()?;
            let refused = pki.issue(ROLE, json!({ "common_name": HOST })).await?;
            refused.is_one_of(&[400, 500])?.error_has("issuer")?.lacks("/data/certificate")?;
            let junk = json!({ "certificate": "-----BEGIN NOTHING-----" });
            lab.post(&pki.at("intermediate/set-signed"), junk).await?.is(400)?;
            Ok(())
        },
    );
}
