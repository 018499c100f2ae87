//! What may differ between two answers that agree, each with its reason.

use serde_json::Value;

/// Fields, wherever they stand.
const FIELDS: [(&str, &str); 4] = [
    ("request_id", "numbers the request"),
    ("ttl", "counts down between two questions"),
    ("encryptions", "each node counts its own"),
    ("server_time_utc", "says when it was asked"),
];

/// What is not asked for: the beginning or the end of a path.
const PATHS: [(&str, &str); 23] = [
    ("sys/pprof", "profiles the process"),
    ("sys/monitor", "never ends"),
    ("sys/metrics", "counts of the process"),
    ("sys/host-info", "of the machine"),
    ("sys/in-flight-req", "of the moment"),
    ("sys/storage/raft/snapshot", "a copy of everything"),
    ("sys/storage/raft/autopilot/state", "of the moment"),
    ("sys/internal/counters/", "counted by each node"),
    ("sys/internal/inspect/", "of the process"),
    ("sys/internal/specs/", "what is walked"),
    ("sys/config/state/sanitized", "each node's own configuration file"),
    ("sys/health", "of the node itself"),
    ("sys/leader", "of the node itself"),
    ("sys/ha-status", "of the node itself"),
    ("sys/seal-status", "of the node itself"),
    ("sys/loggers", "of the process"),
    ("sys/wrapping/lookup", "needs a wrapped token"),
    ("sys/version-history", "of the node itself"),
    ("identity/oidc/token/", "signs a new one"),
    ("/generate", "draws a new one"),
    ("/creds/{name}", "makes a credential"),
    ("/authorize", "begins a login"),
    ("/userinfo", "needs a token of its own"),
];

/// Why it is not asked for; `None` when it is.
pub fn left_out(path: &str) -> Option<&'static str> {
    let fits = |part: &str| if part.starts_with('/') { path.ends_with(part) } else { path.starts_with(part) };
    PATHS.iter().find(|(part, _)| fits(part)).map(|(_, why)| *why)
}

/// The answer without what may differ.
pub fn without(mut body: Value) -> Value {
    remove(&mut body);
    body
}

fn remove(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| FIELDS.iter().all(|(volatile, _)| volatile != name));
            fields.values_mut().for_each(remove);
        }
        Value::Array(values) => values.iter_mut().for_each(remove),
        _ => {}
    }
}
