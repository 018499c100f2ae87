//! The attach file: a cluster that somebody else runs, where it is and what may be done to it. Reads and
//! checks the file; opens none of those it names.

use super::checker::Checker;
use super::diagnostic::FileErrors;
use super::raw_attach::{RawAttach, RawNode, RawPostgres};
use super::source::Source;
use super::yaml::{self, Text, shorten};
use crate::model::{AttachFile, AttachNode, AttachPostgres, NodeId};
use reqwest::Url;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads an attach file.
///
/// # Errors
/// Everything that is wrong with it. No value that may be a secret stands in a message.
pub fn load_attach_file(path: &Path) -> Result<AttachFile, FileErrors> {
    resolve(Source::read(path)?)
}

/// The same from text; `path` is named in errors, and paths in the file are relative to its folder.
pub fn attach_file_from_text(path: &Path, text: &str) -> Result<AttachFile, FileErrors> {
    resolve(Source::from_bytes(path, text.as_bytes().to_vec())?)
}

fn resolve(source: Source) -> Result<AttachFile, FileErrors> {
    let source = source.confidential();
    let raw: RawAttach = yaml::parse(&source)?;
    let mut checker = Checker::new(&source);
    let file = check(&mut checker, &raw);
    checker.finish(file)
}

fn check(checker: &mut Checker, raw: &RawAttach) -> Option<AttachFile> {
    let help = "name at least one: `- { id: n1, api_addr: https://127.0.0.1:8200 }`";
    checker.not_empty(&raw.nodes, "nodes", help);
    checker.no_duplicates(raw.nodes.value.iter().map(|node| &node.id), "node");
    let nodes: Vec<Option<AttachNode>> = raw.nodes.value.iter().map(|line| node(checker, line)).collect();
    let nodes: Option<Vec<AttachNode>> = nodes.into_iter().collect();
    let is_https = |node: &&AttachNode| node.api_addr.starts_with("https:");
    if raw.ca_cert.is_none()
        && let Some(node) = nodes.iter().flatten().find(is_https)
    {
        let help = "add `ca_cert` with the path of the certificate that signed the nodes' certificates";
        checker.error(
            &raw.nodes,
            format!("`{}` is reached by https, but there is no `ca_cert`", node.id),
            help,
        );
    }
    if let (Some(alone), None) | (None, Some(alone)) = (&raw.client_cert, &raw.client_key) {
        checker.error(alone, "a client certificate and its key belong together", "name both or neither");
    }
    let postgres = match &raw.postgres {
        None => Some(None),
        Some(raw) => postgres(checker, raw).map(Some),
    };
    let disposable = match &raw.disposable {
        None => Some(None),
        Some(text) => cluster_id(checker, text).map(Some),
    };
    Some(AttachFile {
        nodes: nodes?,
        ca_cert: raw.ca_cert.as_ref().map(|text| file(checker, text)),
        client_cert: raw.client_cert.as_ref().map(|text| file(checker, text)),
        client_key: raw.client_key.as_ref().map(|text| file(checker, text)),
        token_file: file(checker, &raw.token_file),
        unseal_keys_file: raw.unseal_keys_file.as_ref().map(|text| file(checker, text)),
        postgres: postgres?,
        disposable: disposable?,
    })
}

fn node(checker: &mut Checker, raw: &RawNode) -> Option<AttachNode> {
    let id = node_id(checker, &raw.id);
    let api_addr = api_addr(checker, &raw.api_addr);
    let mut hooks = BTreeMap::new();
    for (hook, text) in raw.hooks.iter().flat_map(|hooks| hooks.given()) {
        if let Some(command) = checker.not_blank(text, "hook") {
            hooks.insert(hook, command);
        }
    }
    Some(AttachNode {
        id: id?,
        api_addr: api_addr?,
        hooks,
        audit_file: raw.audit_file.as_ref().map(|text| file(checker, text)),
        log_file: raw.log_file.as_ref().map(|text| file(checker, text)),
        data_dir: raw.data_dir.as_ref().map(|text| file(checker, text)),
    })
}

/// Node ids stand in reports, file names and hooks' environments.
fn node_id(checker: &mut Checker, text: &Text) -> Option<NodeId> {
    let id = text.value.as_str();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if id.is_empty()
        || id.len() > 64
        || !id.chars().all(allowed)
        || !id.starts_with(|c: char| c != '.' && c != '-')
    {
        let help = "letters, digits, `-`, `_` and `.`, at most 64, such as `n1`";
        checker.error(text, format!("`{}` cannot be a node id", shorten(id)), help);
        return None;
    }
    Some(NodeId::new(id))
}

fn api_addr(checker: &mut Checker, text: &Text) -> Option<String> {
    let help = "write scheme, host and port, such as `https://127.0.0.1:8200`";
    let Ok(url) = Url::parse(text.value.trim()) else {
        checker.error(text, "this is not an address", help);
        return None;
    };
    let fine = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none();
    if url.password().is_none() && !fine {
        checker.error(text, "this is not the address of a node's API", help);
        return None;
    }
    no_credentials(checker, text, &url).then(|| url.as_str().trim_end_matches('/').to_string())
}

/// Says so when there is a password in a URL, without repeating it.
fn no_credentials(checker: &mut Checker, text: &Text, url: &Url) -> bool {
    let in_query = url.query_pairs().any(|(key, _)| key.to_ascii_lowercase().contains("password"));
    if url.password().is_none() && !in_query {
        return true;
    }
    let help = "take it out, put it into a file of its own with mode 0600, and change it: it was in a file \
                that is not kept secret";
    checker.secret_error(text, "a password stands in this URL", help);
    false
}

fn postgres(checker: &mut Checker, raw: &RawPostgres) -> Option<AttachPostgres> {
    let url = postgres_url(checker, &raw.url);
    let server_url = postgres_url(checker, &raw.server_url);
    Some(AttachPostgres {
        url: url?,
        server_url: server_url?,
        password_file: file(checker, &raw.password_file),
    })
}

fn postgres_url(checker: &mut Checker, text: &Text) -> Option<String> {
    let url = Url::parse(text.value.trim()).ok().filter(|url| {
        matches!(url.scheme(), "postgres" | "postgresql")
            && url.host_str().is_some_and(|host| !host.is_empty())
    });
    let Some(url) = url else {
        let help =
            "write for example `postgres://vaultquake@127.0.0.1:5432/app`; the password stands in a file";
        checker.secret_error(text, "this is not the URL of a PostgreSQL database", help);
        return None;
    };
    no_credentials(checker, text, &url).then(|| url.to_string())
}

fn cluster_id(checker: &mut Checker, text: &Text) -> Option<String> {
    let id = text.value.trim().to_ascii_lowercase();
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let fine = groups == [8, 4, 4, 4, 12] && id.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if !fine {
        let help = "write the `cluster_id` that `GET /v1/sys/health` answers, such as \
                    `250d3a4c-ce36-a36c-2acc-a281c5ea78bc`: it names the one cluster that may be harmed";
        checker.error(text, format!("`{}` is not a cluster id", shorten(&id)), help);
    }
    fine.then_some(id)
}

/// Relative to the attach file, so that it means the same wherever the program is started.
fn file(checker: &mut Checker, text: &Text) -> PathBuf {
    if text.value.trim().is_empty() {
        checker.error(text, "the path is empty", "write one, or remove the key");
    }
    checker.source.path.parent().unwrap_or(Path::new("")).join(&text.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_with_paths_beside_it() {
        let text = "nodes:\n  - id: a\n    api_addr: https://10.0.0.1:8200/\n    audit_file: logs/audit.log\n\
                    \x20   hooks: { kill: pkill -9 bao, heal-isolate: nft flush }\nca_cert: ca.pem\n\
                    token_file: /run/token\npostgres: { url: postgres://app@h/db, \
                    server_url: postgres://app@db/db, password_file: pw }\n\
                    disposable: 250D3A4C-ce36-a36c-2acc-a281c5ea78bc\n";
        let file = attach_file_from_text(Path::new("clusters/a.yaml"), text).unwrap();
        let node = &file.nodes[0];
        assert_eq!(node.api_addr, "https://10.0.0.1:8200");
        assert_eq!(node.audit_file, Some("clusters/logs/audit.log".into()));
        assert_eq!(node.hooks.keys().map(|hook| hook.name()).collect::<Vec<_>>(), ["kill", "heal-isolate"]);
        assert_eq!(file.ca_cert, Some("clusters/ca.pem".into()));
        assert_eq!(file.token_file, Path::new("/run/token"));
        assert_eq!(file.postgres.unwrap().url, "postgres://app@h/db");
        assert_eq!(file.disposable.unwrap(), "250d3a4c-ce36-a36c-2acc-a281c5ea78bc");
    }

    #[test]
    fn plain_http_needs_no_certificate() {
        let text = "nodes: [{ id: n1, api_addr: 'http://127.0.0.1:8200' }]\ntoken_file: t\n";
        let file = attach_file_from_text(Path::new("a.yaml"), text).unwrap();
        assert_eq!((file.ca_cert, file.disposable), (None, None));
    }
}
