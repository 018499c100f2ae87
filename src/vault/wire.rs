//! The hot-path client: keep-alive connections to one node on hyper's HTTP/1 connection, nothing above it.
//!
//! It tells how far a request got. That is the difference between *failed* (never sent, so certainly without
//! effect) and *unknown* (sent, no answer). It never sends a request twice: a request is moved to a fresh
//! connection only when hyper hands it back unsent.

use super::{Endpoint, TlsVersions};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

pub struct Wire {
    endpoint: Endpoint,
    tls: Option<TlsConnector>,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

#[derive(Debug, Clone)]
pub struct RawAnswer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer. Everything up to `Exhausted` was certainly never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    ConnectRefused,
    /// Not connected before the deadline.
    ConnectTimeout,
    Connect,
    /// This machine gave no socket or port: our failure, which says nothing about the server.
    Exhausted,
    /// The connection broke after the request was handed over.
    Reset,
    /// Sent, no complete answer before the deadline.
    Timeout,
}

/// After a burst the rest are closed: they would count against our limit of open files.
const IDLE_MAX: usize = 512;

/// Builds a request for [`Wire::send`]; `path` is below `/v1/`.
pub fn request(method: &str, path: &str, token: Option<&str>, body: Bytes) -> Request<Full<Bytes>> {
    let mut builder = Request::builder().method(method).uri(format!("/v1/{path}"));
    if let Some(token) = token {
        builder = builder.header("x-vault-token", token);
    }
    if !body.is_empty() {
        builder = builder.header("content-type", "application/json");
    }
    builder
        .body(Full::new(body))
        .expect("methods, paths and tokens are ours or the server's, without control characters")
}

impl Wire {
    pub fn new(endpoint: &Endpoint) -> Result<Self, rustls::Error> {
        let tls = match &endpoint.tls {
            None => None,
            Some(material) => Some(TlsConnector::from(Arc::new(material.client_config(TlsVersions::All)?))),
        };
        Ok(Self { endpoint: endpoint.clone(), tls, idle: Mutex::new(Vec::new()) })
    }

    /// Where the node listens, which tells it from the others.
    pub fn address(&self) -> SocketAddr {
        self.endpoint.address
    }

    pub async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<RawAnswer, Failure> {
        let deadline = Instant::now() + within;
        request.headers_mut().insert(
            hyper::header::HOST,
            self.endpoint.url.split("://").nth(1).unwrap_or("").parse().map_err(|_| Failure::Connect)?,
        );
        loop {
            let pooled = self.take_idle();
            let reused = pooled.is_some();
            let mut sender = match pooled {
                Some(sender) => sender,
                None => tokio::time::timeout_at(deadline, self.connect())
                    .await
                    .map_err(|_| Failure::ConnectTimeout)?
                    .map_err(|error| classify(&error))?,
            };
            match tokio::time::timeout_at(deadline, Self::exchange(&mut sender, request)).await {
                Err(_) => return Err(Failure::Timeout),
                Ok(Ok(answer)) => {
                    self.put_idle(sender);
                    return Ok(answer);
                }
                Ok(Err(Some(unsent))) if reused => request = unsent,
                Ok(Err(Some(_))) => return Err(Failure::Connect),
                Ok(Err(None)) => return Err(Failure::Reset),
            }
        }
    }

    /// `Err(Some(request))` hands back a request of which nothing was sent.
    async fn exchange(
        sender: &mut SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<RawAnswer, Option<Request<Full<Bytes>>>> {
        if sender.ready().await.is_err() {
            return Err(Some(request));
        }
        let response = sender.try_send_request(request).await.map_err(|mut error| error.take_message())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| None)?.to_bytes();
        Ok(RawAnswer { status: head.status.as_u16(), headers: head.headers, body })
    }

    fn take_idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap();
        // Newest first: the fewest connections stay warm, and what is closed falls out.
        while let Some(sender) = idle.pop() {
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn put_idle(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap();
        if !sender.is_closed() && idle.len() < IDLE_MAX {
            idle.push(sender);
        }
    }

    async fn connect(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.endpoint.address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => handshake(TokioIo::new(stream)).await,
            Some(connector) => {
                let name = self.endpoint.server_name().ok_or(io::ErrorKind::InvalidInput)?;
                handshake(TokioIo::new(connector.connect(name, stream).await?)).await
            }
        }
    }
}

async fn handshake<T>(io: T) -> io::Result<SendRequest<Full<Bytes>>>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// No file descriptor, or no local port, was left for a connection.
pub fn is_exhaustion(error: &io::Error) -> bool {
    let of_ours = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL];
    of_ours.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn classify(error: &io::Error) -> Failure {
    match error.kind() {
        _ if is_exhaustion(error) => Failure::Exhausted,
        io::ErrorKind::ConnectionRefused => Failure::ConnectRefused,
        io::ErrorKind::TimedOut => Failure::ConnectTimeout,
        _ => Failure::Connect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_not_the_servers_failure() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(classify(&error), Failure::Exhausted, "{error}");
        }
        let refused = io::Error::from_raw_os_error(Errno::CONNREFUSED.raw_os_error());
        assert_eq!(classify(&refused), Failure::ConnectRefused);
        assert_eq!(classify(&io::ErrorKind::InvalidInput.into()), Failure::Connect);
    }
}
