//! Append-only files of one JSON object a line.
//!
//! Each line reaches the kernel in whole before the next is begun, so a SIGKILL of the harness can cut off
//! the newest lines but never one in the middle. A full disk is remembered and told, never swallowed.

use crate::model::{Entry, Event, Operation};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct RecordError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

fn append(path: &Path) -> Result<File, RecordError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|source| RecordError { path: path.to_owned(), source })
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("model types serialise");
    line.push(b'\n');
    line
}

/// The journal of a run in progress. Cheap to clone; every event is written before the call returns.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<JournalFile>,
}

struct JournalFile {
    path: PathBuf,
    zero: Instant,
    state: Mutex<JournalState>,
}

struct JournalState {
    file: File,
    trouble: Option<String>,
}

impl Journal {
    pub fn create(path: &Path, zero: Instant) -> Result<Self, RecordError> {
        let state = Mutex::new(JournalState { file: append(path)?, trouble: None });
        Ok(Self { shared: Arc::new(JournalFile { path: path.to_owned(), zero, state }) })
    }

    /// Milliseconds on the run's clock.
    pub fn now_ms(&self) -> f64 {
        self.ms_of(Instant::now())
    }

    pub fn ms_of(&self, instant: Instant) -> f64 {
        let us = instant.saturating_duration_since(self.shared.zero).as_micros();
        us as f64 / 1e3
    }

    pub fn zero(&self) -> Instant {
        self.shared.zero
    }

    /// Writes an event that happened now.
    pub fn write(&self, event: Event) {
        self.write_at(self.now_ms(), event);
    }

    /// Writes an event that was seen at `t_ms`.
    pub fn write_at(&self, t_ms: f64, event: Event) {
        let line = line_of(&Entry { t_ms, event });
        let mut state = self.shared.state.lock().unwrap();
        if let Err(error) = state.file.write_all(&line) {
            // What follows a torn line could not be told from it: begin a new line where possible.
            let _ = state.file.write_all(b"\n");
            state
                .trouble
                .get_or_insert_with(|| format!("cannot write {}: {error}", self.shared.path.display()));
        }
    }

    /// The first write that failed, if one did.
    pub fn trouble(&self) -> Option<String> {
        self.shared.state.lock().unwrap().trouble.clone()
    }
}

/// Takes finished operations from any thread and appends them from one of its own, about five times a second.
pub struct HistoryWriter {
    sender: Option<mpsc::Sender<Operation>>,
    thread: Option<JoinHandle<Option<String>>>,
}

const FLUSH_EVERY: Duration = Duration::from_millis(200);

impl HistoryWriter {
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        let mut file = append(path)?;
        let path = path.to_owned();
        let (sender, receiver) = mpsc::channel::<Operation>();
        let thread = std::thread::Builder::new()
            .name("history".into())
            .spawn(move || {
                let mut pending = Vec::new();
                let mut flushed = Instant::now();
                let mut trouble = None;
                loop {
                    let received = receiver.recv_timeout(FLUSH_EVERY);
                    if let Ok(operation) = &received {
                        pending.extend(line_of(operation));
                    }
                    let closed = matches!(received, Err(RecvTimeoutError::Disconnected));
                    if closed || flushed.elapsed() >= FLUSH_EVERY {
                        if let Err(error) = file.write_all(&pending) {
                            let _ = file.write_all(b"\n");
                            trouble
                                .get_or_insert_with(|| format!("cannot write {}: {error}", path.display()));
                        }
                        pending.clear();
                        flushed = Instant::now();
                    }
                    if closed {
                        return trouble;
                    }
                }
            })
            .expect("a thread can be started");
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// A handle for the load generators.
    pub fn sender(&self) -> mpsc::Sender<Operation> {
        self.sender.clone().expect("not finished")
    }

    /// Waits until every handle is dropped and all is written; returns the first write that failed, or that the
    /// writer itself did.
    pub fn finish(mut self) -> Option<String> {
        self.sender = None;
        let broke = |_| Some("the writer of the history broke, and operations are missing".to_owned());
        self.thread.take().and_then(|thread| thread.join().unwrap_or_else(broke))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_breaks_is_told_of() {
        let thread =
            std::thread::spawn(|| -> Option<String> { panic!("the writer breaks, as this test wants") });
        let writer = HistoryWriter { sender: None, thread: Some(thread) };
        assert!(writer.finish().is_some_and(|trouble| trouble.contains("operations are missing")));
    }
}
