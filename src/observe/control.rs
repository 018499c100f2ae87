//! The control probe: how well this machine keeps time and answers itself while everything else runs. A second
//! in which even this is slow says nothing about the server's latency.

use crate::model::Event;
use crate::record::Journal;
use hdrhistogram::Histogram;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One timer and one echo each 5 ms: 200 samples a second make a p99 of two.
const EVERY: Duration = Duration::from_millis(5);
const WINDOW: Duration = Duration::from_secs(1);

pub struct ControlProbe {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    journal: Journal,
}

impl ControlProbe {
    pub fn start(journal: Journal) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, to) = (stop.clone(), journal.clone());
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || {
                // Without an echo there is no figure to journal, and no window either.
                let _ = Echo::open().and_then(|echo| measure(&to, echo, &stopped));
            })
            .expect("a thread can be started");
        Self { stop, thread: Some(thread), journal }
    }

    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            self.journal.write(Event::HarnessError { reason: "the control probe broke".into() });
        }
    }
}

impl Drop for ControlProbe {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A connection of ours to ourselves, answered by a thread that does nothing else and ends with it.
struct Echo {
    client: TcpStream,
}

impl Echo {
    fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(Duration::from_secs(5)))?;
        let (mut server, _) = listener.accept()?;
        server.set_nodelay(true)?;
        std::thread::Builder::new().name("echo".into()).spawn(move || {
            let mut byte = [0];
            while server.read_exact(&mut byte).is_ok() && server.write_all(&byte).is_ok() {}
        })?;
        Ok(Self { client })
    }

    fn round_trip(&mut self) -> io::Result<Duration> {
        let began = Instant::now();
        let mut byte = [1];
        self.client.write_all(&byte)?;
        self.client.read_exact(&mut byte)?;
        Ok(began.elapsed())
    }
}

/// Until `stop`. It ends early when the echo fails: windows that are missing make a run inconclusive, while one
/// without an echo would look better than the machine was.
fn measure(journal: &Journal, mut echo: Echo, stop: &AtomicBool) -> io::Result<()> {
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
    let histogram = || Histogram::<u64>::new_with_bounds(1, 60_000_000, 3).expect("bounds are in order");
    let (mut stalls_us, mut echoes_us) = (histogram(), histogram());
    let mut window_began = Instant::now();
    let mut next = window_began + EVERY;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let late = Instant::now().saturating_duration_since(next);
        stalls_us.saturating_record(late.as_micros() as u64);
        echoes_us.saturating_record(echo.round_trip()?.as_micros() as u64);
        // Wake-ups missed in a long stall are not made up for: the stall itself is in the record.
        next = (next + EVERY).max(Instant::now());
        if window_began.elapsed() >= WINDOW {
            let ms = |value: u64| value as f64 / 1e3;
            journal.write(Event::Control {
                window_ms: window_began.elapsed().as_secs_f64() * 1e3,
                stall_p99_ms: ms(stalls_us.value_at_quantile(0.99)),
                stall_max_ms: ms(stalls_us.max()),
                echo_p99_ms: ms(echoes_us.value_at_quantile(0.99)),
                echo_max_ms: ms(echoes_us.max()),
            });
            stalls_us.reset();
            echoes_us.reset();
            window_began = Instant::now();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_echo_no_window_is_journalled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let journal = Journal::create(&path, Instant::now()).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // Nobody answers at the other end.
        drop(listener);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let measuring = std::thread::spawn(move || measure(&journal, Echo { client }, &stopped));
        std::thread::sleep(WINDOW + Duration::from_millis(200));
        stop.store(true, Ordering::Relaxed);
        assert!(measuring.join().unwrap().is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
