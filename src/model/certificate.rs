//! X.509 as libraries other than the server's read it: certificates, lists of revoked ones, and who signed them.

use rustls::pki_types::{CertificateDer, UnixTime};
use std::collections::BTreeSet;
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::*;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// As the server writes it: `39:dd:2e`.
    pub serial: String,
    /// The subject's common name and every alternative name, each once.
    pub names: BTreeSet<String>,
    /// Seconds since 1970.
    pub not_before_s: i64,
    pub not_after_s: i64,
}

impl Certificate {
    pub fn parse(der: &[u8]) -> Result<Self, String> {
        let (_, certificate) = parse_x509_certificate(der).map_err(|error| error.to_string())?;
        let common = certificate.subject().iter_common_name().map(|name| match name.as_str() {
            Ok(name) => name.to_owned(),
            Err(error) => error.to_string(),
        });
        let alternative = certificate.subject_alternative_name().map_err(|error| error.to_string())?;
        let alternative = alternative.iter().flat_map(|names| &names.value.general_names);
        let alternative = alternative.map(|name| match name {
            GeneralName::DNSName(name) => (*name).to_owned(),
            other => other.to_string(),
        });
        Ok(Self {
            serial: serial(certificate.raw_serial()),
            names: common.chain(alternative).collect(),
            not_before_s: certificate.validity().not_before.timestamp(),
            not_after_s: certificate.validity().not_after.timestamp(),
        })
    }

    /// Whether a TLS client that trusts `authority` alone would take the certificate from a server called `name` at a time, in
    /// seconds since 1970.
    pub fn verify(der: &[u8], authority: &[u8], name: &str, at_s: u64) -> Result<(), String> {
        let (der, authority) = (CertificateDer::from(der), CertificateDer::from(authority));
        let text = |error: webpki::Error| format!("{error:?}");
        let anchor = anchor_from_trusted_cert(&authority).map_err(text)?;
        let certificate = EndEntityCert::try_from(&der).map_err(text)?;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at_s));
        let known = webpki::ALL_VERIFICATION_ALGS;
        certificate
            .verify_for_usage(known, &[anchor], &[], at, KeyUsage::server_auth(), None, None)
            .map_err(text)?;
        let name = name.try_into().map_err(|_| format!("`{name}` is no host name"))?;
        certificate.verify_is_valid_for_subject_name(&name).map_err(text)
    }
}

/// A list of revoked certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    pub serials: BTreeSet<String>,
}

impl RevocationList {
    pub fn parse(der: &[u8]) -> Result<Self, String> {
        let (_, list) = parse_x509_crl(der).map_err(|error| error.to_string())?;
        Ok(Self { serials: list.iter_revoked_certificates().map(|one| serial(one.raw_serial())).collect() })
    }

    /// Whether `authority` signed the list.
    pub fn verify(der: &[u8], authority: &[u8]) -> Result<(), String> {
        let (_, list) = parse_x509_crl(der).map_err(|error| error.to_string())?;
        let (_, authority) = parse_x509_certificate(authority).map_err(|error| error.to_string())?;
        list.verify_signature(authority.public_key()).map_err(|error| error.to_string())
    }
}

/// A number that would be negative has a zero before it, which is no part of it.
fn serial(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
