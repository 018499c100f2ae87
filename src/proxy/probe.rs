//! Packets of our own over a link: small records with their own times, to a listener of ours behind it.

use super::network::Network;
use crate::model::Party;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

const RECORDS: u32 = 20;
const EVERY: Duration = Duration::from_millis(10);
/// After the last record was sent and the link's own delay has passed.
const PATIENCE: Duration = Duration::from_millis(500);
/// A record is the time since the probe began, in nanoseconds.
const RECORD_BYTES: usize = 8;

/// What became of the records of a probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sighting {
    pub sent: u32,
    /// One way, of those that arrived, in milliseconds, ascending.
    pub delays_ms: Vec<f64>,
}

/// A connection of ours that acts as one of `from`.
#[derive(Clone)]
pub struct Registration {
    pub from: Party,
    /// Where it comes out.
    pub behind: SocketAddr,
}

struct Registered {
    network: Arc<Network>,
    port: u16,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.network.probes.lock().unwrap().remove(&self.port);
    }
}

/// Sends records through the front at `listen`, which is of `to`, as if `from` did.
pub async fn probe(
    network: &Arc<Network>,
    from: &Party,
    to: &Party,
    listen: SocketAddr,
) -> io::Result<Sighting> {
    let sink = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let port = socket.local_addr()?.port();
    let registration = Registration { from: from.clone(), behind: sink.local_addr()? };
    network.probes.lock().unwrap().insert(port, registration);
    let _registered = Registered { network: network.clone(), port };
    let stream = match socket.connect(listen).await {
        // Rejected before the dial was done: the dial is what was sent.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
            return Ok(Sighting { sent: 1, delays_ms: Vec::new() });
        }
        connected => connected?,
    };
    stream.set_nodelay(true)?;

    let there = network.between(from, to);
    let narrow =
        there.bytes_per_s.map_or(0.0, |rate| f64::from(RECORDS) * RECORD_BYTES as f64 / rate.max(1) as f64);
    let began = Instant::now();
    let link_takes = there.delay.0 + there.spread.0 + Duration::from_secs_f64(narrow.min(1.0));
    let until = began + EVERY * RECORDS + link_takes + PATIENCE;
    let (sent, delays) = tokio::join!(send(stream, began, until), receive(sink, began, until));
    let mut delays_ms: Vec<f64> = delays.iter().map(|delay| delay.as_secs_f64() * 1e3).collect();
    delays_ms.sort_by(f64::total_cmp);
    Ok(Sighting { sent, delays_ms })
}

/// How many were sent; the connection is kept until the receiver has done, for its end is no record.
async fn send(mut stream: TcpStream, began: Instant, until: Instant) -> u32 {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    while sent < RECORDS && Instant::now() < until {
        ticks.tick().await;
        // Sent into a broken connection it is sent all the same: it does not arrive.
        let _ = stream.write_all(&(began.elapsed().as_nanos() as u64).to_le_bytes()).await;
        sent += 1;
    }
    // The far end closes when all have arrived; a cut link tells nothing, and time runs out.
    let _ = timeout_at(until, stream.read_u8()).await;
    sent
}

async fn receive(sink: TcpListener, began: Instant, until: Instant) -> Vec<Duration> {
    let mut delays = Vec::new();
    let Ok(Ok((mut stream, _))) = timeout_at(until, sink.accept()).await else { return delays };
    let mut record = [0; RECORD_BYTES];
    while delays.len() < RECORDS as usize {
        match timeout_at(until, stream.read_exact(&mut record)).await {
            Ok(Ok(_)) => {
                let sent = Duration::from_nanos(u64::from_le_bytes(record));
                delays.push(began.elapsed().saturating_sub(sent));
            }
            _ => break,
        }
    }
    delays
}
