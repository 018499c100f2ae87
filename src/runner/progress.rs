//! What the runner tells whoever watches the terminal.

use crate::model::Phase;
use std::time::Duration;

pub trait Progress: crate::bootstrap::Progress {
    /// A phase begins; `about` is how long it should take, where that is known.
    fn phase(&self, phase: Phase, about: Option<Duration>);

    /// One line about something that happened: a fault, a heal, a wait.
    fn note(&self, text: &str);
}
