//! Every mutant: what it does, on which run, and who must notice.

use crate::asked::Asked;
use crate::audit::Line;
use crate::lab::{Answer, Lab};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// What a proxy does with a request.
pub type Play = fn(Asked, Arc<Lab>) -> BoxFuture<'static, Answer>;

pub struct Mutant {
    pub name: &'static str,
    /// The scenario in `tests/mutants/scenarios/`.
    pub scenario: &'static str,
    pub does: &'static str,
    /// The checkers that must report it; none when it is legal.
    pub caught_by: &'static [&'static str],
    /// The checkers that may: what it does breaks their promise too, though not in every run.
    pub maybe_by: &'static [&'static str],
    pub play: Play,
    /// What becomes of the lines of audit files.
    pub audit: Option<Line>,
}

impl Mutant {
    pub fn is_legal(&self) -> bool {
        self.caught_by.is_empty()
    }
}

macro_rules! mutant {
    ($name:literal, $scenario:literal, $play:expr, $does:literal, $caught_by:expr, $maybe_by:expr) => {
        Mutant {
            name: $name,
            scenario: $scenario,
            does: $does,
            caught_by: &$caught_by,
            maybe_by: &$maybe_by,
            play: |asked, lab| Box::pin($play(asked, lab)),
            audit: None,
        }
    };
    ($name:literal, audit $line:path, $does:literal, $caught_by:expr) => {
        Mutant {
            name: $name,
            scenario: "audited",
            does: $does,
            caught_by: &$caught_by,
            maybe_by: &[],
            play: |asked, lab| Box::pin(crate::bugs::legal::clean(asked, lab)),
            audit: Some($line),
        }
    };
}

// After the macro, which they use.
mod engines;
mod leases;
mod secrets;
mod shaken;

/// All of them, in the order of the page.
pub fn mutants() -> impl Iterator<Item = &'static Mutant> {
    secrets::MUTANTS.iter().chain(engines::MUTANTS).chain(leases::MUTANTS).chain(shaken::MUTANTS)
}

const LOST: &str = "no-lost-writes";
const ORDER: &str = "linearizable";
const SESSION: &str = "session";
const CAS: &str = "cas-exclusive";
const LEADER: &str = "single-leader";
const AGREE: &str = "node-agreement";
const SEALED: &str = "sealed-silent";
const EXPIRY: &str = "token-expiry";
const AUDIT: &str = "audit-complete";
const PLAIN: &str = "no-plaintext";
const TRANSIT: &str = "transit-decrypts";
const PKI: &str = "pki-valid";
const TENANTS: &str = "isolation";
const LEASES: &str = "lease-expiry";
const MINORITY: &str = "minority-silent";
const NOTHING: &str = "audit-or-nothing";
const SNAPSHOT: &str = "snapshot-equal";
const SERVED: &str = "served-through-every-node";
const NEWEST: &str = "lost-only-newest";
