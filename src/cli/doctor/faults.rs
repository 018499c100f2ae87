//! Which fault each backend can do, as data.

use super::diagnose::PAUSING;
use super::{Diagnosis, State};
use crate::model::FaultKind;

/// Whether a backend can do a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    Yes,
    /// When the attach file gives these.
    With(&'static str),
    /// This machine cannot do it.
    Missing,
    /// Not in this version.
    Unsupported,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultAvailability {
    pub fault: FaultKind,
    pub process: Availability,
    /// Besides `disposable`, without which an attached cluster gets no fault at all.
    pub attach: Availability,
    pub docker: Availability,
}

/// One row a fault, in the order of [`FaultKind::ALL`].
pub fn fault_table(diagnoses: &[Diagnosis]) -> Vec<FaultAvailability> {
    let cannot_pause = diagnoses.iter().any(|seen| seen.name == PAUSING && seen.state != State::Works);
    let row = |fault| FaultAvailability {
        fault,
        process: match fault {
            FaultKind::Pause if cannot_pause => Availability::Missing,
            _ => Availability::Yes,
        },
        attach: attach(fault),
        docker: Availability::Unsupported,
    };
    FaultKind::ALL.into_iter().map(row).collect()
}

fn attach(fault: FaultKind) -> Availability {
    // A node that was started again is sealed, unless it unseals itself.
    match fault {
        FaultKind::Kill => Availability::With("hooks kill, start; unseal_keys_file"),
        FaultKind::Stop | FaultKind::Restart => Availability::With("hooks stop, start; unseal_keys_file"),
        FaultKind::Pause => Availability::With("hooks pause, resume"),
        FaultKind::Seal => Availability::With("unseal_keys_file"),
        FaultKind::StepDown | FaultKind::Expire => Availability::With("token_file"),
    }
}
