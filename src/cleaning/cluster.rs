//! Everything with a name of ours on an attached cluster, of whichever run: for when the run folders are
//! lost.

use super::{CleanError, Cleaned};
use crate::bootstrap::{Made, find_ours, remove};
use crate::cluster::Cluster;
use crate::cluster::attach::{AttachCluster, Standing};
use crate::model::AttachFile;
use crate::vault::Client;
use crate::watchdog::active_node;
use std::time::Duration;

const LEADER_WITHIN: Duration = Duration::from_secs(10);

/// Removes mounts, auth mounts and policies named `vq-<six hexadecimal digits>-…`. A run that is alive on
/// that cluster loses what it made: nobody can see from here whether there is one, so the attach file must
/// name the cluster as disposable.
pub async fn clean_cluster(file: &AttachFile) -> Result<Cleaned, CleanError> {
    let failed = |error: &dyn std::fmt::Display| CleanError::Failed(error.to_string());
    let scratch = tempfile::tempdir().map_err(|error| failed(&error))?;
    // No hook is run here.
    let cluster = AttachCluster::attach(file, scratch.path(), scratch.path(), None)
        .await
        .map_err(|error| failed(&error))?;
    match cluster.standing() {
        Standing::Disposable => {}
        Standing::NotDisposable(why) | Standing::Mismatch(why) => {
            return Err(CleanError::Refused(why.clone()));
        }
        Standing::Silent => {
            return Err(CleanError::Failed("no node of the attach file answers".to_owned()));
        }
    }
    let access = cluster.access().map_err(|error| failed(&error))?;
    let leader = active_node(cluster.nodes(), LEADER_WITHIN).await.map_err(|error| failed(&error))?;
    let operator =
        Client::new(&leader.endpoint).map_err(|error| failed(&error))?.with_token(&access.root_token);
    let found = find_ours(&operator).await.map_err(|error| failed(&error))?;
    let (removed, trouble) = remove(&operator, &found).await;
    let did = removed.iter().map(|made: &Made| format!("removed {}", made.name())).collect();
    Ok(Cleaned { did, trouble, ..Cleaned::default() })
}
