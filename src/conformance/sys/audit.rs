//! The audit trail: every request and every response, and no secret.

use super::audit_log::is_hash;
use crate::conformance::{Cases, Source, SpareConfig, Stop, Storage};
use serde_json::{Value, json};
use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;
use std::time::Duration;

/// Stands in secrets that must not stand in the file.
const CANARY: &str = "sk-proj-5e1f0c77d2ab";

pub fn register(cases: &mut Cases) {
    trail(cases);
    secrecy(cases);
    devices(cases);
}

fn trail(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/audit/request-and-response",
        source,
        "each request leaves an entry of the request and one of the response, with the same id",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            kv.quiet_put("a", json!({ "api_key": CANARY })).await?;
            audited.root.quietly().get(&kv.data("a")).await?.is(200)?;
            let (request, response) = audited.pair("read", &kv.data("a")).await?;
            let id = request.text("/request/id")?;
            request.has("/type", "request")?;
            response.has("/type", "response")?.has("/request/id", id)?;
            Ok(())
        },
    );
    for (id, meaning, operation) in [
        ("sys/audit/creation-logged", "the creation of a secret is logged", "create"),
        ("sys/audit/update-logged", "the update of a secret is logged", "update"),
        ("sys/audit/read-logged", "the reading of a secret is logged", "read"),
        ("sys/audit/deletion-logged", "the deletion of a secret is logged", "delete"),
    ] {
        cases.add(id, Source::AlphaPulse, meaning, move |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            let (quiet, path) = (audited.root.quietly(), kv.data("a"));
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            kv.quiet_put("a", json!({ "color": "blue" })).await?;
            quiet.get(&path).await?.is(200)?;
            quiet.delete(&path).await?.is(204)?;
            let (request, response) = audited.pair(operation, &path).await?;
            request.has("/request/operation", operation)?.has("/request/path", path.as_str())?;
            response.has("/request/operation", operation)?.lacks("/error")?;
            Ok(())
        });
    }
    cases.add(
        "sys/audit/listing-logged",
        Source::AlphaPulse,
        "the listing of secrets is logged",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let path = format!("{}/metadata/", kv.path);
            audited.root.quietly().list(&path).await?.is(200)?;
            let (request, response) = audited.pair("list", &path).await?;
            request.has("/request/operation", "list")?;
            response.has("/request/path", path.as_str())?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/denied-logged",
        source,
        "a request that is denied is logged, with who it was and that permission was denied",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            let token = audited.root.powerless_token().await?;
            audited.root.as_token(&token).quietly().get(&kv.data("a")).await?.is(403)?;
            let (request, response) = audited.pair("read", &kv.data("a")).await?;
            request.that("/error", "says that permission was denied", denied)?;
            response.that("/error", "says that permission was denied", denied)?;
            response.that("/auth/accessor", "is hashed", is_hash)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/denied-found-by-grep",
        source,
        "denied requests are found with grep '\"error\":\"permission denied\"'",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            let token = audited.root.powerless_token().await?;
            audited.root.as_token(&token).quietly().get(&kv.data("a")).await?.is(403)?;
            let (request, _) = audited.raw_pair("read", &kv.data("a")).await?;
            let error = request.find("\"error\":").map(|at| request[at..].trim_end_matches('}').to_owned());
            let seen = audited.root.seen("audit entry's error", json!({ "text": error }));
            seen.has("/text", "\"error\":\"permission denied\"")?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/path-found-by-grep",
        source,
        "accesses to a path are found with grep '\"path\":\"secret/data/openai\"'",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            kv.quiet_put("openai", json!({ "api_key": CANARY })).await?;
            audited.root.quietly().get(&kv.data("openai")).await?.is(200)?;
            let (request, response) = audited.raw_pair("read", &kv.data("openai")).await?;
            let word = format!("\"path\":\"{}\"", kv.data("openai"));
            let found = json!({ "request": request.contains(&word), "response": response.contains(&word) });
            audited.root.seen("grep", found).has("/request", true)?.has("/response", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/without-token-logged",
        source,
        "a request without a token is logged",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            audited.root.anonymous().quietly().get(&kv.data("a")).await?.is(403)?;
            let (request, response) = audited.pair("read", &kv.data("a")).await?;
            request.lacks("/auth/client_token")?;
            response.that("/error", "says that permission was denied", denied)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/failed-login-logged",
        source,
        "a failed attempt to authenticate is logged",
        |lab| async move {
            let audited = lab.audited().await?;
            let mount = audited.root.auth("approle", "approle", json!({})).await?;
            let path = format!("auth/{mount}/login");
            let body = json!({ "role_id": "nobody", "secret_id": CANARY });
            audited.root.anonymous().quietly().post(&path, body).await?.is(400)?;
            let (request, response) = audited.pair("update", &path).await?;
            request.has("/request/path", path.as_str())?;
            response.that("/response/data/error", "is hashed", is_hash)?;
            response.lacks("/response/auth")?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/every-line-is-json",
        Source::AlphaPulse,
        "the log is JSON, an object a line",
        |lab| async move {
            let audited = lab.audited().await?;
            audited.root.quietly().get("sys/mounts").await?.is(200)?;
            audited.raw_pair("read", "sys/mounts").await?;
            let text = audited.text()?;
            // The last line may be on its way.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let parsed =
                |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|entry| entry.is_object());
            let (lines, objects) = (whole.lines().count(), whole.lines().filter(parsed).count());
            let seen =
                audited.root.seen("audit file", json!({ "not_json": lines - objects, "any": objects > 1 }));
            seen.has("/not_json", 0)?.has("/any", true)?;
            Ok(())
        },
    );
}

fn secrecy(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/audit/no-plaintext",
        source,
        "the value of a secret stands nowhere in the log, neither when it is written nor when it is read",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            let secret = format!("{CANARY}-{}", kv.path);
            kv.quiet_put("a", json!({ "api_key": secret })).await?;
            audited
                .root
                .quietly()
                .get(&kv.data("a"))
                .await?
                .is(200)?
                .has("/data/data/api_key", secret.as_str())?;
            audited.raw_pair("read", &kv.data("a")).await?;
            let text = audited.text()?;
            let found = json!({ "secret": text.contains(&secret), "path": text.contains(&kv.data("a")) });
            // The path shows that the search finds what is there.
            audited.root.seen("audit file", found).has("/secret", false)?.has("/path", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/no-token",
        source,
        "a token stands nowhere in the log, neither when it is made nor when it is used",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            let token = audited.root.powerless_token().await?;
            audited.root.as_token(&token).quietly().get(&kv.data("a")).await?.is(403)?;
            audited.raw_pair("read", &kv.data("a")).await?;
            let text = audited.text()?;
            let found = json!({ "token": text.contains(&token), "path": text.contains(&kv.data("a")) });
            audited.root.seen("audit file", found).has("/token", false)?.has("/path", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/hash-can-be-computed",
        source,
        "who knows a value can compute its hash and find it in the log",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            kv.quiet_put("a", json!({ "api_key": CANARY })).await?;
            audited.root.quietly().get(&kv.data("a")).await?.is(200)?;
            let (_, response) = audited.pair("read", &kv.data("a")).await?;
            let hash = audited.root.post("sys/audit-hash/main", json!({ "input": CANARY })).await?;
            let hash = hash.is(200)?.text("/data/hash")?;
            response.has("/response/data/data/api_key", hash)?;
            Ok(())
        },
    );
}

fn devices(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/audit/enabled-by-command",
        source,
        "`vault audit enable file file_path=…` enables a file audit device",
        |lab| async move {
            let audited = lab.audited().await?;
            let path = audited.root.name("file");
            let body = json!({ "type": "file", "options": { "file_path": format!("{path}.log") } });
            audited.root.put(&format!("sys/audit/{path}"), body).await?.is(204)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/syslog-enabled-by-command",
        source,
        "`vault audit enable syslog` enables a syslog audit device",
        |lab| async move {
            let audited = lab.audited().await?;
            let path = audited.root.name("syslog");
            let body = json!({ "type": "syslog", "options": { "tag": "vault", "facility": "AUTH" } });
            audited.root.put(&format!("sys/audit/{path}"), body).await?.is(204)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/declared",
        source,
        "a file audit device that the configuration declares is there",
        |lab| async move {
            let audited = lab.audited().await?;
            let devices = audited.root.get("sys/audit").await?;
            devices.is(200)?.has("/data/main~1/type", "file")?;
            devices.has("/data/main~1/options/file_path", "audit.log")?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/devices-need-a-right",
        source,
        "who may read secrets may not see where they are logged",
        |lab| async move {
            let audited = lab.audited().await?;
            let token = audited.root.powerless_token().await?;
            audited.root.as_token(&token).get("sys/audit").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/syslog-declared",
        Source::AlphaPulse,
        "a syslog audit device with tag and facility is there, and requests are served with it",
        |lab| async move {
            let device =
                "audit \"syslog\" \"s\" {\n  options {\n    tag = \"vault\"\n    facility = \"AUTH\"\n  }\n}";
            let spare = lab.prepare_spare(SpareConfig::new(Storage::Memory).with(device))?;
            let syslog = spare.syslog()?;
            spare.start().await.map_err(Stop::Broken)?;
            let root = lab.opened(&spare).await?;
            let devices = root.get("sys/audit").await?;
            devices.is(200)?.has("/data/s~1/type", "syslog")?.has("/data/s~1/options/facility", "AUTH")?;
            let logged = Mutex::new(Logged::default());
            lab.eventually(Duration::from_secs(5), || async {
                let mut logged = logged.lock().unwrap();
                logged.take_from(&syslog);
                let seen =
                    json!({ "tag": logged.tag, "request": logged.request, "response": logged.response });
                let seen = lab.seen("syslog", seen);
                seen.has("/tag", "vault")?.has("/request", true)?.has("/response", true).map(drop)
            })
            .await?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/unwritable-not-served",
        source,
        "what cannot be logged is not served: a server whose audit device cannot be written does not open",
        |lab| async move {
            let device = "audit \"file\" \"main\" {\n  options {\n    file_path = \"nowhere/at/all/audit.log\"\n  }\n}";
            let spare = lab.spare(SpareConfig::new(Storage::Memory).with(device)).await?;
            // A folder that does not exist is made; a file in its place cannot be.
            std::fs::write(spare.folder.join("nowhere"), "").map_err(Stop::broken)?;
            let asked = lab.of(&spare);
            let init = asked.put("sys/init", json!({ "secret_shares": 1, "secret_threshold": 1 })).await?;
            init.is_one_of(&[400, 500])?.error_has("audit")?;
            asked.get("sys/health").await?.is_one_of(&[501, 503])?;
            Ok(())
        },
    );
}

fn denied(error: &Value) -> bool {
    error.as_str().is_some_and(|error| error.trim_end().ends_with("permission denied"))
}

/// What came through a syslog socket about `sys/audit`.
#[derive(Default)]
struct Logged {
    tag: String,
    request: bool,
    response: bool,
}

impl Logged {
    /// `<priority>time tag[pid]: entry`.
    fn take_from(&mut self, socket: &UnixDatagram) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]);
            let Some((head, entry)) = text.split_once("]: ") else { continue };
            if !entry.contains("\"path\":\"sys/audit\"") {
                continue;
            }
            let tag = head.rsplit([' ', '[']).nth(1).unwrap_or_default();
            self.tag = tag.to_owned();
            self.request |= entry.contains("\"type\":\"request\"");
            self.response |= entry.contains("\"type\":\"response\"");
        }
    }
}
