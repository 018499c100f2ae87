//! A violation in a sentence.

use super::decide::Broken;
use super::key::Contradiction;
use super::step::{Kind, Step};

/// `kept` are the steps that are shown; `whole` when they are all that it takes.
pub fn summary(key: u32, steps: &[Step], broken: &Broken, kept: &[usize], whole: bool) -> String {
    match broken {
        Broken::Answers(contradiction) => contradicting(key, steps, *contradiction),
        Broken::Pair([later, earlier]) => pair(key, &steps[*later], &steps[*earlier]),
        Broken::NoMaker(version) => {
            format!("version {version} of key {key} was there before any request that can have written it")
        }
        Broken::NoOrder if whole => format!(
            "{} requests to key {key} fit no order in which each takes effect between its sending and its answer",
            kept.len()
        ),
        Broken::NoOrder => format!("the requests to key {key} fit no order, and are too many to be shown"),
    }
}

/// The later one was sent after the earlier one had been answered, and yet tells of something older.
fn pair(key: u32, later: &Step, earlier: &Step) -> String {
    let after = format!("{:.3} ms after", (later.sent_us - earlier.done_us) as f64 / 1e3);
    let before = match earlier.kind {
        Kind::Write { version: Some(version), .. } => format!("version {version} had been acknowledged"),
        Kind::Read { version, .. } => format!("version {version} had been read"),
        _ => "a newer version had been seen".to_owned(),
    };
    match later.kind {
        Kind::Read { version, .. } => {
            format!("stale read of key {key}: version {version} was found by a read sent {after} {before}")
        }
        Kind::ReadNone => {
            format!("stale read of key {key}: nothing was found by a read sent {after} {before}")
        }
        Kind::Write { version: Some(version), .. } if before.ends_with("read") => {
            format!("read from the future of key {key}: version {version} was only sent {after} {before}")
        }
        Kind::Write { version: Some(version), .. } => {
            format!("versions of key {key} out of order: version {version} was only sent {after} {before}")
        }
        _ => format!("read from the future of key {key}: its write was only sent {after} {before}"),
    }
}

fn contradicting(key: u32, steps: &[Step], contradiction: Contradiction) -> String {
    let version = |i: usize| match steps[i].kind {
        Kind::Write { version: Some(version), .. }
        | Kind::Read { version, .. }
        | Kind::ReadDeleted { version } => version,
        _ => 0,
    };
    let expected = |i: usize| match steps[i].kind {
        Kind::Write { expected: Some(expected), .. } => expected,
        _ => 0,
    };
    match contradiction {
        Contradiction::VersionTwice(_, i) => {
            format!("version {} of key {key} was acknowledged to two different writes", version(i))
        }
        Contradiction::ValueTwice(a, b) => {
            format!("one write to key {key} is both version {} and version {}", version(a), version(b))
        }
        Contradiction::OtherValue(_, i) => {
            format!("version {} of key {key} has two different values", version(i))
        }
        Contradiction::NotTheNext(i, read) => format!(
            "a check-and-set on version {} of key {key} became version {}",
            expected(i),
            version(read.unwrap_or(i))
        ),
        Contradiction::RefusedButThere(_, read) => {
            format!("version {} of key {key} is the value of a write that was refused", version(read))
        }
        Contradiction::VersionZero(_) => format!("a version 0 of key {key}, and versions begin at 1"),
        Contradiction::NeverSent(i) => {
            format!("version {} of key {key} holds a value that no request sent", version(i))
        }
        Contradiction::TooHigh(i) => {
            format!("version {} of key {key} is more than all its writes can have made", version(i))
        }
    }
}
