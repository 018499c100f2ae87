//! Which process holds a TCP socket, by the kernel's tables: the other end of a connection on this machine.

use std::fs;
use std::io;
use std::net::SocketAddrV4;

/// The one of `pids` that holds the socket bound to `local` and connected to `remote`; `None` when none does.
///
/// # Errors
/// The kernel's tables cannot be read, or it does not let us see the files of a process that runs.
pub fn holder(local: SocketAddrV4, remote: SocketAddrV4, pids: &[u32]) -> io::Result<Option<u32>> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let Some(inode) = inode_of(&table, local, remote) else { return Ok(None) };
    let wanted = format!("socket:[{inode}]");
    for &pid in pids {
        let files = match fs::read_dir(format!("/proc/{pid}/fd")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            files => files?,
        };
        // A file may be closed while we look.
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        if links.any(|link| link.as_os_str() == wanted.as_str()) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

fn inode_of(table: &str, local: SocketAddrV4, remote: SocketAddrV4) -> Option<u64> {
    let (local, remote) = (in_table(local), in_table(remote));
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let is_it = fields.next()? == local && fields.next()? == remote;
        // State, queues, timer, retransmits, user and timeout stand between; a socket nobody holds has inode 0.
        let inode = fields.nth(6)?.parse().ok()?;
        (is_it && inode != 0).then_some(inode)
    })
}

/// `0100007F:1F90`: the address in the machine's own byte order, the port in plain hexadecimal.
fn in_table(address: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener, TcpStream};

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(address) => panic!("{address}"),
        }
    }

    #[test]
    fn finds_our_own_end_among_others() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let dialled = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (v4(dialled.local_addr().unwrap()), v4(dialled.peer_addr().unwrap()));
        let own = std::process::id();
        assert_eq!(holder(local, remote, &[1, own]).unwrap(), Some(own));
        assert_eq!(holder(local, remote, &[]).unwrap(), None);
        drop(dialled);
        assert_eq!(holder(local, remote, &[own]).unwrap(), None);
    }

    #[test]
    fn a_socket_that_nobody_holds_any_more_has_no_holder() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 0100007F:C350 06 00000000:00000000 03:00000FA0 00000000     0        0 0 3 0\n\
             1: 0100007F:C351 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 48213 1 0\n";
        let at = |port| SocketAddrV4::new([127, 0, 0, 1].into(), port);
        if cfg!(target_endian = "little") {
            assert_eq!(inode_of(table, at(8080), at(50_000)), None);
            assert_eq!(inode_of(table, at(50_001), at(8080)), Some(48_213));
        }
        assert_eq!(inode_of("", at(1), at(2)), None);
    }
}
