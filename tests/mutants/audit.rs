//! Copies of the nodes' audit files, made line by line while a run goes on, with a bug on the way.

use crate::lab::Lab;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of a line.
pub type Line = fn(&str, &Lab) -> String;

const EVERY: Duration = Duration::from_millis(20);

/// Begins with what is written from now on; ends with the runtime.
pub fn copy(from: &Path, to: &Path, line: Line, lab: Arc<Lab>) -> io::Result<()> {
    let mut from = File::open(from)?;
    from.seek(SeekFrom::End(0))?;
    // It holds what audit files hold, and perhaps more.
    let mut to = OpenOptions::new().create(true).append(true).mode(0o600).open(to)?;
    tokio::spawn(async move {
        let mut rest = Vec::new();
        while pass_on(&mut from, &mut rest, &mut to, line, &lab).is_ok() {
            tokio::time::sleep(EVERY).await;
        }
    });
    Ok(())
}

/// Passes whole lines on; the beginning of the next stays in `rest`.
fn pass_on(from: &mut File, rest: &mut Vec<u8>, to: &mut File, line: Line, lab: &Lab) -> io::Result<()> {
    from.read_to_end(rest)?;
    let whole = rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let lines: Vec<u8> = rest.drain(..whole).collect();
    let changed: String = String::from_utf8_lossy(&lines).lines().map(|text| line(text, lab)).collect();
    to.write_all(changed.as_bytes())
}

pub fn one_dropped(text: &str, lab: &Lab) -> String {
    let is_hit = lab.is_armed() && text.contains("/data/tenants/") && lab.one_in(10);
    if is_hit { String::new() } else { format!("{text}\n") }
}

/// A value as it was sent stands beside the entry.
pub fn value_in_plain(text: &str, lab: &Lab) -> String {
    match lab.last_value().filter(|_| lab.one_in(20)) {
        Some(value) => format!("{{\"type\":\"debug\",\"value\":\"{value}\"}}\n{text}\n"),
        None => format!("{text}\n"),
    }
}

/// An entry that was written again after a failure.
pub fn each_twice(text: &str, _: &Lab) -> String {
    format!("{text}\n{text}\n")
}
