//! Faults that nobody wrote down one by one: what may be drawn, how often, and with which chances.

use super::{Between, Cut, FaultKind, Impairment, LinkFault, Shape, Span, Target};
use super::{Disk, Step, Strain, When};
use serde::{Deserialize, Serialize};

/// What a scenario asks for in place of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomFaults {
    /// So long after the first fault new ones begin.
    pub lasting: Span,
    /// From the beginning of one to that of the next; more where the cluster needs more.
    pub every: SpanRange,
    /// From injection to heal.
    pub lasts: SpanRange,
    /// What may be drawn, with its weight.
    pub faults: Vec<(FaultKind, u16)>,
    /// Whom it may be aimed at, with the weight.
    pub targets: Vec<(Target, u16)>,
    pub quorum: Quorum,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanRange {
    pub from: Span,
    pub to: Span,
}

/// Whether a majority of the nodes may be taken away at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quorum {
    /// Each fault leaves a majority, and the next begins once the cluster is whole again.
    #[default]
    Keep,
    /// The next begins as soon as somebody leads.
    MayBreak,
}

impl Quorum {
    pub const ALL: [Quorum; 2] = [Quorum::Keep, Quorum::MayBreak];

    pub fn name(self) -> &'static str {
        match self {
            Quorum::Keep => "keep",
            Quorum::MayBreak => "may-break",
        }
    }

    /// What each fault waits for.
    pub fn when(self) -> When {
        match self {
            Quorum::Keep => When::Whole,
            Quorum::MayBreak => When::Led,
        }
    }
}

impl RandomFaults {
    /// The kinds that need no more than a target and a time.
    pub const KINDS: [FaultKind; 13] = [
        FaultKind::Kill,
        FaultKind::Stop,
        FaultKind::Pause,
        FaultKind::Restart,
        FaultKind::StepDown,
        FaultKind::Seal,
        FaultKind::Isolate,
        FaultKind::CannotHear,
        FaultKind::CannotSpeak,
        FaultKind::Bridge,
        FaultKind::FillAudit,
        FaultKind::FillData,
        FaultKind::Disconnect,
    ];
}

impl Step {
    /// The plainest step of this kind: once, at its time.
    pub fn plain(at: Span, fault: FaultKind, target: Target, heal_after: Option<Span>) -> Self {
        let strain = match fault {
            FaultKind::FillAudit => Some(Strain::FullDisk(Disk::Audit)),
            FaultKind::FillData => Some(Strain::FullDisk(Disk::Data)),
            FaultKind::Disconnect => Some(Strain::NoNetwork),
            _ => None,
        };
        let impairment = Impairment { cut: Some(Cut::default()), ..Impairment::default() };
        let link = shape(fault, &target).map(|shape| LinkFault {
            shape,
            between: Between::default(),
            impairment,
            flap: None,
        });
        Step {
            at,
            jitter: Span::default(),
            fault,
            target,
            heal_after,
            times: 1,
            every: Span::default(),
            ttl: None,
            link,
            strain,
            rest: None,
            hand_over: None,
            when: When::Due,
            count: None,
        }
    }
}

/// What a cut that is named by its kind alone does to the network.
fn shape(fault: FaultKind, target: &Target) -> Option<Shape> {
    Some(match fault {
        FaultKind::Isolate if *target == Target::All => Shape::Apart,
        FaultKind::Isolate => Shape::Group,
        FaultKind::CannotHear => Shape::Deaf,
        FaultKind::CannotSpeak => Shape::Mute,
        FaultKind::Bridge => Shape::Bridge,
        _ => return None,
    })
}
