//! A spare server that has, beside its plain one, a listener with TLS of the case's own.

use crate::cluster::certificates::{NodeCertificate, RunCa};
use crate::conformance::{Answer, Checked, Lab, Spare, SpareConfig, Stop, Storage};
use crate::machine::ports::{self, ReservedPort};
use crate::vault::{Client, Endpoint, TlsMaterial, TlsVersions};
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub struct Listener {
    pub spare: Spare,
    pub ca: RunCa,
    pub certificate: NodeCertificate,
    url: String,
    _port: ReservedPort,
}

impl Listener {
    /// Open for requests: initialised, unsealed, active. `{ca}` in `lines` is the file of the CA.
    pub async fn open(lab: &Lab, lines: &str) -> Checked<Self> {
        let folder = lab.folder()?.join(rand::random::<u32>().to_string());
        let ca = RunCa::create(&folder).map_err(Stop::broken)?;
        let certificate = ca.issue("listener", HERE).map_err(Stop::broken)?;
        let port = ports::reserve(1).map_err(Stop::broken)?.remove(0);
        let listener = format!(
            "listener \"tcp\" {{\n  address = \"127.0.0.1:{}\"\n  \
             tls_cert_file = {:?}\n  tls_key_file = {:?}\n  {}\n}}",
            port.port(),
            certificate.cert_file.display().to_string(),
            certificate.key_file.display().to_string(),
            lines.replace("{ca}", &ca.ca_file().display().to_string()),
        );
        let spare = lab.spare(SpareConfig::new(Storage::Memory).with(&listener)).await?;
        lab.opened(&spare).await?;
        let url = format!("https://127.0.0.1:{}", port.port());
        Ok(Self { spare, ca, certificate, url, _port: port })
    }

    /// As somebody sees it who trusts its CA, and shows this certificate.
    pub fn endpoint(&self, identity: Option<&NodeCertificate>) -> Checked<Endpoint> {
        let identity = identity.map(|identity| (identity.cert_file.as_path(), identity.key_file.as_path()));
        let tls = TlsMaterial::from_files(&self.ca.ca_file(), identity).map_err(Stop::broken)?;
        Endpoint::new(&self.url, Some(&tls)).map_err(Stop::broken)
    }

    /// A handshake and a request without a certificate of the client's.
    pub async fn shake(&self, lab: &Lab, versions: TlsVersions) -> Checked<Answer> {
        self.shake_as(lab, None, versions).await
    }

    /// The same with one.
    pub async fn shake_as(
        &self,
        lab: &Lab,
        identity: Option<&NodeCertificate>,
        versions: TlsVersions,
    ) -> Checked<Answer> {
        let endpoint = self.endpoint(identity)?;
        let tls = endpoint.tls.clone().ok_or_else(|| Stop::broken("the listener has no TLS"))?;
        lab.handshake(&endpoint, &tls, versions).await
    }

    /// A client that keeps its connections.
    pub fn client(&self) -> Checked<Client> {
        Ok(Client::new(&self.endpoint(None)?)?)
    }

    /// Puts another certificate of the same CA in the place of the one that is served.
    pub fn replace_certificate(&self) -> Checked {
        self.ca.issue("listener", HERE).map(drop).map_err(Stop::broken)
    }
}
