//! The two things of a Kubernetes cluster that a login with a service account needs: signed tokens of service accounts, and
//! the API that reviews them, over TLS. It checks what a cluster checks: who asks, the signature, the time, and whether the
//! account is there.

use super::service_token::{AUDIENCE, Claims, Signer};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
/// Who may review tokens: the account that stands in the document's ClusterRoleBinding.
const REVIEWER: (&str, &str) = ("vault", "vault");
const BODY_MAX: usize = 64 * 1024;
const CONNECTION_WITHIN: Duration = Duration::from_secs(30);

/// Ends when it is dropped.
pub struct Kubernetes {
    /// As the server under test reaches it.
    pub url: String,
    /// What its certificate is trusted by.
    pub ca_pem: String,
    cluster: Arc<Cluster>,
    serving: JoinHandle<()>,
}

struct Cluster {
    signer: Signer,
    /// Namespace and name.
    accounts: Mutex<HashSet<(String, String)>>,
}

impl Kubernetes {
    /// Serves on a free port; `gateway` is where containers reach this machine, without one it is loopback.
    ///
    /// # Errors
    /// When there is no port, or no certificate can be made.
    pub async fn start(gateway: Option<Ipv4Addr>) -> Result<Self, String> {
        let text = |error: rcgen::Error| error.to_string();
        let host = gateway.unwrap_or(Ipv4Addr::LOCALHOST);
        let ca_pem;
        let tls = {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params.distinguished_name.push(DnType::CommonName, "kubernetes");
            let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(text)?);
            let authority = authority.map_err(text)?;
            ca_pem = authority.pem();
            let key = KeyPair::generate().map_err(text)?;
            let names = vec![host.to_string(), "kubernetes.default.svc".to_owned()];
            let certificate = CertificateParams::new(names).map_err(text)?;
            let certificate = certificate.signed_by(&key, &authority).map_err(text)?;
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .map_err(|error| error.to_string())?
        };
        let listener =
            TcpListener::bind(SocketAddr::from((host, 0))).await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let reviewer = (REVIEWER.0.to_owned(), REVIEWER.1.to_owned());
        let cluster = Arc::new(Cluster {
            signer: Signer::generate()?,
            accounts: Mutex::new(HashSet::from([reviewer])),
        });
        let serving = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), cluster.clone()));
        Ok(Self { url: format!("https://{address}"), ca_pem, cluster, serving })
    }

    /// Makes a service account.
    pub fn add_account(&self, namespace: &str, name: &str) {
        self.cluster.accounts.lock().unwrap().insert((namespace.to_owned(), name.to_owned()));
    }

    /// Deletes one; its tokens are worth nothing from then on.
    pub fn delete_account(&self, namespace: &str, name: &str) {
        self.cluster.accounts.lock().unwrap().remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// A token as it is mounted into a pod, which ends in `ends_in_s` seconds: before now where that is negative.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub fn token(&self, namespace: &str, name: &str, ends_in_s: i64) -> Result<String, String> {
        self.cluster.signer.sign(&Claims::new(namespace, name, now_s(), ends_in_s))
    }

    /// The token with which the server under test asks for reviews.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub fn reviewer_token(&self) -> Result<String, String> {
        self.token(REVIEWER.0, REVIEWER.1, 24 * 3600)
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, cluster: Arc<Cluster>) {
    loop {
        // Who cannot be accepted, out of descriptors perhaps, is not worth the end of all others.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let (tls, cluster) = (tls.clone(), cluster.clone());
        tokio::spawn(tokio::time::timeout(CONNECTION_WITHIN, async move {
            // Who does not trust the certificate ends here.
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(|request| {
                let cluster = cluster.clone();
                async move { Ok::<_, Infallible>(cluster.answer(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            drop(connection.serve_connection(TokioIo::new(stream), service).await);
        }));
    }
}

impl Cluster {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if (request.method(), request.uri().path()) != (&Method::POST, REVIEWS) {
            return answer(
                StatusCode::NOT_FOUND,
                &status("the server could not find the requested resource"),
            );
        }
        let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        match self.review(bearer) {
            Err(_) => return answer(StatusCode::UNAUTHORIZED, &status("Unauthorized")),
            Ok(claims) if (claims.namespace(), claims.name()) != REVIEWER => {
                return answer(
                    StatusCode::FORBIDDEN,
                    &status("tokenreviews.authentication.k8s.io is forbidden"),
                );
            }
            Ok(_) => {}
        }
        let body = Limited::new(request.into_body(), BODY_MAX).collect().await;
        let asked: Option<Value> = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
        let Some(token) = asked.as_ref().and_then(|asked| asked["spec"]["token"].as_str()) else {
            return answer(StatusCode::BAD_REQUEST, &status("no token to review"));
        };
        let wanted: Vec<&str> = match asked.as_ref().and_then(|asked| asked["spec"]["audiences"].as_array()) {
            Some(audiences) => audiences.iter().filter_map(Value::as_str).collect(),
            None => vec![AUDIENCE],
        };
        let reviewed = self.review(token).and_then(|claims| {
            let for_whom: Vec<_> = wanted.iter().filter(|audience| claims.is_for(audience)).collect();
            if for_whom.is_empty() {
                return Err("[invalid bearer token, meant for somebody else]".to_owned());
            }
            Ok(json!({
                "authenticated": true, "audiences": for_whom,
                "user": {
                    "username": claims.subject(), "uid": claims.uid(),
                    "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{}", claims.namespace())],
                },
            }))
        });
        let status = reviewed.unwrap_or_else(|why| json!({ "authenticated": false, "error": why }));
        let review =
            json!({ "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status });
        answer(StatusCode::CREATED, &review)
    }

    /// What a token says, if it can be believed.
    fn review(&self, token: &str) -> Result<Claims, String> {
        let claims = self.signer.verify(token, now_s())?;
        let account = (claims.namespace().to_owned(), claims.name().to_owned());
        if self.accounts.lock().unwrap().contains(&account) {
            return Ok(claims);
        }
        Err("[invalid bearer token, service account has been deleted]".to_owned())
    }
}

fn status(message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message })
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn cluster() -> Kubernetes {
        let cluster = Kubernetes::start(None).await.unwrap();
        cluster.add_account("production", "app");
        cluster
    }

    fn client(cluster: &Kubernetes) -> reqwest::Client {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(cluster.ca_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config).build().unwrap()
    }

    async fn review(cluster: &Kubernetes, as_whom: &str, token: &str) -> (u16, Value) {
        let body = json!({ "spec": { "token": token } });
        let request = client(cluster).post(format!("{}{REVIEWS}", cluster.url)).bearer_auth(as_whom);
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    #[tokio::test]
    async fn tokens_are_reviewed_for_who_may_ask() {
        let cluster = cluster().await;
        let reviewer = cluster.reviewer_token().unwrap();
        let app = cluster.token("production", "app", 60).unwrap();
        let (status, answer) = review(&cluster, &reviewer, &app).await;
        assert_eq!((status, &answer["status"]["authenticated"]), (201, &json!(true)));
        assert_eq!(answer["status"]["user"]["username"], "system:serviceaccount:production:app");
        assert_eq!(answer["status"]["audiences"], json!([AUDIENCE]));
        assert_eq!(review(&cluster, &app, &app).await.0, 403);
        assert_eq!(review(&cluster, "nobody", &app).await.0, 401);
        let another = Kubernetes::start(None).await.unwrap();
        let refused = [
            cluster.token("production", "app", -60).unwrap(),
            cluster.token("production", "nobody", 60).unwrap(),
            another.token("production", "app", 60).unwrap(),
            format!("{app}x"),
            "garbage".to_owned(),
        ];
        for token in refused {
            let (status, answer) = review(&cluster, &reviewer, &token).await;
            assert_eq!((status, &answer["status"]["authenticated"]), (201, &json!(false)), "{answer}");
        }
        cluster.delete_account("production", "app");
        let (_, answer) = review(&cluster, &reviewer, &app).await;
        assert_eq!(answer["status"]["authenticated"], json!(false));
    }
}
