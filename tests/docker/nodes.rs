//! One cluster of containers, and what is done to its nodes.

use super::ground::{block_on, image, of_run, owner};
use super::harness::place;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vaultquake::cluster::docker::{DockerCluster, DockerClusterError, DockerOptions};
use vaultquake::cluster::{Cluster, ClusterError, Signal};
use vaultquake::docker::Owner;
use vaultquake::model::{NodeId, ServerTuning};
use vaultquake::scenario::find_blueprint;
use vaultquake::server::ServerBinary;
use vaultquake::vault::{Client, wait_until};

/// A folder as a run has it.
pub fn private(name: &str) -> PathBuf {
    let private = place(name).join("private");
    fs::create_dir_all(&private).unwrap();
    fs::create_dir_all(private.join("logs")).unwrap();
    private
}

pub async fn prepare(
    binary: &ServerBinary,
    owner: &Owner,
    private: &Path,
) -> Result<DockerCluster, DockerClusterError> {
    let image = image(binary).await;
    let blueprint = find_blueprint("alphapulse").unwrap();
    DockerCluster::prepare(DockerOptions {
        owner: owner.clone(),
        image: &image.id,
        upgrade_to: None,
        program: binary.product.binary(),
        blueprint: &blueprint,
        tuning: &ServerTuning::default(),
        private,
        logs: &private.join("logs"),
        disks: &[],
        seal: None,
    })
    .await
}

pub fn are_killed_paused_stopped_and_started(binary: &ServerBinary) {
    let private = private("nodes");
    let owner = owner(private.clone());
    block_on(async {
        let cluster = prepare(binary, &owner, &private).await.unwrap();
        assert_eq!(of_run(&owner.run_id).await.len(), 4, "a network and three containers");
        let n1 = NodeId::new("n1");
        let client = Client::new(&cluster.nodes()[0].endpoint).unwrap();
        let answers = || async {
            let asked = client.get("sys/seal-status");
            tokio::time::timeout(Duration::from_millis(500), asked).await.is_ok_and(|answer| answer.is_ok())
        };
        let not_applicable = |result: Result<_, ClusterError>| {
            assert!(matches!(result, Err(ClusterError::NotApplicable(_))), "{result:?}");
        };

        not_applicable(cluster.signal(&n1, Signal::Kill).await.map(drop));
        cluster.start(&n1).await.unwrap();
        not_applicable(cluster.start(&n1).await.map(drop));
        let at = cluster.container(&n1).await.unwrap();
        assert_eq!(at.container_id.len(), 64);
        assert_eq!(at.address, cluster.nodes()[0].endpoint.address.ip());
        assert_eq!(cluster.pids(), Vec::from_iter(at.pid));
        let name = fs::read_to_string(format!("/proc/{}/comm", at.pid.expect("the engine is here"))).unwrap();
        assert_eq!(name.trim(), binary.product.binary());

        let paused = cluster.signal(&n1, Signal::Pause).await.unwrap();
        assert!(paused.evidence.contains("is frozen (cgroup freezer)"), "{}", paused.evidence);
        assert!(!answers().await);
        not_applicable(cluster.signal(&n1, Signal::Pause).await.map(drop));
        let resumed = cluster.signal(&n1, Signal::Resume).await.unwrap();
        assert!(resumed.evidence.contains("is running again (thawed)"), "{}", resumed.evidence);
        assert!(answers().await);
        not_applicable(cluster.signal(&n1, Signal::Resume).await.map(drop));

        let killed = cluster.signal(&n1, Signal::Kill).await.unwrap();
        assert!(killed.evidence.contains("exit code 137"), "{}", killed.evidence);
        assert!(!killed.evidence.contains("accepts"), "{}", killed.evidence);
        assert!(cluster.pids().is_empty());
        not_applicable(cluster.signal(&n1, Signal::Kill).await.map(drop));

        cluster.start(&n1).await.unwrap();
        assert_eq!(cluster.container(&n1).await.unwrap().address, at.address, "it has its address again");
        let stopped = cluster.signal(&n1, Signal::Stop).await.unwrap();
        assert!(stopped.evidence.contains("exit code 0"), "{}", stopped.evidence);

        // A frozen node must not survive the end either.
        cluster.start(&n1).await.unwrap();
        cluster.signal(&n1, Signal::Pause).await.unwrap();
        let log = private.join("logs/n1.log");
        wait_until("three starts in the log", Duration::from_secs(5), Duration::from_millis(50), || async {
            let text = fs::read_to_string(&log).map_err(|error| error.to_string())?;
            match text.matches("server configuration:").count() {
                3 => Ok(()),
                count => Err(format!("{count}: {text}")),
            }
        })
        .await
        .unwrap();
        cluster.tear_down().await.unwrap();
        assert_eq!(of_run(&owner.run_id).await, [""; 0]);
        let list = |name: &str| private.join(name).exists();
        assert!(list("docker.removed.jsonl") && !list("docker.jsonl"));
    });
}
