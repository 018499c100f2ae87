//! Where a node's API is, and whom to trust there.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

/// Certificates for TLS to every node of a cluster. Cheap to clone.
#[derive(Clone)]
pub struct TlsMaterial {
    roots: Arc<rustls::RootCertStore>,
    identity: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
}

/// Which versions a client offers; the probe for `tls.min` offers one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    Only12,
    Only13,
    All,
}

/// A node's API address, resolved once: a name that moves during a run would be a fault we did not inject.
#[derive(Clone)]
pub struct Endpoint {
    /// `https://127.0.0.1:8200`, without a trailing slash.
    pub url: String,
    pub address: SocketAddr,
    pub host: String,
    pub tls: Option<TlsMaterial>,
}

#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error("`{0}` is not an API address; write for example https://127.0.0.1:8200")]
    NotAnAddress(String),
    #[error("`{0}` cannot be resolved: {1}")]
    Unresolved(String, String),
    #[error("{0} is https, which needs ca_cert: the CA that signed the node's certificate")]
    NoCa(String),
    #[error("cannot use {path} as {what}: {why}")]
    BadPem { path: String, what: &'static str, why: String },
}

impl TlsMaterial {
    pub fn from_files(ca: &Path, client: Option<(&Path, &Path)>) -> Result<Self, EndpointError> {
        let bad = |path: &Path, what, why: String| EndpointError::BadPem {
            path: path.display().to_string(),
            what,
            why,
        };
        let certificates = |path: &Path, what| -> Result<Vec<CertificateDer<'static>>, EndpointError> {
            CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|error| bad(path, what, error.to_string()))
        };
        let mut roots = rustls::RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates(ca, "a CA certificate")?);
        if added == 0 {
            return Err(bad(ca, "a CA certificate", "it holds no certificate".into()));
        }
        let identity = match client {
            None => None,
            Some((cert, key)) => {
                let chain = certificates(cert, "a client certificate")?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| bad(key, "a client key", error.to_string()))?;
                Some(Arc::new((chain, key)))
            }
        };
        Ok(Self { roots: Arc::new(roots), identity })
    }

    /// For plain http, where nobody shows a certificate.
    pub(super) fn trusting_nobody() -> Self {
        Self { roots: Arc::new(rustls::RootCertStore::empty()), identity: None }
    }

    pub fn client_config(&self, versions: TlsVersions) -> Result<rustls::ClientConfig, rustls::Error> {
        let offered: &[&rustls::SupportedProtocolVersion] = match versions {
            TlsVersions::Only12 => &[&rustls::version::TLS12],
            TlsVersions::Only13 => &[&rustls::version::TLS13],
            TlsVersions::All => rustls::ALL_VERSIONS,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(offered)?
            .with_root_certificates(self.roots.clone());
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some(identity) => builder.with_client_auth_cert(identity.0.clone(), identity.1.clone_key()),
        }
    }
}

impl Endpoint {
    pub fn new(url: &str, tls: Option<&TlsMaterial>) -> Result<Self, EndpointError> {
        let not_an_address = || EndpointError::NotAnAddress(url.to_owned());
        let trimmed = url.trim_end_matches('/');
        let parsed = reqwest::Url::parse(trimmed).map_err(|_| not_an_address())?;
        if !matches!(parsed.scheme(), "http" | "https") || !matches!(parsed.path(), "" | "/") {
            return Err(not_an_address());
        }
        let host = parsed.host_str().ok_or_else(not_an_address)?.trim_matches(['[', ']']).to_owned();
        let port = parsed.port_or_known_default().ok_or_else(not_an_address)?;
        let tls = match (parsed.scheme(), tls) {
            ("https", None) => return Err(EndpointError::NoCa(url.to_owned())),
            ("https", some) => some.cloned(),
            _ => None,
        };
        let unresolved = |why: String| EndpointError::Unresolved(host.clone(), why);
        let address = (host.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| unresolved(error.to_string()))?
            .next()
            .ok_or_else(|| unresolved("no address".into()))?;
        Ok(Self { url: trimmed.to_owned(), address, host, tls })
    }

    pub fn server_name(&self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host.clone()).ok()
    }
}
