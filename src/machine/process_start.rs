//! When a process was started: tells it from one that got the same number later.

/// Clock ticks between the machine's boot and the start of the process.
///
/// # Errors
/// In words, when there is no such process or the kernel does not tell.
pub fn started_ticks(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    // Field 22; the name before it, in brackets, may hold anything.
    let ticks = text.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok());
    ticks.ok_or_else(|| format!("{path} is not as it should be"))
}
