//! Everything that can be read, found from the server's own description of its API and from its lists.

use super::volatile::left_out;
use crate::vault::{Client, ClientError};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// More than any documented deployment has; what lies beyond is told.
const PATHS_MAX: usize = 6_000;
const DEPTH_MAX: usize = 8;
/// What is no mount of a deployment's own.
const OF_THE_SERVER: [&str; 4] = ["sys", "auth", "identity", "cubbyhole"];

pub struct Walked {
    /// Below `/v1/`, with the query.
    pub paths: Vec<String>,
    /// What is in the description and was not asked for, with the reason.
    pub left_out: Vec<String>,
}

#[derive(Deserialize)]
struct Described {
    paths: BTreeMap<String, DescribedPath>,
}

#[derive(Deserialize)]
struct DescribedPath {
    get: Option<DescribedGet>,
}

#[derive(Deserialize)]
struct DescribedGet {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(default)]
    required: bool,
}

/// Everything that can be read and is `wanted`.
pub async fn walk(client: &Client, wanted: fn(&str) -> bool) -> Result<Walked, ClientError> {
    let answer = client.get("sys/internal/specs/openapi").await?;
    let described: Described = serde_json::from_value(answer.body).map_err(|error| {
        ClientError::NoAnswer { what: "the description of the API".to_owned(), why: error.to_string() }
    })?;
    let mut walk = Walk { client, names: BTreeMap::new(), found: BTreeSet::new() };
    let mut skipped = Vec::new();
    for (template, path) in &described.paths {
        let template = template.trim_start_matches('/').trim_end_matches('/');
        let Some(get) = &path.get else { continue };
        if let Some(why) = left_out(template) {
            skipped.push(format!("{template}: {why}"));
            continue;
        }
        let list = get.parameters.iter().find(|parameter| parameter.name == "list");
        let (lists, reads) = (list.is_some(), list.is_none_or(|list| !list.required));
        for concrete in walk.expand(template).await {
            if lists {
                walk.found.insert(format!("{concrete}?list=true"));
            }
            if reads {
                walk.found.insert(concrete);
            }
        }
    }
    let mut paths: Vec<String> = walk.found.into_iter().filter(|path| wanted(path)).collect();
    if paths.len() > PATHS_MAX {
        skipped.push(format!("{} paths: only {PATHS_MAX} are compared", paths.len() - PATHS_MAX));
        paths.truncate(PATHS_MAX);
    }
    Ok(Walked { paths, left_out: skipped })
}

struct Walk<'a> {
    client: &'a Client,
    /// By the prefix that was listed.
    names: BTreeMap<String, Vec<String>>,
    found: BTreeSet<String>,
}

impl Walk<'_> {
    /// The template with everything that its parameters can be.
    async fn expand(&mut self, template: &str) -> Vec<String> {
        let mut begun = vec![String::new()];
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((_, after)) = after.split_once('}') else { break };
            let mut further = Vec::new();
            for prefix in begun {
                let prefix = format!("{prefix}{before}");
                let prefix = prefix.trim_end_matches('/');
                further.extend(self.below(prefix).await.iter().map(|name| format!("{prefix}/{name}")));
            }
            begun = further;
            rest = after;
        }
        begun.into_iter().map(|prefix| format!("{prefix}{rest}")).collect()
    }

    /// What stands below a prefix, folders and what is in them, as far as the server lists it.
    async fn below(&mut self, prefix: &str) -> Vec<String> {
        if let Some(names) = self.names.get(prefix) {
            return names.clone();
        }
        let mut names = Vec::new();
        let mut folders = vec![(String::new(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for name in self.listed(prefix, &folder).await {
                match name.strip_suffix('/') {
                    Some(inner) if depth < DEPTH_MAX => {
                        self.found.insert(format!("{prefix}/{folder}{inner}?list=true"));
                        folders.push((format!("{folder}{inner}/"), depth + 1));
                    }
                    Some(_) => {}
                    None => names.push(format!("{folder}{name}")),
                }
            }
        }
        if names.is_empty() {
            names = self.told_elsewhere(prefix).await;
        }
        self.names.insert(prefix.to_owned(), names.clone());
        names
    }

    async fn listed(&self, prefix: &str, folder: &str) -> Vec<String> {
        let path = format!("{prefix}/{folder}");
        let answer = self.client.get(&format!("{}?list=true", path.trim_end_matches('/'))).await;
        let Ok(answer) = answer else { return Vec::new() };
        let keys = answer.body["data"]["keys"].as_array().cloned().unwrap_or_default();
        keys.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Mounts are not listed but told whole; and the values of a store have the names of its metadata.
    async fn told_elsewhere(&mut self, prefix: &str) -> Vec<String> {
        let mount = prefix.split('/').next().unwrap_or_default();
        let sibling = format!("{mount}/metadata");
        if !OF_THE_SERVER.contains(&mount) && prefix != sibling {
            let names = Box::pin(self.below(&sibling)).await;
            if !names.is_empty() {
                return names;
            }
        }
        let Ok(answer) = self.client.get(prefix).await else { return Vec::new() };
        let told = answer.body["data"].as_object().cloned().unwrap_or_default();
        told.keys().filter_map(|name| name.strip_suffix('/')).map(str::to_owned).collect()
    }
}
