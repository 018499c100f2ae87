//! What a server says about its configuration before something is done to it, and what it says differently afterwards.

use super::{Said, ask_all, fields, walk};
use crate::cluster::Node;
use crate::model::{ConfigurationChange, Event};
use crate::record::Journal;
use crate::vault::{Client, ClientError};
use std::collections::{BTreeMap, BTreeSet};

/// Parts of paths below which a load's own things stand, which come and go without anybody configuring anything.
const OF_THE_LOAD: [&str; 10] = [
    "/data/",
    "/metadata",
    "/subkeys",
    "/cert/",
    "/certs",
    "/crl",
    "/unified-crl",
    "identity/",
    "sys/leases",
    // Who leads.
    "sys/storage/raft/configuration",
];

/// By path; below `/v1/`.
pub struct Configuration {
    said: BTreeMap<String, Said>,
}

impl Configuration {
    /// Reads everything that the node lets itself be asked for; `token` may read everything.
    pub async fn read(node: &Node, token: &str) -> Result<Self, ClientError> {
        Self::read_with(node, token, BTreeSet::new()).await
    }

    /// The same later, and whatever was asked for before.
    pub async fn read_again(&self, node: &Node, token: &str) -> Result<Self, ClientError> {
        Self::read_with(node, token, self.said.keys().cloned().collect()).await
    }

    async fn read_with(node: &Node, token: &str, mut paths: BTreeSet<String>) -> Result<Self, ClientError> {
        let client = Client::new(&node.endpoint)?.with_token(token);
        paths.extend(walk::walk(&client, is_configured).await?.paths);
        let paths: Vec<String> = paths.into_iter().collect();
        let said = ask_all(&[client], &paths).await;
        let said = paths.into_iter().zip(said.into_iter().flatten());
        Ok(Self { said: said.collect() })
    }

    /// Journals what is said otherwise than before, with the names of the fields and no value.
    pub fn journal_changes(&self, later: &Self, journal: &Journal) {
        let change = |(path, after): (&String, &Said)| {
            let before = self.said.get(path);
            let nothing_to_say = after.status >= 400 && before.is_none_or(|before| before.status >= 400);
            (before != Some(after) && !nothing_to_say).then(|| ConfigurationChange {
                path: path.clone(),
                before: before.map(|before| before.status),
                after: after.status,
                fields: before.map(|before| fields(&[before.clone(), after.clone()])).unwrap_or_default(),
            })
        };
        let changes = later.said.iter().filter_map(change).collect();
        journal.write(Event::ConfigurationCompared { compared: later.said.len() as u32, changes });
    }
}

fn is_configured(path: &str) -> bool {
    let is_list_of_things = path.ends_with("?list=true") && !path.starts_with("sys/");
    !is_list_of_things && !OF_THE_LOAD.iter().any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_new_gone_or_otherwise_is_told_by_its_fields() {
        let said = |entries: &[(&str, u16, serde_json::Value)]| Configuration {
            said: entries
                .iter()
                .map(|(path, status, body)| {
                    ((*path).to_owned(), Said { status: *status, body: body.clone() })
                })
                .collect(),
        };
        let before = said(&[
            ("sys/mounts", 200, json!({ "data": { "kv/": { "version": "v1" } } })),
            ("sys/audit", 200, json!({ "data": 1 })),
            ("sys/old", 200, json!({})),
            ("sys/broken", 405, json!({ "errors": ["no"] })),
        ]);
        let after = said(&[
            ("sys/mounts", 200, json!({ "data": { "kv/": { "version": "v2" } } })),
            ("sys/audit", 200, json!({ "data": 1 })),
            ("sys/new", 200, json!({ "data": {} })),
            ("sys/broken", 400, json!({ "errors": ["not at all"] })),
            ("sys/old", 404, json!({ "errors": [] })),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let journal = Journal::create(&path, std::time::Instant::now()).unwrap();
        before.journal_changes(&after, &journal);
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        let entry: crate::model::Entry = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        let Event::ConfigurationCompared { compared, changes } = entry.event else { panic!("{text}") };
        assert_eq!(compared, 5);
        let told: Vec<_> =
            changes.iter().map(|change| (change.path.as_str(), change.before, change.after)).collect();
        let expected = [("sys/mounts", Some(200), 200), ("sys/new", None, 200), ("sys/old", Some(200), 404)];
        assert_eq!(told, expected);
        assert_eq!(changes[0].fields, ["/data/kv//version"]);
    }
}
