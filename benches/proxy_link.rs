//! What a link adds to a round trip while it disturbs nothing: an echo on loopback, with and without it. Prints
//! percentiles; asserts nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use vaultquake::model::{NodeId, Party};
use vaultquake::proxy::{Dialers, Front, Proxy};

const ROUND_TRIPS: usize = 5_000;
/// About as often as a busy cluster's nodes speak to each other.
const EVERY: Duration = Duration::from_millis(1);
/// A small raft entry.
const BYTES: usize = 300;

fn main() {
    let echo = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let behind = echo.local_addr().unwrap();
    std::thread::spawn(move || echo.incoming().flatten().for_each(answer_all));
    let reserved = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let listen = reserved.local_addr().unwrap();
    drop(reserved);
    let proxy = Proxy::start().unwrap();
    let party = Party::Node(NodeId::new("n1"));
    proxy.open(&Front { listen, party, behind, dialers: Dialers::Clients }).unwrap();

    println!("{:<10} {:>10} {:>10} {:>10}", "round trip", "p50 µs", "p99 µs", "max µs");
    for (name, address) in [("direct", behind), ("linked", listen), ("direct", behind), ("linked", listen)] {
        let us = round_trips(address);
        let at = |share: f64| us[((us.len() - 1) as f64 * share) as usize];
        println!("{name:<10} {:>10.0} {:>10.0} {:>10.0}", at(0.5), at(0.99), at(1.0));
    }
}

/// In microseconds, ascending.
fn round_trips(address: SocketAddr) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (message, mut answer) = ([7; BYTES], [0; BYTES]);
    let mut us: Vec<f64> = (0..ROUND_TRIPS)
        .map(|_| {
            std::thread::sleep(EVERY);
            let began = Instant::now();
            stream.write_all(&message).unwrap();
            stream.read_exact(&mut answer).unwrap();
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    us.sort_by(f64::total_cmp);
    us
}

fn answer_all(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; BYTES];
    while stream.read_exact(&mut buffer).is_ok() {
        if stream.write_all(&buffer).is_err() {
            return;
        }
    }
}
