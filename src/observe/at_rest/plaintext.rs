//! Looks for the run's secrets in everything that was written down: audit files, server logs, stored data, and what of
//! the run folder may be shared.

use super::files::{below, is_compressed, name, with_rotated};
use super::{NodeRemains, Remains};
use crate::model::{NodeId, PlaceKind, PlaintextHit, PlaintextSearch, SearchedPlace, Unread};
use crate::record::RunFolder;
use crate::secrecy::{RunSecrets, Search};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Told one by one.
const HITS_MAX: usize = 50;

struct Searching<'a> {
    search: Search,
    /// What must be there, by the kind of file.
    controls: Vec<(PlaceKind, String)>,
    is_cancelled: &'a dyn Fn() -> bool,
    found: PlaintextSearch,
}

pub fn search(
    folder: &RunFolder,
    remains: &Remains,
    secrets: &RunSecrets,
    is_cancelled: &dyn Fn() -> bool,
) -> io::Result<PlaintextSearch> {
    let controls = controls(remains, &secrets.tenants);
    let words: Vec<String> = controls.iter().map(|(_, word)| word.clone()).collect();
    let search = Search::new(&secrets.secrets, &words)?;
    let (secrets, forms) = (secrets.secrets.len() as u64, search.forms());
    let found = PlaintextSearch { secrets, forms, ..PlaintextSearch::default() };
    let mut searching = Searching { search, controls, is_cancelled, found };
    // Ours first: whatever the servers wrote, it must be told.
    searching.place(PlaceKind::RunFolder, None, vec![folder.run_json(), folder.journal(), folder.history()]);
    for node in &remains.nodes {
        for kind in PlaceKind::OF_SERVERS {
            searching.of_node(node, kind);
        }
    }
    Ok(searching.found)
}

/// Tenants stand in what is audited, names of policies in what is stored; a server prints its address and what was
/// mounted.
fn controls(remains: &Remains, tenants: &[String]) -> Vec<(PlaceKind, String)> {
    let audited = tenants.iter().take(1).map(|tenant| (PlaceKind::Audit, tenant.clone()));
    let stored = [(PlaceKind::StoredData, remains.stored.clone())];
    let addresses = remains.nodes.iter().map(|node| (PlaceKind::ServerLog, node.url.clone()));
    let mount = (PlaceKind::ServerLog, format!("path={}/", remains.kv_mount));
    let ours = remains.nodes.iter().take(1).map(|node| (PlaceKind::RunFolder, format!("\"{}\"", node.id)));
    audited.chain(stored).chain(addresses).chain([mount]).chain(ours).collect()
}

impl Searching<'_> {
    fn of_node(&mut self, node: &NodeRemains, kind: PlaceKind) {
        let files = &node.files;
        let found: Vec<io::Result<Vec<PathBuf>>> = match kind {
            PlaceKind::Audit => files.audit.iter().map(|file| with_rotated(file)).collect(),
            PlaceKind::ServerLog => files.log.iter().map(|file| Ok(vec![file.clone()])).collect(),
            PlaceKind::StoredData => files.data.iter().map(|folder| below(folder)).collect(),
            PlaceKind::RunFolder => Vec::new(),
        };
        if found.is_empty() {
            self.unread(Some(&node.id), format!("where its {} is, is not known", kind.name()));
        }
        let mut paths = Vec::new();
        for files in found {
            match files {
                Ok(files) => paths.extend(files),
                Err(error) => self.unread(Some(&node.id), format!("{}: {error}", kind.name())),
            }
        }
        self.place(kind, Some(&node.id), paths);
    }

    fn unread(&mut self, node: Option<&NodeId>, reason: String) {
        let node = node.cloned().unwrap_or_else(|| NodeId::new("run folder"));
        self.found.unread.push(Unread { node, reason });
    }

    fn place(&mut self, kind: PlaceKind, node: Option<&NodeId>, paths: Vec<PathBuf>) {
        let mut place = SearchedPlace { kind, node: node.cloned(), files: 0, bytes: 0, control_found: false };
        for path in paths {
            match self.file(&path, &mut place) {
                Ok(()) => place.files += 1,
                Err(error) => self.unread(node, format!("{}: {error}", name(&path))),
            }
        }
        self.found.places.push(place);
    }

    fn file(&mut self, path: &Path, place: &mut SearchedPlace) -> io::Result<()> {
        if is_compressed(path) {
            return Err(io::Error::other("it is compressed"));
        }
        let found = self.search.run(File::open(path)?, self.is_cancelled)?;
        place.bytes += found.bytes;
        let mut of_kind = self.controls.iter().enumerate().filter(|(_, (kind, _))| *kind == place.kind);
        place.control_found |= of_kind.any(|(number, _)| found.has_control(number));
        for hit in found.hits {
            self.found.hits_total += hit.times;
            if self.found.hits.len() < HITS_MAX {
                self.found.hits.push(PlaintextHit {
                    kind: place.kind,
                    node: place.node.clone(),
                    file: name(path),
                    offset: hit.offset,
                    times: hit.times,
                    secret: hit.secret,
                    form: hit.form.to_owned(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::NodeFiles;
    use crate::secrecy::Secret;
    use std::fs;

    fn searched(audit: &str, journal: &str) -> PlaintextSearch {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(place.path());
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("data/raft")).unwrap();
        fs::write(at("data/raft/raft.db"), "sys/policy/tenant-t1 \0\0").unwrap();
        fs::write(at("n1.log"), "Api Address: https://127.0.0.1:7\n").unwrap();
        fs::write(at("audit.log"), audit).unwrap();
        for (path, text) in
            [(folder.run_json(), r#"{"nodes":["n1"]}"#), (folder.journal(), journal), (folder.history(), "")]
        {
            fs::write(path, text).unwrap();
        }
        let node = NodeRemains {
            id: NodeId::new("n1"),
            url: "https://127.0.0.1:7".into(),
            files: NodeFiles {
                audit: vec![at("audit.log")],
                log: Some(at("n1.log")),
                data: Some(at("data")),
            },
        };
        let (kv_mount, stored) = ("secret".into(), "sys/policy/tenant-".into());
        let remains = Remains { nodes: vec![node], kv_mount, stored };
        let canary = Secret { name: "canary".into(), bytes: b"vqc0123456789ab".to_vec() };
        let secrets = RunSecrets { secrets: vec![canary], tenants: vec!["t1".into()] };
        search(&folder, &remains, &secrets, &|| false).unwrap()
    }

    #[test]
    fn every_kind_of_file_is_searched_and_shows_that_it_was() {
        let found = searched("path: tenants/t1", "");
        assert_eq!((found.hits_total, &found.unread[..]), (0, &[][..]));
        assert!(found.places.iter().all(|place| place.control_found), "{:?}", found.places);
        let files: Vec<_> = found.places.iter().map(|place| (place.kind, place.files)).collect();
        let [audit, log, data] = PlaceKind::OF_SERVERS;
        assert_eq!(files, [(PlaceKind::RunFolder, 3), (audit, 1), (log, 1), (data, 1)]);
    }

    #[test]
    fn what_is_found_has_its_place_and_never_its_value() {
        let found = searched("no tenant, but dnFjMDEyMzQ1Njc4OWFi", "vqc0123456789ab");
        assert_eq!(found.hits_total, 2);
        let (ours, audit) = (&found.hits[0], &found.hits[1]);
        assert_eq!((ours.kind, ours.file.as_str(), ours.offset), (PlaceKind::RunFolder, "journal.jsonl", 0));
        assert_eq!((audit.kind, audit.form.as_str(), audit.offset), (PlaceKind::Audit, "base64", 15));
        assert!(!serde_json::to_string(&found).unwrap().contains("vqc0123456789ab"));
        let place = found.places.iter().find(|place| place.kind == PlaceKind::Audit).unwrap();
        assert!(!place.control_found);
    }
}
