//! What a fault that gives a node less than it had must be: options that its kind takes, amounts that can be given.

use super::checker::Checker;
use super::link_rules;
use super::raw::RawStep;
use crate::model::{ByteCount, Disk, FaultKind, Rate, Strain};
use serde_saphyr::Spanned;

/// Slower than this nothing is written between two heartbeats, and faster than this nothing is slowed.
const WRITES_PER_S: std::ops::RangeInclusive<f64> = 1.0..=10_000.0;
const CORES: std::ops::RangeInclusive<f64> = 0.01..=64.0;
/// The engine refuses less.
const MEMORY_MIN: ByteCount = ByteCount(6 << 20);

/// Outer `None`: an error was found. Inner `None`: a fault that takes nothing away.
pub(super) fn check(
    checker: &mut Checker,
    line: &Spanned<RawStep>,
    fault: FaultKind,
) -> Option<Option<Strain>> {
    let raw = &line.value;
    let mut fits = true;
    for (key, text, owner) in [
        ("writes", &raw.writes, FaultKind::SlowDisk),
        ("cpus", &raw.cpus, FaultKind::LimitCpu),
        ("memory", &raw.memory, FaultKind::LimitMemory),
    ] {
        if let (Some(text), false) = (text, fault == owner) {
            checker.error(
                text,
                format!("`{fault}` takes no `{key}`"),
                format!("`{key}` belongs to `{owner}` only"),
            );
            fits = false;
        }
    }
    if !fits {
        return None;
    }
    let mut needs = |key: &str, example: &str| {
        let help = format!("say how much is left, such as `{key}: {example}`");
        checker.error(line, format!("`{fault}` needs `{key}`"), help);
        None
    };
    let strain = match fault {
        FaultKind::FillAudit => Strain::FullDisk(Disk::Audit),
        FaultKind::FillData => Strain::FullDisk(Disk::Data),
        FaultKind::Disconnect => Strain::NoNetwork,
        FaultKind::Degrade if raw.degrade.as_ref().is_some_and(|text| text.value == "kms") => {
            let Some(text) = &raw.delay else {
                let help = "say how much later everything arrives, such as `delay: 1s`";
                checker.error(line, "`degrade: kms` needs `delay`", help);
                return None;
            };
            Strain::SlowAnswers { delay: link_rules::delay(checker, text, "pause: kms")? }
        }
        FaultKind::SlowDisk => {
            let Some(text) = &raw.writes else { return needs("writes", "20/s") };
            let writes = checker.quantity::<Rate>(text)?;
            if !WRITES_PER_S.contains(&writes.0) || writes.0.fract() != 0.0 {
                let help = "from 1/s to 10000/s, and whole: kernels count so";
                checker.error(text, format!("a disk of {writes} cannot be had"), help);
                return None;
            }
            Strain::SlowDisk { writes }
        }
        FaultKind::LimitCpu => {
            let Some(text) = &raw.cpus else { return needs("cpus", "0.1") };
            Strain::Cpu { cores: checker.decimal(text, CORES)? }
        }
        FaultKind::LimitMemory => {
            let Some(text) = &raw.memory else { return needs("memory", "64MB") };
            let limit = checker.quantity::<ByteCount>(text)?;
            if limit < MEMORY_MIN {
                let help = format!("at least {MEMORY_MIN}: no container runs with less");
                checker.error(text, format!("a limit of {limit} is too low"), help);
                return None;
            }
            Strain::Memory { limit }
        }
        _ => return Some(None),
    };
    Some(Some(strain))
}
