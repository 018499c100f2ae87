//! How often a process may write to its disk: a limit of the kernel on its control group, of either version. Wants
//! root.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Where the hierarchies of control groups are mounted, on every system that has them.
const GROUPS: &str = "/sys/fs/cgroup";
/// Enough to tell a throttled disk from a busy one, few enough to take a second at most where it is as it should be.
const PROBE_WRITES: u32 = 8;
const PROBED_WITHIN: Duration = Duration::from_secs(30);

/// The group of one process, and the disk that holds a folder.
pub struct DiskThrottle {
    group: PathBuf,
    /// Of the first version, a file a limit; of the second, one for all.
    is_first_version: bool,
    /// `major:minor` of the whole disk; a partition has no limit of its own.
    device: String,
}

impl DiskThrottle {
    /// # Errors
    /// In words, when the kernel cannot limit this.
    pub fn of(pid: u32, folder: &Path) -> Result<Self, String> {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup"));
        let groups = groups.map_err(|error| format!("its control group cannot be read: {error}"))?;
        let (group, is_first_version) =
            group_of(&groups).ok_or("it is in no control group that has a say in disks")?;
        let throttle = Self { group, is_first_version, device: device_of(folder)? };
        match throttle.file().exists() {
            true => Ok(throttle),
            false => {
                Err(format!("{} is not there: this kernel throttles no disks", throttle.file().display()))
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.group.join(if self.is_first_version { "blkio.throttle.write_iops_device" } else { "io.max" })
    }

    /// Lets so many writes through each second; `None` lifts the limit. A group that is gone has none.
    pub fn set(&self, writes_per_s: Option<u64>) -> io::Result<()> {
        let limit = match (self.is_first_version, writes_per_s) {
            (true, writes) => writes.unwrap_or(0).to_string(),
            (false, Some(writes)) => format!("wiops={writes}"),
            (false, None) => "wiops=max".to_owned(),
        };
        match OpenOptions::new().write(true).open(self.file()) {
            Ok(mut file) => file.write_all(format!("{} {limit}", self.device).as_bytes()),
            Err(error) if writes_per_s.is_none() && error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes to the disk as the process would, each write to be on it before the next; how long one took.
    pub async fn try_out(&self, folder: &Path) -> Result<Duration, String> {
        let probe = folder.join("vaultquake-probe");
        // The shell enters the group before it becomes what writes.
        let script = "echo $$ > \"$0\" && exec dd if=/dev/zero of=\"$1\" bs=4k count=\"$2\" oflag=dsync";
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .arg(self.group.join("cgroup.procs"))
            .arg(&probe)
            .arg(PROBE_WRITES.to_string());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let began = Instant::now();
        let ended = tokio::time::timeout(PROBED_WITHIN, command.output()).await;
        let took = began.elapsed();
        let _ = fs::remove_file(&probe);
        match ended {
            Ok(Ok(output)) if output.status.success() => Ok(took / PROBE_WRITES),
            Ok(Ok(output)) => Err(format!("dd: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Ok(Err(error)) => Err(format!("cannot start sh: {error}")),
            Err(_) => Ok(PROBED_WITHIN / PROBE_WRITES),
        }
    }
}

/// Lines as in cgroups(7): `7:blkio:/docker/…` of the first version, `0::/…` of the second.
fn group_of(groups: &str) -> Option<(PathBuf, bool)> {
    let lines =
        || groups.lines().filter_map(|line| line.split(':').skip(1).collect::<Vec<_>>().try_into().ok());
    let below =
        |hierarchy: &str, path: &str| Path::new(GROUPS).join(hierarchy).join(path.trim_start_matches('/'));
    let first = lines().find(|[names, _]: &[&str; 2]| names.split(',').any(|name| name == "blkio"));
    let second = || lines().find(|[names, _]| names.is_empty());
    let group = first.map(|[names, path]| (below(names, path), true));
    group.or_else(|| second().map(|[_, path]| (below("", path), false)))
}

fn device_of(folder: &Path) -> Result<String, String> {
    let about = fs::metadata(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let number = about.dev();
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let of_kernel = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}"));
    let of_kernel =
        of_kernel.map_err(|_| format!("{} is on no disk that can be throttled", folder.display()))?;
    if !of_kernel.join("partition").exists() {
        return Ok(format!("{major}:{minor}"));
    }
    let whole = of_kernel.parent().map(|disk| disk.join("dev")).unwrap_or_default();
    let whole = fs::read_to_string(&whole).map_err(|error| format!("{}: {error}", whole.display()))?;
    Ok(whole.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_in_either_version() {
        let first = "9:cpu,cpuacct:/docker/ab\n7:blkio:/docker/ab\n0::/\n";
        assert_eq!(group_of(first), Some((PathBuf::from("/sys/fs/cgroup/blkio/docker/ab"), true)));
        let second = "0::/system.slice/docker-ab.scope\n";
        let scope = PathBuf::from("/sys/fs/cgroup/system.slice/docker-ab.scope");
        assert_eq!(group_of(second), Some((scope, false)));
        assert_eq!(group_of("nonsense\n"), None);
    }
}
