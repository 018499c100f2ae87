//! Packets that the kernel hands to us, held back until they are due.
//!
//! The kernel keeps the packets; we see their addresses and tell it what becomes of each. When we die it passes all
//! that come and loses what waits.

use super::clock::now_ns;
use super::held::{Held, Verdict};
use super::hold::QUEUE;
use super::netlink::{ACK, Messages, REQUEST, Received, Socket, attribute, attributes};
use super::part::Part;
use rand::RngExt;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

const SUBSYSTEM: u16 = 3 << 8;
const PACKET: u16 = SUBSYSTEM;
const VERDICT: u16 = SUBSYSTEM | 1;
const CONFIG: u16 = SUBSYSTEM | 2;
/// Both headers of either address family, and no contents.
const COPIED_BYTES: u32 = 60;
/// More than a second at a gigabit would need memory that a measured machine should not give.
const PACKETS_AT_ONCE: u32 = 16_384;
const SOCKET_BYTES: usize = 8 << 20;
const ARRIVING: u8 = 1;

#[derive(Default)]
struct Shared {
    /// Taken by the thread when it is woken.
    next: Mutex<Option<Part>>,
    broken: Mutex<Option<String>>,
}

pub struct Queue {
    shared: Arc<Shared>,
    wake: Arc<OwnedFd>,
}

impl Queue {
    /// In the namespace of the calling thread. Until [`Queue::set`] all that comes passes at once.
    pub fn start() -> io::Result<Self> {
        let socket = Socket::open()?;
        socket.enlarge(SOCKET_BYTES);
        let configure = |attribute: Vec<u8>| {
            socket.ask(&Messages::default().add(CONFIG, REQUEST | ACK, 0, QUEUE, &attribute))
        };
        const BIND: u8 = 1;
        const COPY_PACKET: u8 = 2;
        configure(attribute(1, &[BIND, 0, 0, 0]))?;
        configure(attribute(2, &[&COPIED_BYTES.to_be_bytes()[..], &[COPY_PACKET]].concat()))?;
        configure(attribute(3, &PACKETS_AT_ONCE.to_be_bytes()))?;
        let shared = Arc::new(Shared::default());
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let queue = Self { shared: shared.clone(), wake: wake.clone() };
        let thread = move || {
            if let Err(error) = hold(&socket, &shared, &wake) {
                *lock(&shared.broken) = Some(format!("packets are held back no more: {error}"));
            }
        };
        std::thread::Builder::new().name("packets".to_owned()).spawn(thread)?;
        Ok(queue)
    }

    /// The network is as `part` says from now on, also for what waits already.
    pub fn set(&self, part: &Part) -> Result<(), String> {
        if let Some(why) = lock(&self.shared.broken).clone() {
            return Err(why);
        }
        *lock(&self.shared.next) = Some(part.clone());
        rustix::io::write(&*self.wake, &1u64.to_ne_bytes()).map_err(|error| error.to_string())?;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn hold(socket: &Socket, shared: &Shared, wake: &OwnedFd) -> io::Result<()> {
    let mut held = Held::default();
    let mut buffer = vec![0; 64 << 10];
    let mut came = Vec::new();
    loop {
        let timeout = held.next_ns().map(|at_ns| {
            let wait_ns = at_ns.saturating_sub(now_ns());
            Timespec { tv_sec: (wait_ns / 1_000_000_000) as i64, tv_nsec: (wait_ns % 1_000_000_000) as i64 }
        });
        let mut polled = [PollFd::new(socket, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let _ = rustix::io::read(wake, &mut [0; 8]);
        if let Some(part) = lock(&shared.next).take() {
            for (packet, verdict) in held.set(&part) {
                tell(socket, packet, verdict)?;
            }
        }
        // One buffer at a time, so that what is due does not wait for what arrives.
        socket.receive(&mut buffer, |message| came.extend(packet(&message)))?;
        for Packet { id, from, bytes } in came.drain(..) {
            let dice = rand::rng().random();
            let way = held.way(from);
            if let Some(verdict) = held.take(id, way, bytes, now_ns(), dice) {
                tell(socket, id, verdict)?;
            }
        }
        while let Some(id) = held.due(now_ns()) {
            tell(socket, id, Verdict::Pass)?;
        }
    }
}

fn tell(socket: &Socket, packet: u32, verdict: Verdict) -> io::Result<()> {
    let verdict: u32 = match verdict {
        Verdict::Drop => 0,
        Verdict::Pass => 1,
    };
    let header = [verdict.to_be_bytes(), packet.to_be_bytes()].concat();
    socket.send(&Messages::default().add(VERDICT, REQUEST, 0, QUEUE, &attribute(2, &header)))
}

struct Packet {
    id: u32,
    /// Its source when it arrives here; `None` when it leaves.
    from: Option<IpAddr>,
    bytes: usize,
}

/// `None` for what is no packet of either family.
fn packet(message: &Received<'_>) -> Option<Packet> {
    if message.kind != PACKET {
        return None;
    }
    let find =
        |wanted| attributes(message.attributes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let header = find(1)?;
    let id = u32::from_be_bytes(header.get(..4)?.try_into().ok()?);
    let arrives = header.get(6) == Some(&ARRIVING);
    let (source, bytes) = ip_header(find(10)?)?;
    Some(Packet { id, from: arrives.then_some(source), bytes })
}

/// Source address and length.
fn ip_header(bytes: &[u8]) -> Option<(IpAddr, usize)> {
    let number = |at: usize| Some(usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])));
    match bytes.first()? >> 4 {
        4 => Some((<[u8; 4]>::try_from(bytes.get(12..16)?).ok()?.into(), number(2)?)),
        6 => Some((<[u8; 16]>::try_from(bytes.get(8..24)?).ok()?.into(), number(4)? + 40)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_source_and_length_of_both_families() {
        let mut four = [0; 20];
        four[0] = 0x45;
        four[2..4].copy_from_slice(&1500u16.to_be_bytes());
        four[12..16].copy_from_slice(&[10, 0, 0, 2]);
        assert_eq!(ip_header(&four), Some((IpAddr::from([10, 0, 0, 2]), 1500)));
        let mut six = [0; 40];
        six[0] = 0x60;
        six[4..6].copy_from_slice(&100u16.to_be_bytes());
        six[23] = 1;
        assert_eq!(ip_header(&six), Some((std::net::Ipv6Addr::LOCALHOST.into(), 140)));
        for short in [&four[..12], &[], &[0x10]] {
            assert_eq!(ip_header(short), None);
        }
    }
}
