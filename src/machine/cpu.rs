//! CPU time used so far: by the machine, by a process, by ourselves. Cumulative, in seconds; whoever wants
//! the use of a period reads twice and subtracts.

use std::fs;
use std::io;

/// The kernel tells these files in hundredths of a second on every architecture that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// All cores together, since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineCpu {
    /// Idle and steal included: grows by one per core and second.
    pub total_s: f64,
    /// Idle, waiting for a disk included.
    pub idle_s: f64,
    /// Taken by other guests of the same host.
    pub steal_s: f64,
}

/// Of the whole machine, from `/proc/stat`.
pub fn machine() -> io::Result<MachineCpu> {
    parse_stat(&fs::read_to_string("/proc/stat")?).ok_or_else(|| unexpected("/proc/stat"))
}

/// User and system seconds of a process with all its threads, ended ones included; not of its children.
pub fn process(pid: u32) -> io::Result<f64> {
    let path = format!("/proc/{pid}/stat");
    parse_pid_stat(&fs::read_to_string(&path)?).ok_or_else(|| unexpected(&path))
}

/// Of this process.
pub fn own() -> io::Result<f64> {
    process(std::process::id())
}

fn unexpected(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{path} does not look as the kernel documents it"))
}

fn parse_stat(text: &str) -> Option<MachineCpu> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    // user nice system idle iowait irq softirq steal; the two guest columns are part of user and nice.
    let &[_, _, _, idle, iowait, _, _, steal, ..] = ticks.as_slice() else { return None };
    let seconds = |ticks: u64| ticks as f64 / TICKS_PER_SECOND;
    Some(MachineCpu {
        total_s: seconds(ticks[..8].iter().sum()),
        idle_s: seconds(idle + iowait),
        steal_s: seconds(steal),
    })
}

fn parse_pid_stat(text: &str) -> Option<f64> {
    // The name in brackets may itself hold spaces and brackets.
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    // utime and stime are fields 14 and 15; the state, just after the name, is field 3.
    let utime: u64 = fields.nth(11)?.parse().ok()?;
    let stime: u64 = fields.next()?.parse().ok()?;
    Some((utime + stime) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn reads_the_machine() {
        let text = "cpu  33085 10 6920 151485 1243 5 135 24 77 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        let cpu = parse_stat(text).unwrap();
        assert_eq!(cpu, MachineCpu { total_s: 1929.07, idle_s: 1527.28, steal_s: 0.24 });
        assert_eq!(parse_stat("cpu  1 2 3\n"), None);
        assert_eq!(parse_stat("cpu  1 2 3 x 5 6 7 8\n"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn reads_a_process_with_an_awkward_name() {
        let text = "42 (a ) R b) S 1 42 42 0 -1 4194560 100 0 0 0 250 17 900 900 20 0 9 0 100 1 2 3\n";
        assert_eq!(parse_pid_stat(text), Some(2.67));
        assert_eq!(parse_pid_stat("42 (bao) S 1"), None);
    }

    #[test]
    fn work_is_seen() {
        let (machine_before, own_before) = (machine().unwrap(), own().unwrap());
        let work = || {
            let until = Instant::now() + Duration::from_millis(150);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        };
        std::thread::spawn(work).join().unwrap();
        let used_s = own().unwrap() - own_before;
        let machine_after = machine().unwrap();
        // A busy machine may give us less than what we asked for, hardly ever nothing.
        assert!(used_s >= 0.02, "{used_s}");
        assert!(machine_after.total_s > machine_before.total_s);
        assert!(machine_after.idle_s + machine_after.steal_s <= machine_after.total_s);
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        assert!(process(u32::MAX).is_err());
    }
}
