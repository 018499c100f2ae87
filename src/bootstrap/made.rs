//! What we made on a cluster that is not ours: listed on disk before it is made, and removed by that list.

use super::BootstrapError;
use crate::record::{DurableLines, RecordError};
use crate::vault::{Client, ClientError};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Something with a name of ours, about to be made. Tokens, leases and roles go with their auth mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "made", rename_all = "snake_case")]
pub enum Made {
    Mount { path: String },
    Auth { path: String },
    Policy { name: String },
}

impl Made {
    pub fn name(&self) -> &str {
        match self {
            Made::Mount { path } | Made::Auth { path } => path,
            Made::Policy { name } => name,
        }
    }
}

pub type MadeLog = DurableLines<Made>;

/// Where a run lists what it makes, below its private folder.
pub fn made_file(private: &Path) -> PathBuf {
    private.join("made.jsonl")
}

/// The prefix of everything that a run makes on a cluster that is not ours.
pub fn prefix_of(run_id: &str) -> String {
    format!("vq-{run_id}-")
}

/// Whether a name looks as only we make them: `vq-`, six hexadecimal digits, `-`, and something more.
pub fn is_ours(name: &str) -> bool {
    let Some((id, rest)) = name.strip_prefix("vq-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    id.len() == 6 && id.chars().all(hex) && !rest.is_empty()
}

/// Everything on the cluster with a name of ours, of whichever run.
pub async fn find_ours(operator: &Client) -> Result<Vec<Made>, BootstrapError> {
    let mut found = Vec::new();
    for mount in mounts(operator, "sys/mounts").await? {
        found.push(Made::Mount { path: mount });
    }
    for mount in mounts(operator, "sys/auth").await? {
        found.push(Made::Auth { path: mount });
    }
    let policies = list(operator, "sys/policies/acl").await?;
    found.extend(policies.into_iter().map(|name| Made::Policy { name }));
    found.retain(|made| is_ours(made.name()));
    Ok(found)
}

/// Removes what is there of `made`, last made first; what is not there is passed over. Goes on after a
/// failure; returns what was removed and what could not be.
pub async fn remove(operator: &Client, made: &[Made]) -> (Vec<Made>, Vec<String>) {
    let (mut removed, mut trouble) = (Vec::new(), Vec::new());
    for made in made.iter().rev() {
        // Whatever a damaged list says, nothing else is ever removed.
        if !is_ours(made.name()) {
            trouble.push(format!("`{}` is not a name that we make; it is left alone", made.name()));
            continue;
        }
        match remove_one(operator, made).await {
            Ok(true) => removed.push(made.clone()),
            Ok(false) => {}
            Err(error) => trouble.push(format!("{} could not be removed: {error}", made.name())),
        }
    }
    (removed, trouble)
}

/// Whether it was there.
async fn remove_one(operator: &Client, made: &Made) -> Result<bool, BootstrapError> {
    match made {
        Made::Mount { path } => {
            if !mounts(operator, "sys/mounts").await?.contains(path) {
                return Ok(false);
            }
            operator.delete(&format!("sys/mounts/{path}")).await?;
        }
        Made::Auth { path } => {
            if !mounts(operator, "sys/auth").await?.contains(path) {
                return Ok(false);
            }
            remove_entities(operator, path).await?;
            operator.delete(&format!("sys/auth/{path}")).await?;
        }
        Made::Policy { name } => {
            if !list(operator, "sys/policies/acl").await?.contains(name) {
                return Ok(false);
            }
            operator.delete(&format!("sys/policies/acl/{name}")).await?;
        }
    }
    Ok(true)
}

/// Each first login makes an identity entity, which outlives its auth mount: those of our roles go first,
/// while the mount still says which they are.
async fn remove_entities(operator: &Client, mount: &str) -> Result<(), BootstrapError> {
    let mounts = operator.get("sys/auth").await?;
    let accessor = mounts.body["data"][format!("{mount}/")]["accessor"].clone();
    for role in list(operator, &format!("auth/{mount}/role")).await? {
        let path = format!("auth/{mount}/role/{role}/role-id");
        let role_id = operator.get(&path).await?.body["data"]["role_id"].clone();
        let body = json!({ "alias_name": role_id, "alias_mount_accessor": accessor });
        let entity = operator.post("identity/lookup/entity", body).await?;
        if let Some(id) = entity.body["data"]["id"].as_str() {
            operator.delete(&format!("identity/entity/id/{id}")).await?;
        }
    }
    Ok(())
}

/// Paths without their final slash.
async fn mounts(operator: &Client, what: &str) -> Result<Vec<String>, ClientError> {
    let answer = operator.get(what).await?;
    let mounts = answer.body["data"].as_object().into_iter().flat_map(|mounts| mounts.keys());
    Ok(mounts.map(|path| path.trim_end_matches('/').to_owned()).collect())
}

/// A LIST; what has no entries is answered 404.
async fn list(operator: &Client, path: &str) -> Result<Vec<String>, ClientError> {
    let answer = operator.call(Method::GET, &format!("{path}?list=true"), None).await?;
    if !answer.is_success() && answer.status != 404 {
        let what = format!("list {path}");
        return Err(ClientError::Refused { what, status: answer.status, errors: answer.errors() });
    }
    let keys = answer.body["data"]["keys"].as_array().cloned().unwrap_or_default();
    Ok(keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect())
}

/// Lists it, if there is a list to keep.
pub(super) fn about_to_make(log: Option<&MadeLog>, made: Made) -> Result<(), RecordError> {
    log.map_or(Ok(()), |log| log.append(&made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_we_make_are_ours() {
        assert!(is_ours(&format!("{}secret", prefix_of("0a1b2c"))));
        for name in [
            "secret",
            "vq-secret",
            "vq-0a1b2c-",
            "vq-0A1B2C-x",
            "vq-0a1b2-x",
            "vq-0a1b2cd-x",
            "x-vq-0a1b2c-x",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
