//! Carries the bytes of one connection one way: reads, holds, releases.

use super::network::Way;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until};

/// Bytes that wait in one way of a connection at most. It also bounds a delayed way: one mebibyte per delay.
pub const QUEUE_MAX: usize = 1 << 20;
/// Bytes that may be sent while no acknowledgement comes back: what a receiver offers before it widens its window.
pub const WINDOW: usize = 64 << 10;
const READ_MAX: usize = 16 << 10;
/// Bytes that arrive so close together travel together.
const SAME_MOMENT: Duration = Duration::from_micros(500);

/// The end of the connection that broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    Source,
    Target,
}

/// Bytes on their way; none mean the end of the stream.
struct Chunk {
    bytes: Vec<u8>,
    sent: usize,
    due: Instant,
}

/// What a pump waits for when it can release no more.
enum Wait {
    /// More bytes, or another network.
    News,
    Until(Instant),
    Room,
    /// Everything was released, the end too.
    End,
}

pub struct Pump {
    way: Way,
    queue: VecDeque<Chunk>,
    queued: usize,
    has_ended: bool,
    unacknowledged: usize,
    buffer: Box<[u8]>,
}

impl Pump {
    pub fn new(way: Way) -> Self {
        Self {
            way,
            queue: VecDeque::new(),
            queued: 0,
            has_ended: false,
            unacknowledged: 0,
            buffer: vec![0; READ_MAX].into_boxed_slice(),
        }
    }

    /// Whether the source has said its last.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Reads one time, when there is something to read and room for it. Safe to cancel.
    pub async fn read(&mut self, source: &ReadHalf<'_>) -> Result<(), Broken> {
        if self.has_ended || self.queued >= QUEUE_MAX {
            std::future::pending::<()>().await;
        }
        source.readable().await.map_err(|_| Broken::Source)?;
        self.take(source)
    }

    fn take(&mut self, source: &ReadHalf<'_>) -> Result<(), Broken> {
        match source.try_read(&mut self.buffer) {
            Ok(length) => self.hold(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(Broken::Source),
        }
        Ok(())
    }

    /// Until the source has ended and everything was delivered.
    pub async fn run(&mut self, source: &ReadHalf<'_>, target: &mut WriteHalf<'_>) -> Result<(), Broken> {
        loop {
            if self.way.refresh() {
                self.hasten();
            }
            let wait = self.release(target)?;
            if matches!(wait, Wait::End) {
                // It fails when the target has closed already: then nobody is left to be told.
                let _ = target.shutdown().await;
                return Ok(());
            }
            let until = match wait {
                Wait::Until(until) => Some(until),
                _ => None,
            };
            let has_room = self.queued < QUEUE_MAX && !self.has_ended;
            let later = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                () = self.way.changed() => self.hasten(),
                ready = source.readable(), if has_room => {
                    ready.map_err(|_| Broken::Source)?;
                    self.take(source)?;
                }
                () = sleep_until(until.unwrap_or(later)), if until.is_some() => {}
                ready = target.writable(), if matches!(wait, Wait::Room) => {
                    ready.map_err(|_| Broken::Target)?;
                }
            }
        }
    }

    /// Puts what was read on its way. Bytes of a stream do not overtake each other, however the delay spreads.
    fn hold(&mut self, length: usize) {
        let (now, there) = (Instant::now(), &self.way.there);
        let mut due = now + there.delay.0;
        if !there.spread.0.is_zero() {
            let share = rand::random_range(-1.0..=1.0f64);
            let apart = there.spread.0.mul_f64(share.abs());
            due = if share < 0.0 { due.checked_sub(apart).unwrap_or(now).max(now) } else { due + apart };
        }
        self.has_ended = length == 0;
        self.queued += length;
        let bytes = &self.buffer[..length];
        if let Some(last) = self.queue.back_mut() {
            due = due.max(last.due);
            let fits = last.bytes.len() + length <= READ_MAX && due - last.due < SAME_MOMENT;
            if fits && length > 0 {
                last.bytes.extend_from_slice(bytes);
                return;
            }
        }
        self.queue.push_back(Chunk { bytes: bytes.to_vec(), sent: 0, due });
    }

    /// What is on its way arrives no later than it would in the network as it is now.
    fn hasten(&mut self) {
        let latest = Instant::now() + self.way.there.delay.0 + self.way.there.spread.0;
        for chunk in &mut self.queue {
            chunk.due = chunk.due.min(latest);
        }
    }

    /// Hands over everything that is due. Nothing is awaited in here, so the network cannot change meanwhile.
    fn release(&mut self, target: &WriteHalf<'_>) -> Result<Wait, Broken> {
        if !self.way.is_cut_back() {
            self.unacknowledged = 0;
        }
        while let Some(chunk) = self.queue.front_mut() {
            if self.way.is_cut() {
                return Ok(Wait::News);
            }
            let now = Instant::now();
            if chunk.due > now {
                return Ok(Wait::Until(chunk.due));
            }
            if chunk.bytes.is_empty() {
                return Ok(Wait::End);
            }
            let mut allowed = chunk.bytes.len() - chunk.sent;
            if self.way.is_cut_back() {
                allowed = allowed.min(WINDOW - self.unacknowledged);
            }
            let rate = self.way.there.bytes_per_s;
            if let Some(rate) = rate {
                match self.way.pacer.turn(now, rate) {
                    Ok(turn) => allowed = allowed.min(turn),
                    Err(at) => return Ok(Wait::Until(at)),
                }
            }
            if allowed == 0 {
                return Ok(Wait::News);
            }
            let written = match target.try_write(&chunk.bytes[chunk.sent..chunk.sent + allowed]) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Wait::Room),
                Err(_) => return Err(Broken::Target),
            };
            chunk.sent += written;
            self.queued -= written;
            if self.way.is_cut_back() {
                self.unacknowledged += written;
            }
            if let Some(rate) = rate {
                self.way.pacer.spend(now, written, rate);
            }
            if chunk.sent == chunk.bytes.len() {
                self.queue.pop_front();
            }
        }
        Ok(Wait::News)
    }
}
