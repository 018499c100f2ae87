//! `rotate-audit`: what a log rotation does: the node's audit file gets another name, and the server is told by SIGHUP to open
//! a new one. Nothing remains to be healed.

use super::node_by_node::NodeFault;
use super::{Applied, EVERY, FaultContext, FaultError};
use crate::cluster::{Ability, Signal};
use crate::model::NodeId;
use crate::vault::wait_until;
use async_trait::async_trait;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs;

pub struct RotateAudit;

/// A server that is told opens its files within milliseconds.
const REOPENED_WITHIN: Duration = Duration::from_secs(10);

/// One audit file under its new name.
struct Rotated {
    from: PathBuf,
    to: PathBuf,
    bytes: u64,
}

#[async_trait]
impl NodeFault for RotateAudit {
    fn needs(&self) -> &'static [Ability] {
        &[Ability::RotateAudit]
    }

    async fn inject(&self, context: &FaultContext, node: &NodeId) -> Result<Applied, FaultError> {
        let files = context.cluster.files(node).audit;
        if files.is_empty() {
            return Err(FaultError::NotApplicable(format!("{node} has no audit file that could be rotated")));
        }
        let mut rotated = Vec::new();
        for file in files {
            match rename(&file).await {
                Ok(done) => rotated.push(done),
                Err(error) => {
                    give_back(&rotated).await;
                    return Err(FaultError::NotApplicable(format!(
                        "cannot rename {}: {error}",
                        file.display()
                    )));
                }
            }
        }
        let told = match context.signal(node, Signal::Reopen).await {
            Ok(told) => told,
            Err(error) => {
                // It writes to the file that it holds open, whatever that is called.
                give_back(&rotated).await;
                return Err(error);
            }
        };
        let mut evidence = vec![format!("{node}: {}", told.evidence)];
        for file in &rotated {
            let grown = grows(context, node, &file.from).await?;
            let took_ms = context.journal.now_ms() - told.at_ms;
            evidence.push(format!(
                "{} became {} with {} bytes, and a new one has {grown} after {took_ms:.0} ms",
                name(&file.from),
                name(&file.to),
                file.bytes
            ));
        }
        Ok(Applied { at_ms: told.at_ms, evidence: evidence.join(", ") })
    }
}

/// Gives the file the first name that is free: `audit.log.1`, `audit.log.2` and so on.
async fn rename(file: &Path) -> io::Result<Rotated> {
    let mut number = 1;
    let to = loop {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{number}"));
        let to = PathBuf::from(name);
        if !fs::try_exists(&to).await? {
            break to;
        }
        number += 1;
    };
    fs::rename(file, &to).await?;
    let bytes = fs::metadata(&to).await?.len();
    Ok(Rotated { from: file.to_owned(), to, bytes })
}

/// Where no new file has taken the name.
async fn give_back(rotated: &[Rotated]) {
    for Rotated { from, to, .. } in rotated {
        if !fs::try_exists(from).await.unwrap_or(true) {
            let _ = fs::rename(to, from).await;
        }
    }
}

/// Asks for something that must be audited until it stands in the new file; returns how long that is.
async fn grows(context: &FaultContext, node: &NodeId, file: &Path) -> Result<String, FaultError> {
    let client = context.client(node)?.with_token(&context.access.root_token);
    let what = format!("{node} writes to a new {}", name(file));
    let grown = wait_until(&what, REOPENED_WITHIN, EVERY, || async {
        let asked = client.get("auth/token/lookup-self").await;
        match fs::metadata(file).await {
            Ok(about) if about.len() > 0 && asked.is_ok() => Ok(about.len()),
            Ok(about) => Err(format!("it has {} bytes", about.len())),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(format!("{} bytes", grown.await?))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::context;
    use crate::vault::testing::Scripted;

    #[tokio::test]
    async fn a_node_whose_audit_file_is_not_known_is_left_alone() {
        let server = Scripted::start(|_, _| None).await;
        let (context, _folder) = context(&[&server], None);
        match RotateAudit.inject(&context, &NodeId::new("n1")).await {
            Err(FaultError::NotApplicable(why)) => assert!(why.contains("n1 has no audit file"), "{why}"),
            other => panic!("{:?}", other.map(|applied| applied.evidence)),
        }
    }

    #[tokio::test]
    async fn a_file_gets_the_first_free_name_and_can_have_its_own_back() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("audit.log"), "entries").unwrap();
        std::fs::write(at("audit.log.1"), "older").unwrap();
        let rotated = rename(&at("audit.log")).await.unwrap();
        assert_eq!((rotated.bytes, &rotated.to), (7, &at("audit.log.2")));
        assert!(!at("audit.log").exists());
        let rotated = [rotated];
        give_back(&rotated).await;
        assert_eq!(std::fs::read_to_string(at("audit.log")).unwrap(), "entries");
        // A server that came back has opened a new one, which is not harmed.
        let again = [rename(&at("audit.log")).await.unwrap()];
        std::fs::write(at("audit.log"), "newer").unwrap();
        give_back(&again).await;
        assert_eq!(std::fs::read_to_string(at("audit.log")).unwrap(), "newer");
        assert!(rename(&at("no.log")).await.is_err());
    }
}
