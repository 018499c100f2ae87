//! The first step of an upgrade: a snapshot, checked before any node is replaced. Without one nobody should go on, and the run
//! does not.

use super::restore::download;
use super::{Stop, StopReason};
use crate::fault::FaultContext;
use crate::model::{Event, SnapshotFirst};
use crate::record::RunFolder;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Instant;

const SUMS: &str = "SHA256SUMS";
/// What is decompressed for the check; the harness writes far less.
const BYTES_MAX: u64 = 4 << 30;

/// Takes it, checks it and keeps it; where that fails it stops the run.
pub(super) async fn snapshot_first(faults: &FaultContext, folder: &RunFolder, stop: &Stop) {
    let began = Instant::now();
    let taken =
        download(faults.cluster.nodes(), &faults.view, &faults.access.root_token, &faults.journal).await;
    let checked = taken.and_then(|taken| {
        // Sealed by the cluster's own keys, and private all the same.
        folder.write_secret("before-the-upgrade.snap", &taken.bytes).map_err(|error| error.to_string())?;
        Ok((intact(&taken.bytes)?, taken))
    });
    let event = match checked {
        Ok((sha256, taken)) => SnapshotFirst {
            node: Some(taken.node),
            bytes: taken.bytes.len() as u64,
            sha256,
            took_ms: began.elapsed().as_secs_f64() * 1e3,
            trouble: None,
        },
        Err(why) => {
            let reason = format!("no snapshot before the upgrade, so no node was replaced: {why}");
            stop.ask(StopReason::Aborted(reason));
            SnapshotFirst { trouble: Some(why), ..SnapshotFirst::default() }
        }
    };
    faults.journal.write(Event::SnapshotFirst(event));
}

/// The digest of a snapshot that is whole: an archive in which everything has the digest that its own list names.
fn intact(snapshot: &[u8]) -> Result<String, String> {
    let broken = |what: String| format!("the snapshot is damaged: {what}");
    let (mut found, mut sums) = (BTreeMap::new(), None);
    let mut archive = tar::Archive::new(GzDecoder::new(snapshot).take(BYTES_MAX));
    let mut read = || -> io::Result<()> {
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            if name == SUMS {
                let mut text = String::new();
                entry.read_to_string(&mut text)?;
                sums = Some(text);
            } else {
                let (mut digest, mut block) = (Sha256::new(), vec![0; 64 << 10]);
                loop {
                    match entry.read(&mut block)? {
                        0 => break,
                        count => digest.update(&block[..count]),
                    }
                }
                found.insert(name, hex(&digest.finalize()));
            }
        }
        Ok(())
    };
    read().map_err(|error| broken(error.to_string()))?;
    let sums = sums.ok_or_else(|| broken(format!("it holds no {SUMS}")))?;
    let listed: Vec<_> = sums.lines().filter_map(|line| line.split_once("  ")).collect();
    if !listed.iter().any(|(_, name)| *name == "state.bin") {
        return Err(broken(format!("its {SUMS} does not name state.bin")));
    }
    for (sum, name) in listed {
        match found.get(name) {
            Some(own) if own == sum => {}
            Some(_) => return Err(broken(format!("{name} has another digest than its {SUMS} says"))),
            None => return Err(broken(format!("{name} is missing"))),
        }
    }
    Ok(hex(&Sha256::digest(snapshot)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, keep_seeing};
    use crate::model::Role;
    use crate::vault::testing::Scripted;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    fn snapshot(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append_data(&mut header, name, *content).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_snapshot_is_believed_only_when_everything_in_it_has_its_digest() {
        let sums = format!("{}  state.bin\n", hex(&Sha256::digest(b"state")));
        let whole = snapshot(&[("state.bin", b"state"), (SUMS, sums.as_bytes())]);
        assert_eq!(intact(&whole).unwrap().len(), 64);
        let why = |files: &[(&str, &[u8])]| intact(&snapshot(files)).unwrap_err();
        assert!(why(&[("state.bin", b"stale"), (SUMS, sums.as_bytes())]).contains("another digest"));
        assert!(why(&[(SUMS, sums.as_bytes())]).contains("state.bin is missing"));
        assert!(why(&[("state.bin", b"state"), (SUMS, b"")]).contains("does not name"));
        assert!(why(&[("state.bin", b"state")]).contains("no SHA256SUMS"));
        assert!(intact(&whole[..whole.len() / 2]).unwrap_err().contains("damaged"));
        assert!(intact(b"").is_err() && intact(b"{\"errors\":[]}").is_err());
    }

    #[tokio::test]
    async fn without_a_snapshot_the_run_stops_before_any_node_is_replaced() {
        let node = Scripted::start(|_, _| Some((500, json!({ "errors": ["no space left"] })))).await;
        let (context, folder) = context(&[&node], None);
        keep_seeing(&context, 0, Role::Active);
        let stop = Stop::default();
        snapshot_first(&context, &RunFolder::at(folder.path()), &stop).await;
        let Some(StopReason::Aborted(why)) = stop.reason() else { panic!("{:?}", stop.reason()) };
        assert!(why.starts_with("no snapshot before the upgrade") && why.contains("no space left"), "{why}");
    }
}
