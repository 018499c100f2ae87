//! Joins what the load had acknowledged with the audit entries of all nodes.
//!
//! The id of a request stands in its answer and in its entries, also when a standby forwarded it: the answer then has the
//! leader's id. Answers without a body have none; those are counted, path by path or kind by kind. The standby's own attempt leaves a pair
//! of entries as well, whose answer is an error, so only answers without one count.

use super::Remains;
use super::bodiless::Bodiless;
use super::files::{is_compressed, name, with_rotated};
use crate::model::{AuditFileRead, AuditRead, LackingField, Operation, Unaudited, Unread, Workload};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Told one by one.
const MISSING_MAX: usize = 50;
const OPERATIONS_MAX: usize = 5;
/// No entry is as long; whatever it is, it is not kept in memory.
const LINE_MAX: u64 = 16 << 20;
const BUFFER_BYTES: usize = 1 << 18;

struct ByRequest {
    operation: u64,
    is_login: bool,
    has_request: bool,
    has_answer: bool,
}

/// What was acknowledged without an id and cannot be told apart.
#[derive(Default)]
struct ByPath {
    operations: Vec<u64>,
    acknowledged: u64,
    requests: BTreeSet<Box<str>>,
    answers: BTreeSet<Box<str>>,
}

#[derive(Default)]
struct Join {
    by_request: HashMap<Box<str>, ByRequest>,
    by_path: BTreeMap<Bodiless, ByPath>,
    read: AuditRead,
    lacking: BTreeMap<&'static str, u64>,
}

#[derive(Deserialize)]
struct AuditEntry<'a> {
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    auth: Option<Auth<'a>>,
    #[serde(borrow)]
    request: Request<'a>,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    tenant_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    operation: Cow<'a, str>,
    #[serde(borrow, default)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    remote_address: Cow<'a, str>,
}

pub fn read(history: &Path, remains: &Remains, is_cancelled: &dyn Fn() -> bool) -> io::Result<AuditRead> {
    let mut join = Join::default();
    for_each_line(history, is_cancelled, |line| {
        // What cannot be read is told by whoever judges the history.
        if let Ok(operation) = serde_json::from_slice::<Operation>(line) {
            join.acknowledge(&operation);
        }
    })?;
    for node in &remains.nodes {
        let mut unread = |reason: String| join.read.unread.push(Unread { node: node.id.clone(), reason });
        let mut files = Vec::new();
        if node.files.audit.is_empty() {
            unread("no audit file of it is known".into());
        }
        for file in &node.files.audit {
            match with_rotated(file) {
                Ok(found) => files.extend(found),
                Err(error) => unread(format!("{}: {error}", name(file))),
            }
        }
        for path in files {
            let file = name(&path);
            if is_compressed(&path) {
                join.read
                    .unread
                    .push(Unread { node: node.id.clone(), reason: format!("{file} is compressed") });
                continue;
            }
            let mut counted = AuditFileRead { node: node.id.clone(), file, bytes: 0, entries: 0, broken: 0 };
            let done = for_each_line(&path, is_cancelled, |line| {
                counted.bytes += line.len() as u64 + 1;
                join.take(line, &remains.kv_mount, &mut counted);
            });
            if let Err(error) = done {
                let reason = format!("{}: {error}", counted.file);
                join.read.unread.push(Unread { node: node.id.clone(), reason });
            }
            join.read.files.push(counted);
        }
    }
    Ok(join.finish())
}

/// Lines without their ends, one in memory at a time. The last may lack its end.
fn for_each_line(path: &Path, is_cancelled: &dyn Fn() -> bool, mut f: impl FnMut(&[u8])) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
        if read == 0 || is_cancelled() {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        f(&line);
    }
}

impl Join {
    fn acknowledge(&mut self, operation: &Operation) {
        // How many requests a program made, and of which kind, only it knows.
        if !operation.is_ok() || operation.op == Workload::Program {
            return;
        }
        self.read.acknowledged += 1;
        let id = operation.id;
        if let Some(request) = &operation.request {
            let is_login = operation.op == Workload::ApproleLogin;
            let known = ByRequest { operation: id, is_login, has_request: false, has_answer: false };
            self.by_request.insert(request.clone(), known);
            return;
        }
        let Some(asked) = Bodiless::of_operation(operation) else {
            self.read.unjoinable += 1;
            return;
        };
        let of_path = self.by_path.entry(asked).or_default();
        of_path.acknowledged += 1;
        if of_path.operations.len() < OPERATIONS_MAX {
            of_path.operations.push(id);
        }
    }

    fn take(&mut self, line: &[u8], mount: &str, counted: &mut AuditFileRead) {
        if line.is_empty() {
            return;
        }
        let entry = match serde_json::from_slice::<AuditEntry>(line) {
            Ok(entry) => entry,
            Err(_) => {
                // What a full disk cut off is followed by the next entry on the same line.
                counted.broken += 1;
                let Some(entry) = after_a_torn_one(line) else { return };
                entry
            }
        };
        counted.entries += 1;
        let is_request = entry.kind == "request";
        let is_answer = entry.kind == "response" && entry.error.as_deref().is_none_or(str::is_empty);
        if let Some(known) = self.by_request.get_mut(&*entry.request.id) {
            known.has_request |= is_request;
            known.has_answer |= is_answer;
            // Who logs in has no identity yet.
            let nameless = known.is_login && is_request;
            self.look_at_fields(&entry, nameless);
            return;
        }
        let asked = Bodiless::of_entry(mount, &entry.request.path, &entry.request.operation);
        let Some((asked, of_path)) = asked.and_then(|asked| {
            let of_path = self.by_path.get_mut(&asked)?;
            Some((asked, of_path))
        }) else {
            return;
        };
        let id = Box::from(&*entry.request.id);
        if is_request {
            of_path.requests.insert(id);
        } else if is_answer {
            of_path.answers.insert(id);
        }
        if asked.is_of_tenants() {
            self.look_at_fields(&entry, false);
        }
    }

    fn look_at_fields(&mut self, entry: &AuditEntry, nameless: bool) {
        let metadata = entry.auth.as_ref().and_then(|auth| auth.metadata.as_ref());
        let has_tenant =
            metadata.and_then(|metadata| metadata.tenant_id.as_deref()).is_some_and(|id| !id.is_empty());
        let fields = [
            ("time", !entry.time.is_empty()),
            ("operation", !entry.request.operation.is_empty()),
            ("path", !entry.request.path.is_empty()),
            ("remote_address", !entry.request.remote_address.is_empty()),
            ("tenant_id", has_tenant || nameless),
        ];
        self.read.entries_of_tenants += 1;
        let mut is_complete = true;
        for (field, _) in fields.into_iter().filter(|(_, has)| !has) {
            *self.lacking.entry(field).or_default() += 1;
            is_complete = false;
        }
        self.read.complete_entries += u64::from(is_complete);
    }

    fn finish(self) -> AuditRead {
        let Self { by_request, by_path, mut read, lacking } = self;
        let mut missing = Vec::new();
        for known in by_request.into_values() {
            let whole = known.has_request && known.has_answer;
            read.audited += u64::from(whole);
            if !whole {
                missing.push(Unaudited {
                    operations: vec![known.operation],
                    acknowledged: 1,
                    requests: known.has_request.into(),
                    answers: known.has_answer.into(),
                    whole: 0,
                });
            }
        }
        read.missing_total = missing.len() as u64;
        for of_path in by_path.into_values() {
            let ByPath { operations, acknowledged, requests, answers } = of_path;
            let whole = requests.intersection(&answers).count() as u64;
            read.audited += whole.min(acknowledged);
            if whole < acknowledged {
                read.missing_total += acknowledged - whole;
                let (requests, answers) = (requests.len() as u64, answers.len() as u64);
                missing.push(Unaudited { operations, acknowledged, requests, answers, whole });
            }
        }
        missing.sort_by(|a, b| a.operations.cmp(&b.operations));
        missing.truncate(MISSING_MAX);
        read.missing = missing;
        let lacking = lacking.into_iter();
        read.lacking =
            lacking.map(|(field, entries)| LackingField { field: field.into(), entries }).collect();
        read
    }
}

/// The entry that begins last on a line which begins with half of another.
fn after_a_torn_one(line: &[u8]) -> Option<AuditEntry<'_>> {
    const BEGINNING: &[u8] = br#"{"time":""#;
    let begins =
        line.windows(BEGINNING.len()).rposition(|window| window == BEGINNING).filter(|at| *at > 0)?;
    serde_json::from_slice(&line[begins..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::NodeFiles;
    use crate::model::NodeId;
    use crate::observe::NodeRemains;
    use serde_json::json;

    struct Lab {
        folder: tempfile::TempDir,
        history: String,
    }

    impl Lab {
        fn new() -> Self {
            let lab = Self { folder: tempfile::tempdir().unwrap(), history: String::new() };
            for node in ["n1", "n2"] {
                std::fs::create_dir(lab.folder.path().join(node)).unwrap();
                lab.write(node, "audit.log", &[]);
            }
            lab
        }

        /// An operation of the load; `key` for those whose answers have no body.
        fn did(mut self, id: u64, op: &str, outcome: &str, request: Option<&str>) -> Self {
            let operation = json!({ "id": id, "load": 0, "op": op, "route": "any", "node": "n2", "due_us": 0,
                "sent_us": 0, "done_us": 9, "outcome": outcome, "key": 7, "request": request });
            self.history += &format!("{operation}\n");
            self
        }

        fn write(&self, node: &str, file: &str, lines: &[String]) {
            let path = self.folder.path().join(node).join(file);
            std::fs::write(path, lines.concat()).unwrap();
        }

        fn read(&self) -> AuditRead {
            let history = self.folder.path().join("history.jsonl");
            std::fs::write(&history, &self.history).unwrap();
            let node = |name: &str| NodeRemains {
                id: NodeId::new(name),
                url: String::new(),
                files: NodeFiles {
                    audit: vec![self.folder.path().join(name).join("audit.log")],
                    ..NodeFiles::default()
                },
            };
            let (kv_mount, stored) = ("secret".into(), String::new());
            let remains = Remains { nodes: vec![node("n1"), node("n2")], kv_mount, stored };
            read(&history, &remains, &|| false).unwrap()
        }
    }

    fn entry(kind: &str, id: &str, operation: &str, path: &str, error: &str) -> String {
        let entry = json!({ "type": kind, "auth": { "metadata": { "tenant_id": "t1" } },
            "request": { "id": id, "operation": operation, "path": path, "remote_address": "127.0.0.1" },
            "error": error });
        // The server's entries begin so.
        format!("{{\"time\":\"2026-11-22T14:16:28.5Z\",{}\n", &entry.to_string()[1..])
    }

    fn pair(id: &str, operation: &str, path: &str, error: &str) -> [String; 2] {
        ["request", "response"].map(|kind| {
            let error = if kind == "response" { error } else { "" };
            entry(kind, id, operation, path, error)
        })
    }

    const PATH: &str = "secret/data/tenants/t1/exchanges/vq-7";

    #[test]
    fn a_forwarded_request_is_found_at_the_leader_and_in_rotated_files() {
        let lab = Lab::new().did(0, "kv2.write", "ok", Some("r0")).did(1, "kv2.write", "unknown", Some("r1"));
        lab.write("n2", "audit.log", &pair("attempt", "create", PATH, "cannot write to readonly storage"));
        let [request, answer] = pair("r0", "create", PATH, "");
        lab.write("n1", "audit.log.1", &[request]);
        lab.write("n1", "audit.log", &[answer]);
        let read = lab.read();
        assert_eq!((read.acknowledged, read.audited, read.missing_total), (1, 1, 0));
        assert_eq!((read.entries_of_tenants, read.complete_entries, read.lacking.len()), (2, 2, 0));
        assert_eq!(read.files.len(), 3);
    }

    #[test]
    fn half_a_pair_and_an_answer_that_is_an_error_are_missing() {
        let lab = Lab::new().did(0, "kv2.read", "ok", Some("r0")).did(1, "kv2.read", "ok", Some("r1"));
        let [request, _] = pair("r0", "read", PATH, "");
        let lines = [vec![request], pair("r1", "read", PATH, "permission denied").to_vec()].concat();
        lab.write("n1", "audit.log", &lines);
        let read = lab.read();
        assert_eq!((read.audited, read.missing_total), (0, 2));
        assert!(read.missing.iter().all(|missing| (missing.requests, missing.answers) == (1, 0)));
        assert_eq!((&read.missing[0].operations[..], &read.missing[1].operations[..]), (&[0][..], &[1][..]));
    }

    #[test]
    fn answers_without_an_id_are_counted_by_their_path() {
        let lab = Lab::new().did(0, "kv2.delete", "ok", None).did(1, "kv2.delete", "ok", None);
        // The standby's attempt has the request of the same path, and does not count.
        let [attempt, refused] = pair("a", "delete", PATH, "cannot write to readonly storage");
        let lines = [vec![attempt, refused], pair("d1", "delete", PATH, "").to_vec()].concat();
        lab.write("n1", "audit.log", &lines);
        // The same entries in a second device count once, another path not at all.
        let other = pair("d2", "delete", "secret/data/tenants/t1/exchanges/vq-8", "");
        lab.write("n2", "audit.log", &[pair("d1", "delete", PATH, "").concat(), other.concat()]);
        let read = lab.read();
        assert_eq!((read.acknowledged, read.audited, read.missing_total), (2, 1, 1));
        let missing = &read.missing[0];
        assert_eq!((&missing.operations[..], missing.acknowledged, missing.whole), (&[0, 1][..], 2, 1));
        assert_eq!(Lab::new().did(0, "approle.login", "ok", None).read().unjoinable, 1);
    }

    #[test]
    fn revocations_and_probes_without_an_id_are_counted_by_their_kind() {
        let lab = || {
            let told = [
                ("database.revoke", "r/v-1"),
                ("database.revoke-prefix", "r/"),
                ("isolation.probe", "t1→t1 delete"),
            ];
            let mut lab = Lab::new();
            for (id, (op, subject)) in told.into_iter().enumerate() {
                lab = lab.did(id as u64, op, "ok", None);
                lab.history = lab.history.replacen("\"key\":7", &format!("\"subject\":\"{subject}\""), 1);
            }
            lab
        };
        let entries = [
            pair("e1", "update", "sys/leases/revoke", ""),
            pair("e2", "update", "sys/leases/revoke-prefix/database/creds/r", ""),
            pair("e3", "delete", "secret/data/tenants/t1/exchanges/vq-probe", ""),
        ];
        let whole = lab();
        whole.write("n1", "audit.log", &entries.concat());
        let read = whole.read();
        assert_eq!((read.acknowledged, read.audited, read.unjoinable, read.missing_total), (3, 3, 0, 0));
        // What an operator may have asked is no entry of a tenant.
        assert_eq!(read.entries_of_tenants, 0);
        for left_out in 0..3 {
            let lab = lab();
            let rest = entries.iter().enumerate().filter(|(number, _)| *number != left_out);
            lab.write("n1", "audit.log", &rest.flat_map(|(_, pair)| pair.clone()).collect::<Vec<_>>());
            let read = lab.read();
            assert_eq!((read.audited, read.missing_total), (2, 1));
            assert_eq!(read.missing[0].operations, [left_out as u64]);
        }
    }

    #[test]
    fn a_torn_line_loses_only_itself() {
        let lab = Lab::new().did(0, "kv2.read", "ok", Some("r0"));
        let [request, answer] = pair("r0", "read", PATH, "");
        let torn = request[..request.len() / 2].to_owned();
        // A full disk cut one off, and a kill the last.
        lab.write("n1", "audit.log", &[torn.clone() + &request, answer, torn]);
        let read = lab.read();
        assert_eq!((read.audited, read.missing_total), (1, 0));
        assert_eq!((read.files[0].entries, read.files[0].broken), (2, 2));
    }

    #[test]
    fn fields_that_are_not_there_are_counted_and_a_login_has_no_tenant_before() {
        let lab = Lab::new().did(0, "approle.login", "ok", Some("r0")).did(1, "kv2.read", "ok", Some("r1"));
        let nameless = |kind: &str, id: &str| {
            entry(kind, id, "update", "auth/approle/login", "")
                .replace(r#""metadata":{"tenant_id":"t1"}"#, "")
        };
        let lines = [nameless("request", "r0"), nameless("response", "r0"), nameless("request", "r1")];
        lab.write("n1", "audit.log", &lines);
        let read = lab.read();
        assert_eq!((read.entries_of_tenants, read.complete_entries), (3, 1));
        let lacking: Vec<_> =
            read.lacking.iter().map(|field| (field.field.as_str(), field.entries)).collect();
        assert_eq!(lacking, [("tenant_id", 2)]);
    }

    #[test]
    fn a_node_without_its_file_is_told_and_so_is_a_compressed_one() {
        let lab = Lab::new().did(0, "kv2.read", "ok", Some("r0"));
        lab.write("n1", "audit.log-1.gz", &["?".to_owned()]);
        std::fs::remove_file(lab.folder.path().join("n2/audit.log")).unwrap();
        let reasons: Vec<_> = lab.read().unread.into_iter().map(|unread| unread.reason).collect();
        assert_eq!(reasons, ["audit.log-1.gz is compressed", "audit.log: there is no audit.log"]);
    }
}
