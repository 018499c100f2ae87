//! What stands in a node's configuration so that it opens itself.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Who keeps the key of a cluster's seal. Like the keys themselves it cannot be printed.
#[derive(Clone)]
pub enum SealStanza {
    /// The transit engine of another server on this machine.
    Transit {
        port: u16,
        /// May encrypt and decrypt with the key, and nothing else.
        token: String,
        mount: String,
        key: String,
    },
    /// A file beside each node.
    Static { key: [u8; 32] },
}

/// Where a node keeps the key of a static seal.
const KEY_FILE: &str = "seal.key";

impl SealStanza {
    /// The stanza of the node with this folder, which finds this machine at `host`. Writes what it names.
    pub fn place(&self, folder: &Path, host: Ipv4Addr) -> io::Result<String> {
        Ok(match self {
            // The token is one without an end.
            SealStanza::Transit { port, token, mount, key } => format!(
                "seal \"transit\" {{\n  address = \"http://{host}:{port}\"\n  token = \"{token}\"\n  \
                 disable_renewal = \"true\"\n  key_name = \"{key}\"\n  mount_path = \"{mount}/\"\n}}"
            ),
            SealStanza::Static { key } => {
                let file = folder.join(KEY_FILE);
                write_private(&file, key)?;
                let path = format!("file://{}", file.display());
                format!("seal \"static\" {{\n  current_key_id = \"first\"\n  current_key = {path:?}\n}}")
            }
        })
    }
}

/// Writes a file that nobody else may read.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_static_key_lies_beside_the_node_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let text = SealStanza::Static { key: [7; 32] }.place(folder.path(), Ipv4Addr::LOCALHOST).unwrap();
        let file = folder.path().join("seal.key");
        assert!(text.contains(&format!("file://{}", file.display())), "{text}");
        assert_eq!(std::fs::read(&file).unwrap(), [7; 32]);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_transit_seal_is_reached_where_the_node_finds_this_machine() {
        let (token, mount, key) = ("s.x".to_owned(), "transit".to_owned(), "autounseal".to_owned());
        let stanza = SealStanza::Transit { port: 7, token, mount, key };
        let text = stanza.place(Path::new("/nowhere"), Ipv4Addr::new(172, 30, 0, 1)).unwrap();
        assert!(
            text.contains("address = \"http://172.30.0.1:7\"") && text.contains("mount_path = \"transit/\"")
        );
    }
}
