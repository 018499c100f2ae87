//! What machine this is, for the run's record. What cannot be read is said to be unknown, never guessed.

use crate::model::Machine;
use std::fs;
use std::io;
use std::path::Path;

/// Operating system, kernel, processor, usable cores and memory.
pub fn facts() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Machine {
        os: parse_os_release(&read("/etc/os-release")).unwrap_or_else(|| std::env::consts::OS.to_owned()),
        kernel: known(read("/proc/sys/kernel/osrelease").trim()),
        cpu: parse_cpu_model(&read("/proc/cpuinfo"))
            .unwrap_or_else(|| format!("unknown {}", std::env::consts::ARCH)),
        // Counts what a container's quota or an affinity mask leaves us, not what is built in.
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32),
        memory_mib: parse_memory_mib(&read("/proc/meminfo")).unwrap_or(0),
    }
}

/// Free space, in MiB, for whom we run as, on the file system of `path` or of its nearest folder that exists.
pub fn free_disk_mib(path: &Path) -> io::Result<u64> {
    let path = std::path::absolute(path)?;
    let there = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let stat = rustix::fs::statvfs(there)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize) >> 20)
}

fn known(text: &str) -> String {
    if text.is_empty() { "unknown".to_owned() } else { text.to_owned() }
}

fn parse_os_release(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches(['"', '\'']).to_owned()).filter(|name| !name.is_empty())
}

fn parse_cpu_model(text: &str) -> Option<String> {
    // "model name" on x86; arm64 has none, some boards say "Model" at the end.
    ["model name", "Model"].iter().find_map(|key| field(text, key))
}

fn parse_memory_mib(text: &str) -> Option<u64> {
    let value = field(text, "MemTotal")?;
    let kib: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

fn field(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_texts() {
        assert_eq!(
            parse_os_release("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n").unwrap(),
            "Debian GNU/Linux 12 (bookworm)"
        );
        let cpuinfo = "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R) Processor\n";
        assert_eq!(parse_cpu_model(cpuinfo).unwrap(), "Intel(R) Xeon(R) Processor");
        let board = "processor\t: 0\nCPU implementer\t: 0x41\n\nModel\t\t: Raspberry Pi 4 Model B\n";
        assert_eq!(parse_cpu_model(board).unwrap(), "Raspberry Pi 4 Model B");
        assert_eq!(parse_memory_mib("MemTotal:       24576000 kB\nMemFree: 1 kB\n").unwrap(), 24_000);
        assert_eq!(parse_memory_mib("MemTotal: many\n"), None);
        assert_eq!(parse_os_release(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_facts() {
        let machine = facts();
        assert!(machine.cores >= 1);
        assert!(machine.memory_mib > 0);
        assert_ne!(machine.kernel, "unknown");
        assert!(free_disk_mib(Path::new("/tmp/not/there/yet")).is_ok());
    }
}
