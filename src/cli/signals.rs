//! Ctrl-C, SIGTERM and SIGHUP: once asks the run to heal, collect and report; twice ends at once. Servers die
//! with the harness either way.

use super::exit::Exit;
use crate::runner::{Stop, StopReason};
use tokio::signal::unix::{SignalKind, signal};

/// Listens for as long as the runtime lives.
pub fn listen(stop: Stop) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = hang_up.recv() => "SIGHUP",
            };
            if matches!(stop.reason(), Some(StopReason::Interrupted(_))) {
                eprintln!("vaultquake: {name} again: ending at once; the run folder is left as it is");
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            eprintln!("vaultquake: {name}: healing, collecting and reporting; once more ends at once");
            stop.ask(StopReason::Interrupted(name.to_owned()));
        }
    });
    Ok(())
}
