//! Disks of their own, so that one can be filled without harm to anybody else: small file systems in memory (tmpfs),
//! mounted where a folder is. Wants root.

use super::copy_below;
use rustix::fs::{StatVfs, statvfs};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Room for some minutes of audit entries of a hundred requests a second.
const SIZE_BYTES: u64 = 128 << 20;
/// Stands in the system's list of mounts, which is how ours are found again.
const SOURCE: &str = "vaultquake";
/// What fills it.
const BALLAST: &str = "vaultquake-ballast";
const LARGE_BYTES: usize = 1 << 20;
const SMALL_BYTES: usize = 512;

/// Unmounted when dropped; what was on it is kept in the folder.
pub struct SmallDisk {
    at: PathBuf,
    is_mounted: AtomicBool,
}

impl SmallDisk {
    /// Mounts one on the folder `at`, which must be there, absolute and empty.
    pub fn mount(at: &Path) -> io::Result<Self> {
        let options = format!("size={SIZE_BYTES},mode=0700");
        let options = std::ffi::CString::new(options).expect("has no zero byte");
        let flags = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        mount(SOURCE, at, "tmpfs", flags, Some(options.as_c_str()))?;
        Ok(Self { at: at.to_owned(), is_mounted: AtomicBool::new(true) })
    }

    /// Leaves no room for anybody. Returns the evidence.
    ///
    /// # Errors
    /// Also when a write still finds room afterwards.
    pub fn fill(&self) -> io::Result<String> {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.at.join(BALLAST))?;
        // Others write meanwhile, and what they free or leave is taken in small pieces at the end.
        for size in [LARGE_BYTES, SMALL_BYTES] {
            let zeros = vec![0; size];
            loop {
                match ballast.write(&zeros) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error),
                }
            }
        }
        let StatVfs { f_bavail: free, f_blocks: blocks, f_frsize: block_bytes, .. } = statvfs(&self.at)?;
        match ballast.write(&[0]) {
            Err(error) if error.kind() == ErrorKind::StorageFull => Ok(format!(
                "{} of {} MiB are free, and a write of ours is refused: no space left on the device",
                (free * block_bytes) >> 20,
                (blocks * block_bytes) >> 20
            )),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("a write still finds room")),
        }
    }

    /// Makes room again.
    pub fn free(&self) -> io::Result<String> {
        remove_if_there(&self.at.join(BALLAST))?;
        // A write must succeed, or nothing was healed.
        let probe = self.at.join(format!("{BALLAST}-probe"));
        File::create(&probe)?.write_all(&[0; SMALL_BYTES])?;
        fs::remove_file(&probe)?;
        Ok("there is room again, and a write of ours succeeds".to_owned())
    }

    /// Unmounts it and leaves what was on it in the folder. Safe to call twice.
    pub fn close(&self) -> io::Result<()> {
        if !self.is_mounted.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let _ = remove_if_there(&self.at.join(BALLAST));
        let kept = self.at.with_extension("kept");
        let copied = copy_below(&self.at, &kept);
        // Detached: gone from here at once, whoever still has a file open.
        unmount(&self.at, UnmountFlags::DETACH)?;
        copied?;
        fs::remove_dir(&self.at)?;
        fs::rename(&kept, &self.at)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Unmounts those below `folder` that a killed run left. Returns where they were.
pub fn unmount_left(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let found = left_below(&fs::read_to_string("/proc/self/mountinfo")?, &fs::canonicalize(folder)?);
    for at in &found {
        unmount(at, UnmountFlags::DETACH)?;
    }
    Ok(found)
}

/// `mountinfo` as in proc(5): the mount point is the fifth field, the source the second after the hyphen.
fn left_below(mountinfo: &str, folder: &Path) -> Vec<PathBuf> {
    let ours = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let at = PathBuf::from(unescaped(before.split(' ').nth(4)?));
        let mut after = after.split(' ');
        (after.next() == Some("tmpfs") && after.next() == Some(SOURCE) && at.starts_with(folder))
            .then_some(at)
    };
    mountinfo.lines().filter_map(ours).collect()
}

/// Blanks stand there as `\040`, and so on.
fn unescaped(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(&part[3..]);
            }
            None => text.extend(["\\", part]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_mounts_below_the_folder_are_found() {
        let mounts = "\
36 35 98:0 / /runs/a/private/nodes/n1/data rw,relatime shared:1 - tmpfs vaultquake rw,size=131072k
37 35 98:0 / /runs/a\\040b/private/nodes/n1/data rw - tmpfs vaultquake rw
38 35 98:0 / /runs/a/private/nodes/n2/data rw - tmpfs tmpfs rw
39 35 98:0 / /runs/a/private/nodes/n3/data rw - ext4 vaultquake rw
40 35 98:0 / /runs/ab/private/nodes/n1/data rw - tmpfs vaultquake rw
";
        let found = |folder: &str| left_below(mounts, Path::new(folder));
        assert_eq!(found("/runs/a"), [Path::new("/runs/a/private/nodes/n1/data")]);
        assert_eq!(found("/runs/a b"), [Path::new("/runs/a b/private/nodes/n1/data")]);
        assert!(found("/elsewhere").is_empty());
    }
}
