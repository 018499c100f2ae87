//! Certificates as libraries other than the server's read them: what they see is JSON for a case to look at.

use crate::conformance::{Checked, Stop};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};
use x509_parser::prelude::*;

/// Seconds since 1970.
pub fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// It came from the server, so whatever is wrong with it is a divergence.
fn bad(what: &str, why: impl std::fmt::Display) -> Stop {
    Stop::differs(format!("{what} that other programs can read"), format!("{what}: {why}"))
}

fn der(pem: &str) -> Checked<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| bad("a certificate", error))
}

/// What a certificate says.
pub fn read(pem: &str) -> Checked<Value> {
    let der = der(pem)?;
    let (_, certificate) = parse_x509_certificate(&der).map_err(|error| bad("a certificate", error))?;
    let common: Vec<_> =
        certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).collect();
    let alternative =
        certificate.subject_alternative_name().map_err(|error| bad("alternative names", error))?;
    let alternative = alternative.iter().flat_map(|names| &names.value.general_names);
    let alternative: Vec<_> = alternative
        .map(|name| match name {
            GeneralName::DNSName(name) => (*name).to_owned(),
            other => other.to_string(),
        })
        .collect();
    let (from, to) = (certificate.validity().not_before, certificate.validity().not_after);
    Ok(json!({
        "serial": serial(certificate.raw_serial()),
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "common_names": common,
        "alternative_names": alternative,
        "not_before_s": from.timestamp(),
        "not_after_s": to.timestamp(),
        "authority": certificate.is_ca(),
        "signed_by_itself": certificate.verify_signature(None).is_ok(),
        "urls": urls(&certificate),
    }))
}

/// Where a certificate says that its authority and the list of revoked ones are.
fn urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut urls = Vec::new();
    let mut add = |name: &GeneralName<'_>| {
        if let GeneralName::URI(url) = name {
            urls.push((*url).to_owned());
        }
    };
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => {
                access.accessdescs.iter().for_each(|one| add(&one.access_location));
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                for point in points.points.iter().filter_map(|point| point.distribution_point.as_ref()) {
                    if let DistributionPointName::FullName(names) = point {
                        names.iter().for_each(&mut add);
                    }
                }
            }
            _ => {}
        }
    }
    urls
}

/// Whether a client that trusts `root` alone would take the first certificate of `chain` from a server called `name` now;
/// the others of the chain are what that server sends with it, and `revoked` is a list that the client holds.
pub fn judged_by_client(chain: &[&str], root: &str, name: &str, revoked: Option<&[u8]>) -> Checked<Value> {
    let root = der(root)?;
    let anchor = anchor_from_trusted_cert(&root).map_err(|error| bad("an authority", error))?;
    let chain = chain.iter().map(|pem| der(pem)).collect::<Checked<Vec<_>>>()?;
    let Some((leaf, others)) = chain.split_first() else {
        return Err(Stop::broken("a chain without a certificate"));
    };
    let leaf = EndEntityCert::try_from(leaf).map_err(|error| bad("a certificate", error))?;
    let list = match revoked {
        Some(bytes) => {
            let list = BorrowedCertRevocationList::from_der(bytes);
            Some(CertRevocationList::from(list.map_err(|error| bad("a revocation list", error))?))
        }
        None => None,
    };
    let lists: Vec<_> = list.iter().collect();
    let options = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
        let strict = options.with_depth(RevocationCheckDepth::EndEntity);
        strict.with_status_policy(UnknownStatusPolicy::Deny).build()
    });
    let judged = leaf
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &[anchor],
            others,
            UnixTime::now(),
            KeyUsage::server_auth(),
            options,
            None,
        )
        .map(drop)
        .and_then(|()| match name.try_into() {
            Ok(name) => leaf.verify_is_valid_for_subject_name(&name),
            Err(_) => Err(webpki::Error::MalformedDnsIdentifier),
        });
    Ok(match judged {
        Ok(()) => json!({ "taken": true }),
        // Only the word: what stands beside it is a picture of the certificate.
        Err(error) => {
            let told = format!("{error:?}");
            let word: String = told.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            json!({ "taken": false, "why": word })
        }
    })
}

/// Whether a TLS server could use the two together.
pub fn belong_together(certificate: &str, private_key: &str) -> Checked<Value> {
    let certificate = der(certificate)?;
    let (_, certificate) =
        parse_x509_certificate(&certificate).map_err(|error| bad("a certificate", error))?;
    let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes())
        .map_err(|_| bad("a private key", "it cannot be parsed"))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|_| bad("a private key", "of no known kind"))?;
    let public = key.public_key().ok_or_else(|| Stop::broken("a key without a public key"))?;
    Ok(json!({ "match": public.as_ref() == certificate.public_key().raw }))
}

/// Which of these certificates a list names, and whether `authority` signed it.
pub fn read_revocation_list(der_bytes: &[u8], authority: &str, serials: &[&str]) -> Checked<Value> {
    let authority = der(authority)?;
    let (_, authority) = parse_x509_certificate(&authority).map_err(|error| bad("an authority", error))?;
    let (_, list) = parse_x509_crl(der_bytes).map_err(|error| bad("a revocation list", error))?;
    let listed: Vec<_> = list.iter_revoked_certificates().map(|one| serial(one.raw_serial())).collect();
    let names: Vec<_> = serials.iter().map(|serial| listed.iter().any(|listed| listed == serial)).collect();
    let signed = list.verify_signature(authority.public_key()).is_ok();
    Ok(json!({ "names": names, "signed_by_authority": signed }))
}

/// As the server writes it. A number that would be negative has a zero before it, which is no part of it.
fn serial(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_is_judged_by_who_signed_it_its_name_and_its_key() {
        let (ours, others) = (authority(), authority());
        let (key, other_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = params.signed_by(&key, &ours).unwrap().pem();
        let judged = |root: &str, name| judged_by_client(&[&leaf], root, name, None).unwrap();
        assert_eq!(judged(&ours.pem(), "a.example"), json!({ "taken": true }));
        assert_eq!(judged(&ours.pem(), "b.example")["why"], "CertNotValidForName");
        // Of the same name, with another key.
        assert_eq!(judged(&others.pem(), "a.example")["why"], "InvalidSignatureForPublicKey");
        assert_eq!(belong_together(&leaf, &key.serialize_pem()).unwrap()["match"], true);
        assert_eq!(belong_together(&leaf, &other_key.serialize_pem()).unwrap()["match"], false);
        let seen = read(&leaf).unwrap();
        assert_eq!((&seen["alternative_names"], &seen["authority"]), (&json!(["a.example"]), &json!(false)));
        assert!(matches!(read("no certificate"), Err(Stop::Differs { .. })));
    }
}
