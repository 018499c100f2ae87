//! A server with an audit device, declared as the server's configuration has it, and what it writes.

use crate::conformance::{Answer, Checked, Lab, SpareConfig, Stop, Storage};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Shared by the cases, which know their own requests by their paths.
pub struct Audited {
    pub root: Lab,
    pub file: PathBuf,
}

impl Lab {
    pub async fn audited(&self) -> Checked<Audited> {
        // Relative, so that the name is the same for everybody: the server runs in its own folder.
        let device = "audit \"file\" \"main\" {\n  options {\n    file_path = \"audit.log\"\n  }\n}";
        let config = SpareConfig::new(Storage::Memory).with(device);
        let (spare, root) = self.common("audited", config).await?;
        Ok(Audited { root, file: spare.folder.join("audit.log") })
    }
}

impl Audited {
    /// The whole file, as it is.
    pub fn text(&self) -> Checked<String> {
        std::fs::read_to_string(&self.file).map_err(Stop::broken)
    }

    /// The newest request and response entries of this operation on this path.
    pub async fn pair(&self, operation: &str, path: &str) -> Checked<(Answer, Answer)> {
        let (request, response) = self.raw_pair(operation, path).await?;
        let seen = |what: &str, line: &str| -> Checked<Answer> {
            let entry: Value = serde_json::from_str(line).map_err(Stop::broken)?;
            Ok(self.root.seen(what, entry))
        };
        Ok((seen("audit entry of the request", &request)?, seen("audit entry of the response", &response)?))
    }

    /// The same two entries as they stand in the file.
    pub async fn raw_pair(&self, operation: &str, path: &str) -> Checked<(String, String)> {
        let began = std::time::Instant::now();
        loop {
            let text = self.text()?;
            let newest = |kind: &str| text.lines().rev().find(|line| is_entry(line, kind, operation, path));
            match (newest("request"), newest("response")) {
                (Some(request), Some(response)) => return Ok((request.to_owned(), response.to_owned())),
                (request, response) if began.elapsed() >= WRITTEN_WITHIN => {
                    let observed = format!(
                        "an entry of the request: {}, of the response: {}",
                        request.is_some(),
                        response.is_some()
                    );
                    return Err(Stop::differs(
                        "an audit entry of each request and of each response",
                        observed,
                    ));
                }
                _ => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }
}

fn is_entry(line: &str, kind: &str, operation: &str, path: &str) -> bool {
    // Most lines are of other cases, and parsing is dearer than looking.
    line.contains(path)
        && serde_json::from_str::<Value>(line).is_ok_and(|entry| {
            entry["type"] == kind
                && entry["request"]["operation"] == operation
                && entry["request"]["path"] == path
        })
}

/// `hmac-sha256:` and 64 hexadecimal digits.
pub fn is_hash(value: &Value) -> bool {
    let digits = value.as_str().and_then(|text| text.strip_prefix("hmac-sha256:"));
    digits.is_some_and(|digits| digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_is_known_by_kind_operation_and_path() {
        let line =
            json!({ "type": "request", "request": { "operation": "read", "path": "kv/data/a" } }).to_string();
        assert!(is_entry(&line, "request", "read", "kv/data/a"));
        assert!(!is_entry(&line, "response", "read", "kv/data/a"));
        assert!(!is_entry(&line, "request", "update", "kv/data/a"));
        assert!(!is_entry(&line, "request", "read", "kv/data"));
    }

    #[test]
    fn a_hash_has_its_prefix_and_its_length() {
        assert!(is_hash(&json!(format!("hmac-sha256:{}", "ab".repeat(32)))));
        assert!(!is_hash(&json!("hmac-sha256:abcd1234")) && !is_hash(&json!("sk-proj-1")));
    }
}
