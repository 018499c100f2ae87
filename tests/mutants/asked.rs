//! A request as a proxy sees it, and what it is about.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request, header};
use serde_json::Value;

/// What a request asks for; by whom is part of it, because a bug of the load must not spoil the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tenant reads the newest version of a secret.
    Read,
    Write,
    /// A write with check-and-set.
    Cas,
    Delete,
    Undelete,
    Destroy,
    /// The operator reads one version of a secret, or what the server holds of it.
    ReadBack,
    ReadBackMetadata,
    Leader,
    Health,
    /// Somebody asks whether the token lives that he asks with.
    LookUpToken,
    LookUpLease,
    /// A token, by itself or by its accessor.
    RevokeToken,
    RevokeLease,
    RenewLease,
    RevokeLeases,
    /// Credentials of the database.
    Creds,
    Encrypt,
    Decrypt,
    /// The operator has many ciphertexts decrypted at once.
    DecryptAll,
    /// Of the whole store.
    Snapshot,
    Rotate,
    Issue,
    RevokeCertificate,
    /// The operator asks for anything else.
    Operator,
    Other,
}

#[derive(Clone)]
pub struct Asked {
    /// Index of the node.
    pub node: usize,
    pub kind: Kind,
    pub method: Method,
    /// Below `/v1/`, without a query.
    pub path: String,
    query: Option<String>,
    headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn new(node: usize, head: &hyper::http::request::Parts, body: Bytes, operator_token: &str) -> Self {
        let path = head.uri.path().trim_start_matches("/v1/").to_owned();
        let query = head.uri.query().map(str::to_owned);
        let token = head.headers.get("x-vault-token").and_then(|token| token.to_str().ok());
        let by_operator = !operator_token.is_empty() && token == Some(operator_token);
        let kind = kind(&head.method, &path, query.as_deref(), by_operator, &body);
        // Those of one hop are the next hop's own.
        let mut headers = head.headers.clone();
        for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            headers.remove(name);
        }
        Self { node, kind, method: head.method.clone(), path, query, headers, body }
    }

    pub fn is_write(&self) -> bool {
        matches!(self.kind, Kind::Write | Kind::Cas)
    }

    /// Whether a load asks: everything that a tenant may.
    pub fn is_load(&self) -> bool {
        let of_load = [Kind::Read, Kind::Write, Kind::Cas, Kind::Delete, Kind::Undelete, Kind::Destroy];
        of_load.contains(&self.kind)
    }

    /// Whether it is about the secret `vq-<key>`.
    pub fn is_of_key(&self, key: u32) -> bool {
        self.path.ends_with(&format!("/vq-{key}"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The same for another secret.
    pub fn about_key(&self, key: u32) -> Self {
        let (folder, _) = self.path.rsplit_once('/').unwrap_or_default();
        Self { path: format!("{folder}/vq-{key}"), ..self.clone() }
    }

    pub fn with_body(&self, body: &Value) -> Self {
        Self { body: body.to_string().into(), ..self.clone() }
    }

    /// The same at another path.
    pub fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    /// Whether a load asks for credentials of the database, or does something to their leases.
    pub fn is_of_the_database(&self) -> bool {
        matches!(self.kind, Kind::Creds | Kind::RenewLease | Kind::RevokeLease | Kind::RevokeLeases)
    }

    pub fn by(&self, method: Method) -> Self {
        Self { method, ..self.clone() }
    }

    /// The same with an operator's rights.
    pub fn by_operator(&self, token: &str) -> Self {
        let mut asked = self.clone();
        asked.headers.insert("x-vault-token", token.parse().expect("a token is a word"));
        asked
    }

    pub fn request(&self) -> Request<Full<Bytes>> {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = format!("/v1/{}{query}", self.path).parse().expect("it was one before");
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn kind(method: &Method, path: &str, query: Option<&str>, by_operator: bool, body: &[u8]) -> Kind {
    let is_get = method == Method::GET;
    let asks_for_version = query.is_some_and(|query| query.starts_with("version="));
    match path {
        "sys/leader" => Kind::Leader,
        "sys/health" => Kind::Health,
        "auth/token/lookup-self" if !by_operator => Kind::LookUpToken,
        "sys/leases/lookup" => Kind::LookUpLease,
        "auth/token/revoke" | "auth/token/revoke-accessor" => Kind::RevokeToken,
        "sys/leases/revoke" => Kind::RevokeLease,
        "sys/storage/raft/snapshot" => Kind::Snapshot,
        "sys/leases/renew" => Kind::RenewLease,
        _ if path.starts_with("sys/leases/revoke-prefix/") => Kind::RevokeLeases,
        _ if path.contains("-database/creds/") => Kind::Creds,
        _ if path.contains("-transit/decrypt/") && by_operator => Kind::DecryptAll,
        _ if path.contains("-transit/decrypt/") => Kind::Decrypt,
        _ if path.contains("-transit/encrypt/") => Kind::Encrypt,
        _ if path.contains("-transit/keys/") && path.ends_with("/rotate") => Kind::Rotate,
        _ if path.contains("-pki/issue/") => Kind::Issue,
        _ if path.ends_with("-pki/revoke") => Kind::RevokeCertificate,
        _ if is_get && by_operator && path.contains("/data/tenants/") && asks_for_version => Kind::ReadBack,
        _ if is_get && by_operator && path.contains("/metadata/tenants/") && query.is_none() => {
            Kind::ReadBackMetadata
        }
        _ if by_operator => Kind::Operator,
        _ if path.contains("/undelete/tenants/") => Kind::Undelete,
        _ if path.contains("/destroy/tenants/") => Kind::Destroy,
        _ if !path.contains("/data/tenants/") => Kind::Other,
        _ if is_get => Kind::Read,
        _ if method == Method::DELETE => Kind::Delete,
        _ if serde_json::from_slice::<Value>(body).is_ok_and(|body| body["options"]["cas"].is_u64()) => {
            Kind::Cas
        }
        _ => Kind::Write,
    }
}
