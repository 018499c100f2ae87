//! As much of netfilter's netlink as is needed to hold packets back: messages with attributes, and their answers.
//!
//! Written out because no crate lets one wait for packets and for the clock at once and still answer packets in any
//! order, and none writes the one rule that some kernels need (see `hold`).

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub const REQUEST: u16 = 1;
pub const ACK: u16 = 4;
pub const CREATE: u16 = 0x400;
pub const APPEND: u16 = 0x800;

const HEADER: usize = 16;
/// After the header: family, version, and a number that each subsystem reads in its own way.
const GENERIC: usize = 4;
const ERROR: u16 = 2;
const NESTED: u16 = 0x8000;

/// Bytes of messages, one after the other.
#[derive(Default)]
pub struct Messages(Vec<u8>);

impl Messages {
    /// `kind` is the subsystem's number times 256 and the message's own.
    pub fn add(mut self, kind: u16, flags: u16, family: u8, resource: u16, attributes: &[u8]) -> Self {
        let length = (HEADER + GENERIC + attributes.len()) as u32;
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(flags.to_ne_bytes());
        self.0.extend([0; 8]);
        self.0.extend([family, 0]);
        self.0.extend(resource.to_be_bytes());
        self.0.extend(attributes);
        self
    }
}

pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + value.len().next_multiple_of(4));
    bytes.extend((4 + value.len() as u16).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(4 + value.len().next_multiple_of(4), 0);
    bytes
}

pub fn nest(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | NESTED, &attributes.concat())
}

/// Text as the kernel wants it.
pub fn text(kind: u16, text: &str) -> Vec<u8> {
    attribute(kind, format!("{text}\0").as_bytes())
}

/// The attributes of one message: kind and value.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes([*bytes.first()?, *bytes.get(1)?]));
        let kind = u16::from_ne_bytes([*bytes.get(2)?, *bytes.get(3)?]) & !NESTED;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// One message that came: its kind, and its attributes.
pub struct Received<'a> {
    pub kind: u16,
    pub attributes: &'a [u8],
}

/// A socket to the netfilter of the namespace this thread is in.
pub struct Socket(OwnedFd);

impl Socket {
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            flags,
            Some(netlink::NETFILTER),
        )?;
        rustix::net::bind(&fd, &netlink::SocketAddrNetlink::new(0, 0))?;
        Ok(Self(fd))
    }

    /// Room for packets that came while we did something else.
    pub fn enlarge(&self, bytes: usize) {
        let forced = rustix::net::sockopt::set_socket_recv_buffer_size_force(&self.0, bytes);
        if forced.is_err() {
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&self.0, bytes);
        }
    }

    pub fn send(&self, messages: &Messages) -> io::Result<()> {
        rustix::net::sendto(
            &self.0,
            &messages.0,
            SendFlags::empty(),
            &netlink::SocketAddrNetlink::new(0, 0),
        )?;
        Ok(())
    }

    /// Sends messages of which exactly one asks for an answer, and waits for that. Netlink answers at once.
    pub fn ask(&self, messages: &Messages) -> io::Result<()> {
        self.send(messages)?;
        let mut buffer = vec![0; 8192];
        loop {
            let (_, size) = rustix::net::recv(&self.0, &mut buffer[..], RecvFlags::empty())?;
            if let Some(answer) = buffer.get(..size).into_iter().flat_map(split).find_map(|(kind, body)| {
                (kind == ERROR).then(|| i32::from_ne_bytes(body.get(..4)?.try_into().ok()?).into()).flatten()
            }) {
                let answer: i32 = answer;
                return if answer == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-answer)) };
            }
        }
    }

    /// Hands over what is there; `false` when nothing was. Never waits.
    pub fn receive(&self, buffer: &mut [u8], mut each: impl FnMut(Received<'_>)) -> io::Result<bool> {
        let size = match rustix::net::recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((_, size)) => size,
            Err(Errno::AGAIN) => return Ok(false),
            // Packets were lost because we were slow; those that came are still to be read.
            Err(Errno::NOBUFS | Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        for (kind, body) in split(buffer.get(..size).unwrap_or_default()) {
            if let Some(attributes) = body.get(GENERIC..) {
                each(Received { kind, attributes });
            }
        }
        Ok(true)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The messages in what was received: kind, and what follows the header.
fn split(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let kind = u16::from_ne_bytes([*bytes.get(4)?, *bytes.get(5)?]);
        let body = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let inner = [attribute(1, b"abc"), text(2, "x")].concat();
        let messages = Messages::default().add(0x0301, REQUEST, 0, 7, &inner).add(0x0302, ACK, 0, 7, &[]);
        let seen: Vec<_> = split(&messages.0).collect();
        assert_eq!(seen.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x0301, 0x0302]);
        let found: Vec<_> = attributes(&seen[0].1[GENERIC..]).collect();
        assert_eq!(found, [(1, b"abc".as_slice()), (2, b"x\0".as_slice())]);
    }

    #[test]
    fn broken_bytes_end_the_reading() {
        for bytes in [&[][..], &[4], &[200, 0, 1, 0, 5], &[0; 12]] {
            assert!(attributes(bytes).count() <= 3);
            assert_eq!(split(bytes).count(), 0);
        }
    }
}
