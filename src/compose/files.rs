//! Renders the Compose file, and writes what has to stand beside it.

use super::{API_PORT, CLUSTER_PORT, COMPOSE_FILE, ComposeError, nodes_of};
use crate::cluster::certificates::{NodeCertificate, RunCa};
use crate::cluster::node_config::{self, NodeAddresses, NodePlan};
use crate::model::{Blueprint, Disk, ServerTuning};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, context};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// PostgreSQL and Redis; the same for every blueprint.
pub const HELPERS: &str = include_str!("../../compose/helpers.yaml");

/// The Compose file of a blueprint. `image` is what runs where nobody says otherwise.
///
/// # Errors
/// When the template could not be laid out, which is a bug.
pub fn render(blueprint: &Blueprint, image: &str) -> Result<String, ComposeError> {
    let broken = |error: minijinja::Error| ComposeError::Failed(format!("the Compose file: {error}"));
    let nodes: Vec<_> = nodes_of(blueprint)
        .into_iter()
        .map(|node| context! { id => node.id, container => node.container, host_port => node.host_port })
        .collect();
    let mut environment = Environment::new();
    let blocks =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(blocks.map_err(broken)?);
    let of = context! {
        name => &blueprint.name,
        summary => &blueprint.summary,
        tls => blueprint.tls.enabled,
        api_port => API_PORT,
        image,
        nodes,
    };
    environment.render_str(include_str!("cluster.yaml.jinja"), of).map_err(broken)
}

/// Writes the Compose file, node configurations and certificates into `out`.
///
/// # Errors
/// When a cluster's files are there already, or something cannot be written.
pub fn write_cluster(blueprint: &Blueprint, image: &str, out: &Path) -> Result<(), ComposeError> {
    let compose = out.join(COMPOSE_FILE);
    if compose.exists() {
        return Err(ComposeError::Taken(compose));
    }
    let io = |what, path: &Path, source| ComposeError::Io { what, path: path.to_owned(), source };
    let make = |path: &Path| {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| io("cannot make", path, e))
    };
    make(out)?;
    let tls = out.join("tls");
    let ca = match blueprint.tls.enabled {
        true => Some(RunCa::create(&tls).map_err(|error| io("cannot write certificates to", &tls, error))?),
        false => None,
    };
    for node in nodes_of(blueprint) {
        let folder = out.join(&node.id);
        for disk in Disk::ALL {
            make(&folder.join(disk.folder()))?;
        }
        if let Some(ca) = &ca {
            // The node is known by its name; clients on this machine reach its published port on loopback.
            ca.issue(&node.id, Ipv4Addr::LOCALHOST.into())
                .map_err(|error| io("cannot write certificates to", &tls, error))?;
        }
        // As the container sees them.
        let certificate = ca.is_some().then(|| NodeCertificate {
            cert_file: format!("/tls/{}.pem", node.id).into(),
            key_file: format!("/tls/{}.key", node.id).into(),
        });
        let addresses = NodeAddresses {
            api: (Ipv4Addr::UNSPECIFIED, API_PORT).into(),
            cluster: (Ipv4Addr::UNSPECIFIED, CLUSTER_PORT).into(),
            known_api: format!("{}:{API_PORT}", node.id),
            known_cluster: format!("{}:{CLUSTER_PORT}", node.id),
        };
        let plan = NodePlan {
            id: &node.id,
            folder: Path::new("/node"),
            addresses: &addresses,
            certificate: certificate.as_ref(),
            seal: None,
        };
        let config = node_config::render(blueprint, &ServerTuning::default(), &plan);
        let path = folder.join("server.hcl");
        fs::write(&path, config).map_err(|error| io("cannot write", &path, error))?;
    }
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    let owner = format!("VAULTQUAKE_UID={}\nVAULTQUAKE_GID={}\n", uid.as_raw(), gid.as_raw());
    let env = out.join(".env");
    fs::write(&env, owner).map_err(|error| io("cannot write", &env, error))?;
    // Last: where it stands, everything else does.
    fs::write(&compose, render(blueprint, image)?).map_err(|error| io("cannot write", &compose, error))
}

/// Writes the Compose file of the helpers, and passwords that nobody has had before.
///
/// # Errors
/// When they are there already, or something cannot be written.
pub fn write_helpers(out: &Path) -> Result<(), ComposeError> {
    let compose = out.join(COMPOSE_FILE);
    if compose.exists() {
        return Err(ComposeError::Taken(compose));
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(out);
    made.map_err(|source| ComposeError::Io { what: "cannot make", path: out.to_owned(), source })?;
    for name in ["postgres-password", "redis-password"] {
        let password: [u8; 16] = rand::random();
        let hex: String = password.iter().map(|byte| format!("{byte:02x}")).collect();
        write_private(&out.join(name), &hex)?;
    }
    fs::write(&compose, HELPERS).map_err(|source| ComposeError::Io {
        what: "cannot write",
        path: compose,
        source,
    })
}

/// Writes a file whole, mode 0600.
pub fn write_private(path: &Path, content: &str) -> Result<(), ComposeError> {
    let part = path.with_extension("part");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(content.as_bytes())?;
        fs::rename(&part, path)
    };
    write().map_err(|source| ComposeError::Io { what: "cannot write", path: path.to_owned(), source })
}
