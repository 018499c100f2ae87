//! Loopback TCP ports that stay ours while a node is down.
//!
//! A port below the range from which the kernel hands out ports cannot be taken by somebody's outgoing
//! connection; a locked file per port keeps other runs of ours away from it.

use super::{FileLock, LockError};
use rustix::fs::{Mode, mkdir};
use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/tmp/vaultquake-ports";

/// Below stand the well-known services.
const LOWEST: u16 = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("cannot use the folder of port locks {}: {source}; remove it and try again", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(
        "only {found} of {wanted} TCP ports are free on 127.0.0.1 outside {}-{}, which the kernel hands out \
         to outgoing connections; end what listens there, or make that range smaller \
         (sysctl net.ipv4.ip_local_port_range)", ephemeral.start(), ephemeral.end()
    )]
    TooFew { found: usize, wanted: usize, ephemeral: RangeInclusive<u16> },
}

/// A port that no other reservation has until this is dropped. Nothing listens on it.
#[derive(Debug)]
pub struct ReservedPort {
    port: u16,
    _lock: FileLock,
}

impl ReservedPort {
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:<port>`
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// Finds `count` free ports on 127.0.0.1, outside the range for outgoing connections.
pub fn reserve(count: usize) -> Result<Vec<ReservedPort>, PortError> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    // Where there is no such file, the range is the one registered for this use.
    let ephemeral = parse_port_range(&range).unwrap_or(49_152..=u16::MAX);
    let candidates: Vec<u16> = (LOWEST..=u16::MAX).filter(|port| !ephemeral.contains(port)).collect();
    let reserved = reserve_among(Path::new(FOLDER), &candidates, count)?;
    if reserved.len() < count {
        return Err(PortError::TooFew { found: reserved.len(), wanted: count, ephemeral });
    }
    Ok(reserved)
}

/// Up to `count` of the candidates.
fn reserve_among(folder: &Path, candidates: &[u16], count: usize) -> Result<Vec<ReservedPort>, PortError> {
    make_shared_folder(folder).map_err(|source| PortError::Folder { path: folder.to_owned(), source })?;
    // Not from the run's seed: two runs with the same seed would search in the same place, and late clients
    // of an earlier cluster would find the next one.
    let start = if candidates.is_empty() { 0 } else { rand::random_range(0..candidates.len()) };
    let mut reserved = Vec::with_capacity(count);
    for &port in candidates[start..].iter().chain(&candidates[..start]) {
        if reserved.len() == count {
            break;
        }
        let Some(lock) = FileLock::try_acquire(&folder.join(port.to_string()))? else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            reserved.push(ReservedPort { port, _lock: lock });
        }
    }
    Ok(reserved)
}

/// Every user of the machine reserves in it, so it is open to all, as the temporary folder is.
fn make_shared_folder(folder: &Path) -> io::Result<()> {
    match mkdir(folder, Mode::from_raw_mode(0o777)) {
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(0o1777)),
        Err(rustix::io::Errno::EXIST) if fs::symlink_metadata(folder)?.is_dir() => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn parse_port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut ends = text.split_whitespace().map(str::parse);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (low <= high).then_some(low..=high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn reads_the_kernel_range() {
        assert_eq!(parse_port_range("32768\t60999\n"), Some(32_768..=60_999));
        assert_eq!(parse_port_range("9 5"), None);
        assert_eq!(parse_port_range(""), None);
    }

    #[test]
    fn reservations_of_two_threads_are_disjoint() {
        let folder = tempfile::tempdir().unwrap();
        let candidates: Vec<u16> = (10_000..11_000).collect();
        let both = std::thread::scope(|scope| {
            let search = || {
                let mut found = Vec::new();
                for _ in 0..20 {
                    found.extend(reserve_among(folder.path(), &candidates, 5).unwrap());
                }
                found
            };
            let (one, two) = (scope.spawn(search), scope.spawn(search));
            [one.join().unwrap(), two.join().unwrap()]
        });
        let ports: HashSet<u16> = both.iter().flatten().map(ReservedPort::port).collect();
        assert_eq!(ports.len(), 200);
    }

    #[test]
    fn keeps_a_port_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let candidates: Vec<u16> = reserve(3).unwrap().iter().map(ReservedPort::port).collect();
        let held = reserve_among(folder.path(), &candidates, 1).unwrap();
        let others = reserve_among(folder.path(), &candidates, 3).unwrap();
        assert_eq!(others.len(), 2);
        assert!(others.iter().all(|other| other.port() != held[0].port()));
        drop((held, others));
        assert_eq!(reserve_among(folder.path(), &candidates, 3).unwrap().len(), 3);
    }

    #[test]
    fn passes_over_a_port_on_which_somebody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = somebody.local_addr().unwrap().port();
        assert!(reserve_among(folder.path(), &[taken], 1).unwrap().is_empty());
        drop(somebody);
        assert_eq!(reserve_among(folder.path(), &[taken], 1).unwrap()[0].port(), taken);
    }

    #[test]
    fn keeps_out_of_the_range_for_outgoing_connections() {
        let reserved = reserve(5).unwrap();
        let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let ephemeral = parse_port_range(&range).unwrap_or(49_152..=u16::MAX);
        assert!(reserved.iter().all(|port| port.port() >= LOWEST && !ephemeral.contains(&port.port())));
        assert!(reserved.iter().all(|port| TcpListener::bind(port.addr()).is_ok()));
    }

    #[test]
    fn says_how_many_it_found() {
        let error = PortError::TooFew { found: 2, wanted: 3, ephemeral: 1024..=65_000 }.to_string();
        assert!(error.contains("2 of 3 TCP ports") && error.contains("1024-65000"), "{error}");
    }

    #[test]
    fn refuses_a_link_in_place_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("ports");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(matches!(reserve_among(&link, &[10_000], 1), Err(PortError::Folder { .. })));
    }
}
