//! Packets of our own, sent and received inside the namespaces: what the rules do to them they do to the servers'.

use super::clock::now_ns;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// So that nobody else's packet is counted.
const MARK: &[u8; 8] = b"vqprobe1";
/// Mark, probe, moment of sending.
const BYTES: usize = 24;
const REMEMBERED: usize = 64;

type Seen = BTreeMap<u64, Vec<(u64, u64)>>;

pub struct Probes {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Probes {
    /// Listens in the namespace of the calling thread.
    pub fn start() -> io::Result<Self> {
        // Both families, or the older one where the newer is switched off.
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
            .or_else(|_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))?;
        let port = socket.local_addr()?.port();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let shared = seen.clone();
        std::thread::Builder::new().name("probes".to_owned()).spawn(move || receive(&socket, &shared))?;
        Ok(Self { port, seen })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Notes what arrives of this probe; its number is higher than those before.
    pub fn listen(&self, probe: u64) {
        let mut seen = lock(&self.seen);
        seen.insert(probe, Vec::new());
        while seen.len() > REMEMBERED {
            seen.pop_first();
        }
    }

    /// Moments of sending and of arrival.
    pub fn seen(&self, probe: u64) -> Vec<(u64, u64)> {
        lock(&self.seen).get(&probe).cloned().unwrap_or_default()
    }

    /// Sends in a thread of its own. A packet that the kernel refuses to send was sent, for us: that is what a cut
    /// link looks like.
    pub fn send(&self, probe: u64, to: SocketAddr, packets: u32, every: Duration) -> io::Result<()> {
        let from: SocketAddr =
            if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let socket = UdpSocket::bind(from)?;
        let send = move || {
            for _ in 0..packets {
                let packet = [*MARK, probe.to_be_bytes(), now_ns().to_be_bytes()].concat();
                let _ = socket.send_to(&packet, to);
                std::thread::sleep(every);
            }
        };
        std::thread::Builder::new().name("probe".to_owned()).spawn(send)?;
        Ok(())
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn receive(socket: &UdpSocket, seen: &Mutex<Seen>) {
    let mut buffer = [0; BYTES + 1];
    loop {
        // A refusal of a packet of ours may come back as an error of this socket; listening goes on.
        let Ok((BYTES, _)) = socket.recv_from(&mut buffer) else { continue };
        let arrived_ns = now_ns();
        let number =
            |at: usize| buffer[at..].iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        if buffer.starts_with(MARK)
            && let Some(arrivals) = lock(seen).get_mut(&number(8))
        {
            arrivals.push((number(16), arrived_ns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn counts_its_own_packets_and_no_others() {
        let probes = Probes::start().unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, probes.port()));
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"something of twenty-four", to).unwrap();
        probes.listen(7);
        probes.send(8, to, 3, Duration::from_millis(1)).unwrap();
        probes.send(7, to, 5, Duration::from_millis(1)).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while probes.seen(7).len() < 5 {
            assert!(Instant::now() < until, "{:?}", probes.seen(7));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(probes.seen(7).iter().all(|(sent, arrived)| sent <= arrived));
        assert_eq!(probes.seen(8), []);
    }
}
