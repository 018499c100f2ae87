//! The control-plane client: one node, JSON in and out, never follows a redirect.

use super::{Endpoint, TlsMaterial, TlsVersions};
use reqwest::Method;
use serde_json::Value;
use std::time::{Duration, Instant};

/// One answer, in full.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    /// JSON body; null when there was none or it was not JSON.
    pub body: Value,
}

/// A request in full. `path` is below `/v1/`.
pub struct Exchange<'a> {
    pub method: Method,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Body,
}

pub enum Body {
    None,
    Json(Value),
    /// A JSON merge patch (RFC 7396).
    MergePatch(Value),
    Bytes(Vec<u8>),
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{what}: no answer: {why}")]
    NoAnswer { what: String, why: String },
    #[error("{what}: status {status}: {errors}")]
    Refused { what: String, status: u16, errors: String },
    #[error("{what}: not seen within {:.1} s; last: {last}", waited.as_secs_f64())]
    TimedOut { what: String, waited: Duration, last: String },
}

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    pub fn new(endpoint: &Endpoint) -> Result<Self, ClientError> {
        let what = || format!("client for {}", endpoint.url);
        // Without a configuration of ours reqwest looks for one of the whole program, and panics: http too.
        let tls = endpoint.tls.clone().unwrap_or_else(TlsMaterial::trusting_nobody);
        let config = tls
            .client_config(TlsVersions::All)
            .map_err(|error| ClientError::NoAnswer { what: what(), why: error.to_string() })?;
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            .resolve(&endpoint.host, endpoint.address)
            .tls_backend_preconfigured(config);
        let http =
            builder.build().map_err(|error| ClientError::NoAnswer { what: what(), why: reason(&error) })?;
        Ok(Self { http, base: endpoint.url.clone(), token: None })
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Sends and returns whatever comes back. `path` is below `/v1/`.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let mut request = self.request(method.clone(), path);
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(receive(request, &format!("{method} {path}")).await?.0)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}/v1/{path}", self.base));
        match &self.token {
            Some(token) => request.header("X-Vault-Token", token),
            None => request,
        }
    }

    /// Sends a request with headers of the caller's; the body comes back as it was, beside what it says.
    pub async fn exchange(&self, exchange: Exchange<'_>) -> Result<(Answer, Vec<u8>), ClientError> {
        let what = format!("{} {}", exchange.method, exchange.path);
        let mut request = self.request(exchange.method, exchange.path);
        for (name, value) in exchange.headers {
            request = request.header(*name, *value);
        }
        let request = match exchange.body {
            Body::None => request,
            Body::Json(body) => request.json(&body),
            Body::MergePatch(body) => {
                request.header("Content-Type", "application/merge-patch+json").body(body.to_string())
            }
            Body::Bytes(bytes) => request.body(bytes),
        };
        receive(request, &what).await
    }

    /// A download that is no JSON, such as a snapshot.
    pub async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let what = format!("GET {path}");
        let (answer, bytes) = receive(self.request(Method::GET, path), &what).await?;
        answer.expect_success(&what)?;
        Ok(bytes)
    }

    /// An upload that is no JSON.
    pub async fn post_bytes(&self, path: &str, bytes: Vec<u8>) -> Result<Answer, ClientError> {
        let what = format!("POST {path}");
        receive(self.request(Method::POST, path).body(bytes), &what).await?.0.expect_success(&what)
    }

    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.call(Method::GET, path, None).await?.expect_success(&format!("GET {path}"))
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Answer, ClientError> {
        self.call(Method::POST, path, Some(&body)).await?.expect_success(&format!("POST {path}"))
    }

    pub async fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.call(Method::DELETE, path, None).await?.expect_success(&format!("DELETE {path}"))
    }
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The server's own error texts, joined. They name paths and causes, never a secret.
    pub fn errors(&self) -> String {
        let texts: Vec<_> =
            self.body["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if texts.is_empty() { "no error text".into() } else { texts.join("; ").replace('\n', " ") }
    }

    fn expect_success(self, what: &str) -> Result<Self, ClientError> {
        if self.is_success() {
            return Ok(self);
        }
        Err(ClientError::Refused { what: what.to_owned(), status: self.status, errors: self.errors() })
    }
}

/// The answer, and its body as it came.
async fn receive(request: reqwest::RequestBuilder, what: &str) -> Result<(Answer, Vec<u8>), ClientError> {
    let no_answer =
        |error: reqwest::Error| ClientError::NoAnswer { what: what.to_owned(), why: reason(&error) };
    let response = request.send().await.map_err(no_answer)?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let bytes = response.bytes().await.map_err(no_answer)?;
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok((Answer { status, headers, body }, bytes.into()))
}

/// The innermost cause: reqwest's own text only says that sending failed.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Asks again every `every` until `probe` says it is there, at most `within`. `probe` answers `Ok(value)` when
/// done, `Err(status)` with what it saw otherwise; the last status stands in the error.
pub async fn wait_until<T, F, P>(
    what: &str,
    within: Duration,
    every: Duration,
    mut probe: F,
) -> Result<T, ClientError>
where
    F: FnMut() -> P,
    P: Future<Output = Result<T, String>>,
{
    let began = Instant::now();
    loop {
        let left = within.saturating_sub(began.elapsed());
        let last = match tokio::time::timeout(left.max(every), probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(last)) => last,
            Err(_) => "no answer in time".to_owned(),
        };
        if began.elapsed() >= within {
            return Err(ClientError::TimedOut { what: what.to_owned(), waited: began.elapsed(), last });
        }
        tokio::time::sleep(every).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[tokio::test]
    async fn a_plain_http_node_is_asked_at_the_address_that_its_name_had_at_first() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        });
        // No resolver knows this name.
        let host = "node.invalid".to_owned();
        let endpoint =
            Endpoint { url: format!("http://{host}:{}", address.port()), address, host, tls: None };
        assert_eq!(Client::new(&endpoint).unwrap().get("sys/health").await.unwrap().status, 200);
    }
}
