//! Ctrl-C, SIGTERM and SIGHUP: once asks every run to heal, collect and report; twice ends at once, and so does
//! the first one while no run is under way. Servers die with the harness either way.

use super::exit::Exit;
use super::out::tell;
use crate::runner::{Stop, StopReason};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::signal::unix::{SignalKind, signal};

/// Listens from a thread of its own until the program ends: also while it waits for the machine, and while
/// the reports of a run are written.
pub struct Signals {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the runs that are under way, or of the cluster that is up.
    stops: BTreeMap<u64, Stop>,
    /// How many there have ever been, to tell them apart.
    watched: u64,
    caught: bool,
}

/// As long as this lives, a signal stops what it stands for in good order.
pub struct Watched<'s> {
    signals: &'s Signals,
    number: u64,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.signals.state.lock().unwrap().stops.remove(&self.number);
    }
}

impl Signals {
    pub fn listen() -> io::Result<Arc<Self>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // Registered before this returns: from here on no signal ends the program without a word.
        let entered = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        drop(entered);
        let signals = Arc::new(Self { state: Mutex::default() });
        let heed = {
            let signals = signals.clone();
            async move {
                loop {
                    signals.heed(tokio::select! {
                        _ = interrupt.recv() => "SIGINT",
                        _ = terminate.recv() => "SIGTERM",
                        _ = hang_up.recv() => "SIGHUP",
                    });
                }
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(heed))?;
        Ok(signals)
    }

    fn heed(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        let what = match state.stops.len() {
            0 => "no run is under way; ending",
            _ if state.caught => "ending at once; what is left is for `vaultquake clean`",
            _ => {
                tell!("vaultquake: {name}: stopping in order; once more ends at once");
                state.stops.values().for_each(|stop| stop.ask(StopReason::Interrupted(name.to_owned())));
                state.caught = true;
                return;
            }
        };
        tell!("vaultquake: {name}: {what}");
        std::process::exit(i32::from(Exit::Interrupted.code()));
    }

    /// What a signal stops, too, until the answer is dropped. Nothing once a signal has come: then nothing more
    /// should begin.
    pub fn watch_over(&self, stop: &Stop) -> Option<Watched<'_>> {
        let mut state = self.state.lock().unwrap();
        if state.caught {
            return None;
        }
        state.watched += 1;
        let number = state.watched;
        state.stops.insert(number, stop.clone());
        Some(Watched { signals: self, number })
    }

    /// Whether a signal has come, even one that came after the run had been stopped for another reason.
    pub fn caught(&self) -> bool {
        self.state.lock().unwrap().caught
    }
}
