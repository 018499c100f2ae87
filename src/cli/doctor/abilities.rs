//! What each backend can do on this machine, ability by ability.

use super::diagnose::{DOCKER, PAUSING};
use super::{Diagnosis, State};
use crate::cluster::{Ability, Capability, capabilities};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbilityRow {
    pub ability: Ability,
    /// `None`: this machine cannot do it.
    pub process: Option<Capability>,
    /// Besides `disposable`, without which nothing is done to an attached cluster.
    pub attach: Capability,
    /// `None`: this machine cannot do it.
    pub docker: Option<Capability>,
}

/// One row an ability, in the order of [`Ability::ALL`].
pub fn ability_table(diagnoses: &[Diagnosis]) -> Vec<AbilityRow> {
    let cannot_pause = diagnoses.iter().any(|seen| seen.name == PAUSING && seen.state != State::Works);
    let has_docker = diagnoses.iter().any(|seen| seen.name == DOCKER && seen.state == State::Works);
    let row = |ability| AbilityRow {
        ability,
        process: match ability {
            Ability::Pause if cannot_pause => None,
            _ => Some(capabilities::of_process(ability)),
        },
        attach: capabilities::of_attach(ability),
        docker: has_docker.then(|| capabilities::of_docker(ability)),
    };
    Ability::ALL.into_iter().map(row).collect()
}
