//! What a container is given less of, seen from outside: that it takes hold, and that all of it is given back.

use super::ground::{block_on, client, image, of_run, owner};
use super::nodes::private;
use super::skips::Unmet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};
use vaultquake::cluster::docker::{DockerCluster, DockerOptions};
use vaultquake::cluster::{Cluster, ClusterError, Signal};
use vaultquake::model::{ByteCount, Disk, NodeId, Rate, ServerTuning, Strain};
use vaultquake::scenario::find_blueprint;
use vaultquake::server::ServerBinary;
use vaultquake::vault::Client;

/// For the disks; the rest is the engine's business.
pub fn root() -> Result<(), Unmet> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(Unmet::Missing("mounting a disk, and throttling one, need root".to_owned())),
    }
}

/// Its audit files on a disk of their own, its data on this machine's.
async fn one_node_of(binary: &ServerBinary, private: &Path) -> (DockerCluster, String) {
    let owner = owner(private.to_owned());
    let image = image(binary).await;
    let options = DockerOptions {
        owner: owner.clone(),
        image: &image.id,
        upgrade_to: None,
        program: binary.product.binary(),
        blueprint: &find_blueprint("alphapulse").unwrap(),
        tuning: &ServerTuning::default(),
        private,
        logs: &private.join("logs"),
        disks: &[Disk::Audit],
        seal: None,
    };
    let cluster = DockerCluster::prepare(options).await.unwrap();
    cluster.start(&n1()).await.unwrap();
    (cluster, owner.run_id)
}

fn n1() -> NodeId {
    NodeId::new("n1")
}

fn not_applicable<T: std::fmt::Debug>(result: Result<T, ClusterError>) {
    assert!(matches!(result, Err(ClusterError::NotApplicable(_))), "{result:?}");
}

pub fn is_taken_away_and_given_back(binary: &ServerBinary) {
    let private = private("strain");
    block_on(async {
        let (cluster, run_id) = one_node_of(binary, &private).await;
        let n1 = n1();
        processor(&cluster, &run_id).await;
        network(&cluster).await;
        slow_disk(&cluster).await;
        full_disk(&cluster, &private).await;
        memory(&cluster).await;
        not_applicable(cluster.strain(&n1, &Strain::Cpu { cores: 0.5 }).await);
        cluster.tear_down().await.unwrap();
        assert_eq!(of_run(&run_id).await, [""; 0]);
    });
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&*private.to_string_lossy()), "{mounts}");
    let kept = private.join("nodes/n1/audit/kept");
    assert_eq!(fs::read_to_string(kept).unwrap(), "kept", "what was on the disk stays in its folder");
}

async fn processor(cluster: &DockerCluster, run_id: &str) {
    let quota_us = || async {
        let seen = client().inspect_container(&format!("vq-{run_id}-n1"), None).await.unwrap();
        seen.host_config.unwrap().cpu_quota.unwrap()
    };
    let little = Strain::Cpu { cores: 0.05 };
    let took = cluster.strain(&n1(), &little).await.unwrap();
    assert!(took.evidence.contains("of a core and was held back in"), "{}", took.evidence);
    assert_eq!(quota_us().await, 5_000);
    cluster.relieve(&n1(), &little).await.unwrap();
    assert_eq!(quota_us().await, -1);
}

async fn network(cluster: &DockerCluster) {
    let client = Client::new(&cluster.nodes()[0].endpoint).unwrap();
    let answers = || async {
        let asked = client.get("sys/seal-status");
        tokio::time::timeout(Duration::from_millis(500), asked).await.is_ok_and(|answer| answer.is_ok())
    };
    assert!(answers().await);
    cluster.strain(&n1(), &Strain::NoNetwork).await.unwrap();
    assert!(!answers().await);
    let back = cluster.relieve(&n1(), &Strain::NoNetwork).await.unwrap();
    assert!(back.contains("accepts connections"), "{back}");
    assert!(answers().await, "it has its address again");
}

async fn slow_disk(cluster: &DockerCluster) {
    let slow = Strain::SlowDisk { writes: Rate(20.0) };
    let took = cluster.strain(&n1(), &slow).await.unwrap();
    let ms = |text: &str| -> f64 {
        let number = text.split("takes ").nth(1).and_then(|rest| rest.split(' ').next());
        number.unwrap().parse().unwrap()
    };
    assert!(ms(&took.evidence) >= 25.0, "{}", took.evidence);
    let back = cluster.relieve(&n1(), &slow).await.unwrap();
    assert!(ms(&back) < ms(&took.evidence) / 2.0, "{back}, and before {}", took.evidence);
}

async fn full_disk(cluster: &DockerCluster, private: &Path) {
    not_applicable(cluster.strain(&n1(), &Strain::FullDisk(Disk::Data)).await);
    let audit = private.join("nodes/n1/audit");
    fs::write(audit.join("kept"), "kept").unwrap();
    let full = Strain::FullDisk(Disk::Audit);
    cluster.strain(&n1(), &full).await.unwrap();
    let refused = fs::write(audit.join("more"), "more").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    assert!(fs::write(private.join("elsewhere"), "more").is_ok(), "nobody else is short of room");
    cluster.relieve(&n1(), &full).await.unwrap();
    fs::write(audit.join("more"), "more").unwrap();
}

async fn memory(cluster: &DockerCluster) {
    cluster.strain(&n1(), &Strain::Memory { limit: ByteCount(8 << 20) }).await.unwrap();
    let client = Client::new(&cluster.nodes()[0].endpoint).unwrap();
    let began = Instant::now();
    let ended = loop {
        // What is asked of it takes memory.
        let _ = tokio::time::timeout(Duration::from_millis(100), client.get("sys/health")).await;
        match cluster.ended(&n1()).await {
            Some(ended) => break ended,
            None => assert!(began.elapsed() < Duration::from_secs(30), "it lives on"),
        }
    };
    assert!(ended.contains("out of memory"), "{ended}");
    cluster.relieve(&n1(), &Strain::Memory { limit: ByteCount(8 << 20) }).await.unwrap();
    cluster.start(&n1()).await.unwrap();
    cluster.signal(&n1(), Signal::Kill).await.unwrap();
}
