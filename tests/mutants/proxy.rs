//! The proxies of one run: a plain HTTP server in front of each real node, with one bug in all of them.

use crate::asked::{Asked, Kind};
use crate::catalogue::Play;
use crate::lab::{Answer, Lab};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Starts one in front of a node; returns its address. It ends with the runtime.
pub async fn start(node: usize, lab: Arc<Lab>, play: Play) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let lab = lab.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| answer(request, node, lab.clone(), play));
                // A connection that ends with an error is one that a bug has closed.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(url)
}

/// An error closes the connection without an answer.
async fn answer(
    request: Request<Incoming>,
    node: usize,
    lab: Arc<Lab>,
    play: Play,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let asked = Asked::new(node, &head, body, &lab.operator_token());
    let is_due = lab.is_armed() || asked.kind == Kind::Read;
    let answer: Answer = if is_due { play(asked, lab).await } else { lab.forward(&asked).await };
    let answer = answer.ok_or(io::ErrorKind::ConnectionReset)?;
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    *response.headers_mut() = answer.headers;
    Ok(response)
}
