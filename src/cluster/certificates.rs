//! A certificate authority for one run. Its key is never written: nobody can sign with it later.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub struct RunCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// Where a node's certificate and key are.
#[derive(Clone)]
pub struct NodeCertificate {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}

impl RunCa {
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "vaultquake run CA");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        fs::write(folder.join("ca.pem"), issuer.pem())?;
        Ok(Self { issuer, folder: folder.to_owned() })
    }

    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for the node's name and for the address under which clients and the other nodes reach it.
    pub fn issue(&self, node: &str, address: IpAddr) -> io::Result<NodeCertificate> {
        let names = vec!["localhost".to_owned(), address.to_string(), node.to_owned()];
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, node);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let paths = NodeCertificate {
            cert_file: self.folder.join(format!("{node}.pem")),
            key_file: self.folder.join(format!("{node}.key")),
        };
        fs::write(&paths.cert_file, certificate.pem())?;
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&paths.key_file)?
            .write_all(key.serialize_pem().as_bytes())?;
        Ok(paths)
    }
}
