//! A cluster of one node that is a thread of this process, and answers unless its file `down` exists: so
//! that hooks of one shell line can kill and start it. For unit tests only.

use crate::model::{AttachFile, AttachNode, HookName, NodeId};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

pub const CLUSTER_ID: &str = "cl-1";

pub struct FakeCluster {
    pub folder: tempfile::TempDir,
    pub file: AttachFile,
}

impl FakeCluster {
    /// Unsealed and up. Its attach file names a token file that is not there.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let down = folder.path().join("down");
        let hooks = [
            (HookName::Kill, format!("touch '{}'", down.display())),
            (HookName::Start, format!("rm '{}'", down.display())),
        ];
        let node = AttachNode {
            id: NodeId::new("n1"),
            api_addr: format!("http://127.0.0.1:{port}"),
            hooks: hooks.into(),
            audit_file: None,
            log_file: None,
            data_dir: None,
        };
        let file = AttachFile {
            nodes: vec![node],
            ca_cert: None,
            client_cert: None,
            client_key: None,
            token_file: folder.path().join("no-token"),
            unseal_keys_file: None,
            postgres: None,
            disposable: Some(CLUSTER_ID.into()),
        };
        // It ends with the tests' process.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &down)));
        Self { folder, file }
    }

    pub fn down(&self) -> PathBuf {
        self.folder.path().join("down")
    }

    pub fn n1(&self) -> NodeId {
        self.file.nodes[0].id.clone()
    }
}

/// One answer that fits every question asked here, then the connection is closed.
fn answer(mut stream: std::net::TcpStream, down: &Path) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    if down.exists() {
        return;
    }
    let body =
        format!(r#"{{"cluster_id":"{CLUSTER_ID}","version":"2.7.2","sealed":false,"type":"shamir","t":1}}"#);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes());
}
