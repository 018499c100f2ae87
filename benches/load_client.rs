//! CPU seconds per 100 000 requests of the hot-path client, beside its peers in the same run: `wrk`, and reqwest
//! (which the hot path would otherwise use). One server process for all, plain HTTP on loopback, a KV-sized
//! answer, 32 connections, one core's worth of work each. Prints ratios; asserts nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vaultquake::machine::cpu;
use vaultquake::vault::{Endpoint, Wire, request};

const CONNECTIONS: usize = 32;
const LASTS: Duration = Duration::from_secs(4);
const PATH: &str = "secret/data/tenants/t1/exchanges/vq-1";

fn main() {
    if std::env::args().any(|argument| argument == "--serve") {
        return serve();
    }
    let mut server = Server::start();
    let address = server.address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut rows = vec![("wire (hyper connection)", Some(runtime.block_on(wire(&address))))];
    rows.push(("reqwest", Some(runtime.block_on(plain_reqwest(&address)))));
    rows.push(("wrk", wrk(&address)));
    drop(server);

    let peer =
        rows.iter().find(|(name, _)| *name == "wrk").and_then(|(_, row)| row.as_ref()).map(Row::per_100k);
    println!("{:<26} {:>10} {:>14} {:>12}", "client", "requests", "CPU s / 100 k", "beside wrk");
    for (name, row) in &rows {
        match row {
            None => println!("{name:<26} skipped: not installed (apt-get install wrk)"),
            Some(row) => {
                let ratio = peer.map_or("-".to_owned(), |peer| format!("{:.2}", row.per_100k() / peer));
                println!("{name:<26} {:>10} {:>14.2} {ratio:>12}", row.requests, row.per_100k());
            }
        }
    }
}

struct Row {
    requests: u64,
    cpu_s: f64,
}

impl Row {
    fn per_100k(&self) -> f64 {
        self.cpu_s / self.requests.max(1) as f64 * 1e5
    }
}

/// Runs `one` in a closed loop on every connection.
async fn closed_loop<F, P>(one: F) -> Row
where
    F: Fn() -> P + Send + Sync + 'static,
    P: Future<Output = bool> + Send,
{
    let one = Arc::new(one);
    let done = Arc::new(AtomicU64::new(0));
    let before = cpu::own().unwrap();
    let until = Instant::now() + LASTS;
    let clients = (0..CONNECTIONS).map(|_| {
        let (one, done) = (one.clone(), done.clone());
        tokio::spawn(async move {
            while Instant::now() < until {
                assert!(one().await, "the server answers every request");
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    Row { requests: done.load(Ordering::Relaxed), cpu_s: cpu::own().unwrap() - before }
}

async fn wire(address: &str) -> Row {
    let endpoint = Endpoint::new(&format!("http://{address}"), None).unwrap();
    let wire = Arc::new(Wire::new(&endpoint).unwrap());
    closed_loop(move || {
        let wire = wire.clone();
        async move {
            let asked = request("GET", PATH, Some("token"), Default::default());
            wire.send(asked, Duration::from_secs(5)).await.is_ok_and(|answer| answer.status == 200)
        }
    })
    .await
}

async fn plain_reqwest(address: &str) -> Row {
    // Plain HTTP all the same; without a configuration reqwest would look for a TLS provider.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap();
    let url = format!("http://{address}/v1/{PATH}");
    closed_loop(move || {
        let asked = client.get(&url).header("x-vault-token", "token");
        async move {
            match asked.send().await {
                Ok(answer) => answer.bytes().await.is_ok(),
                Err(_) => false,
            }
        }
    })
    .await
}

/// `None` when wrk is not installed.
fn wrk(address: &str) -> Option<Row> {
    let mut child = Command::new("wrk")
        .args([
            "-t1",
            "-H",
            "x-vault-token: token",
            &format!("-c{CONNECTIONS}"),
            &format!("-d{}s", LASTS.as_secs()),
        ])
        .arg(format!("http://{address}/v1/{PATH}"))
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut told = String::new();
    child.stdout.take()?.read_to_string(&mut told).ok()?;
    // Its output is closed, so it has ended or is about to; until it is waited for, the kernel keeps its times.
    let until = Instant::now() + Duration::from_secs(5);
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    while !state().contains(") Z ") && Instant::now() < until {
        std::thread::yield_now();
    }
    let cpu_s = cpu::process(child.id()).ok()?;
    child.wait().ok()?;
    let requests = told.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())?;
    Some(Row { requests, cpu_s })
}

/// Ends with this program, also when it panics.
struct Server(Child);

impl Server {
    fn start() -> Self {
        let exe = std::env::current_exe().unwrap();
        Self(Command::new(exe).arg("--serve").stdout(Stdio::piped()).spawn().unwrap())
    }

    fn address(&mut self) -> String {
        let mut address = [0; 64];
        let length = self.0.stdout.as_mut().unwrap().read(&mut address).unwrap();
        String::from_utf8_lossy(&address[..length]).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that costs next to nothing: one thread per connection, a fixed answer to every request.
fn serve() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    println!("{}", listener.local_addr().unwrap());
    let body =
        format!(r#"{{"data":{{"data":{{"api_secret":"{}"}},"metadata":{{"version":1}}}}}}"#, "x".repeat(200));
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for stream in listener.incoming().flatten() {
        let answer = answer.clone();
        std::thread::spawn(move || answer_all(stream, answer.as_bytes()));
    }
}

fn answer_all(mut stream: TcpStream, answer: &[u8]) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 4096];
    let mut held = Vec::new();
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        held.extend_from_slice(&buffer[..length]);
        while let Some(end) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            held.drain(..end + 4);
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    }
}
