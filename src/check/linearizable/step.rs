//! One request to one key, reduced to what linearizability knows of it.

/// The end of a request that nobody saw end: it may take effect at any time after it was sent, or never.
pub const OPEN: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub kind: Kind,
    /// Microseconds on the run's clock.
    pub sent_us: u64,
    /// [`OPEN`] for an unknown outcome.
    pub done_us: u64,
    /// Its place in the history.
    pub at: u32,
}

/// What was asked, and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stores `value` as the next version; `version` as the answer had it. With check-and-set on `expected`.
    Write {
        value: u64,
        version: Option<u64>,
        expected: Option<u64>,
    },
    /// A write that was refused, with certainty without effect. `conflict` when the refusal was that another
    /// version than the one in it was there, and the refusal is one that can be relied on.
    Refused {
        value: u64,
        conflict: Option<u64>,
    },
    /// The newest version and its value.
    Read {
        version: u64,
        value: u64,
    },
    /// The newest version is deleted or destroyed.
    ReadDeleted {
        version: u64,
    },
    /// There is no version at all.
    ReadNone,
    /// Soft-deletes the version that is the newest then.
    Delete,
    Undelete {
        version: u64,
    },
    Destroy {
        version: u64,
    },
}

impl Step {
    pub fn is_open(&self) -> bool {
        self.done_us == OPEN
    }

    /// Whether leaving it out of a history can never break what holds without it.
    pub fn only_observes(&self) -> bool {
        matches!(
            self.kind,
            Kind::Refused { .. } | Kind::Read { .. } | Kind::ReadDeleted { .. } | Kind::ReadNone
        )
    }

    /// Whether it deletes, or tells of a deletion.
    pub fn concerns_deletion(&self) -> bool {
        match self.kind {
            Kind::ReadDeleted { .. } | Kind::Delete | Kind::Undelete { .. } | Kind::Destroy { .. } => true,
            Kind::Write { .. } | Kind::Refused { .. } | Kind::Read { .. } | Kind::ReadNone => false,
        }
    }
}
