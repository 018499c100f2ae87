//! From containers that listen to the documented deployment, and the files to attach to it.

use super::attach_file::{attach_file, token_file, unseal_keys_file};
use super::files::write_private;
use super::{API_PORT, COMPOSE_FILE, ComposeError, ca_file, nodes_of, scheme};
use crate::bootstrap::{self, BootstrapError, Progress};
use crate::cluster::Node;
use crate::model::{Blueprint, NodeId};
use crate::vault::{Client, Endpoint, TlsMaterial, wait_until};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LISTEN_WITHIN: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_millis(100);

/// A cluster that can be attached to. Its `Display` is what a person is told.
#[derive(Debug)]
pub struct Bootstrapped {
    pub cluster_id: String,
    pub endpoints: Vec<(NodeId, String)>,
    /// Holds the root token, mode 0600.
    pub token_file: PathBuf,
    /// For `run --backend attach --cluster`.
    pub attach_file: PathBuf,
}

/// Initialises, unseals and joins the nodes of the Compose file in `out`, sets the blueprint up, and writes token,
/// unseal keys and attach file there.
///
/// # Errors
/// When the files are not there, a node does not answer, or one has been initialised before.
pub async fn bootstrap(
    blueprint: &Blueprint,
    out: &Path,
    progress: &dyn Progress,
) -> Result<Bootstrapped, ComposeError> {
    let io = |what, path: &Path, source| ComposeError::Io { what, path: path.to_owned(), source };
    let out = std::path::absolute(out).map_err(|error| io("cannot find", out, error))?;
    let compose = out.join(COMPOSE_FILE);
    if !compose.is_file() {
        return Err(ComposeError::NotWritten { path: compose, blueprint: blueprint.name.clone(), out });
    }
    let failed = |error: &dyn fmt::Display| ComposeError::Failed(error.to_string());
    let ca = blueprint.tls.enabled.then(|| ca_file(&out));
    let tls = ca.as_ref().map(|ca| TlsMaterial::from_files(ca, None));
    let tls = tls.transpose().map_err(|error| failed(&error))?;
    let planned = nodes_of(blueprint);
    let mut nodes = Vec::new();
    for node in &planned {
        let url = format!("{}://127.0.0.1:{}", scheme(blueprint), node.host_port);
        let endpoint = Endpoint::new(&url, tls.as_ref()).map_err(|error| failed(&error))?;
        nodes.push(Node { id: NodeId::new(&node.id), endpoint });
    }
    for node in &nodes {
        is_new(node, &out).await?;
    }
    // In the network of the containers a node has its own name, and 127.0.0.1 is somebody else.
    let first = planned.first().map(|node| format!("{}://{}:{API_PORT}", scheme(blueprint), node.id));
    let formed =
        bootstrap::form_running(&nodes, first.as_deref(), &blueprint.seal, ca.as_deref(), progress).await?;
    let mut access = formed.access;
    // Before anything else can fail: without these nobody opens the cluster again.
    write_private(&token_file(&out), &access.root_token)?;
    let keys: String = access.unseal_keys.iter().map(|key| format!("{key}\n")).collect();
    write_private(&unseal_keys_file(&out), &keys)?;

    let api = |error| ComposeError::Bootstrap(BootstrapError::Api(error));
    let client = Client::new(&nodes[0].endpoint).map_err(api)?;
    let operator = client.with_token(&access.root_token);
    bootstrap::apply(&operator, blueprint, "", None, &mut access, progress).await?;
    let health = client.get("sys/health").await.map_err(api)?;
    let cluster_id = health.body["cluster_id"].as_str().unwrap_or_default().to_owned();
    let attach = attach_file(blueprint, &planned, &out, &cluster_id);
    let yaml = serde_saphyr::to_string(&attach).map_err(|error| failed(&error))?;
    let path = out.join("cluster.yaml");
    write_private(&path, &yaml)?;
    let endpoints = nodes.into_iter().map(|node| (node.id, node.endpoint.url)).collect();
    Ok(Bootstrapped { cluster_id, endpoints, token_file: token_file(&out), attach_file: path })
}

/// Waits until the node answers, and sees that nobody has initialised it.
async fn is_new(node: &Node, out: &Path) -> Result<(), ComposeError> {
    let (id, url) = (node.id.clone(), node.endpoint.url.clone());
    let client = Client::new(&node.endpoint).map_err(BootstrapError::from)?;
    let asked = wait_until("the node answers", LISTEN_WITHIN, EVERY, || async {
        client.get("sys/init").await.map_err(|error| error.to_string())
    });
    match asked.await {
        Ok(answer) if answer.body["initialized"] == false => Ok(()),
        Ok(_) => Err(ComposeError::Initialised { node: id, url }),
        Err(error) => Err(ComposeError::NotUp { node: id, url, why: error.to_string(), out: out.to_owned() }),
    }
}

impl fmt::Display for Bootstrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, url) in &self.endpoints {
            writeln!(f, "{id}           {url}")?;
        }
        writeln!(f, "token file   {}", self.token_file.display())?;
        writeln!(f, "attach file  {}", self.attach_file.display())
    }
}
