//! A server for unit tests: it answers as it is told and remembers what it was asked. Judges nothing.

use super::Endpoint;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A status and a body; `None` breaks the connection without an answer.
pub type Told = Option<(u16, Value)>;
type Script = dyn FnMut(&str, &Value) -> Told + Send;

pub struct Scripted {
    pub endpoint: Endpoint,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// `script` is given method and path below `/v1/`, such as `GET sys/leader`, and the body.
    pub async fn start(script: impl FnMut(&str, &Value) -> Told + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(script)));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), log.clone()));
            }
        });
        Self { endpoint: Endpoint::new(&url, None).unwrap(), asked }
    }

    /// How often it was asked this.
    pub fn count(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == what).count()
    }
}

async fn serve(
    stream: TcpStream,
    script: Arc<Mutex<Box<Script>>>,
    asked: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut what, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            } else if what.is_empty() {
                let (method, path) = line.split_once(" /v1/")?;
                what = format!("{} {}", method.to_uppercase(), path.split_whitespace().next()?);
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        asked.lock().unwrap().push(what.clone());
        let (status, answer) = (script.lock().unwrap())(&what, &body)?;
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status} told\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        stream.write_all(head.as_bytes()).await.ok()?;
    }
}
