//! The network between containers of a real cluster, disturbed by packet: effect, evidence, heal.

use super::ground::{block_on, image, of_run, owner};
use super::nodes::private;
use std::time::{Duration, Instant};
use vaultquake::bootstrap::{self, Progress};
use vaultquake::cluster::docker::{DockerCluster, DockerOptions, LinkOptions};
use vaultquake::cluster::{Cluster, LinkNeeds, Signal};
use vaultquake::model::{Cut, Grudge, LinkMap, NodeId, ServerTuning};
use vaultquake::scenario::find_blueprint;
use vaultquake::server::ServerBinary;
use vaultquake::vault::{Client, wait_until};

const EVERY: Duration = Duration::from_millis(50);
const WITHIN: Duration = Duration::from_secs(60);

struct Quiet;

impl Progress for Quiet {
    fn step(&self, _: &str, _: Duration) {}
}

/// Calls itself active, of those asked.
async fn active(cluster: &DockerCluster, asked: &[NodeId]) -> Option<NodeId> {
    for id in asked {
        let client = Client::new(&cluster.node(id)?.endpoint).ok()?;
        let answer = tokio::time::timeout(Duration::from_secs(1), client.get("sys/leader")).await;
        if let Ok(Ok(answer)) = answer
            && answer.body["is_self"] == true
        {
            return Some(id.clone());
        }
    }
    None
}

async fn wait_active(cluster: &DockerCluster, asked: &[NodeId]) -> NodeId {
    let look = || async { active(cluster, asked).await.ok_or_else(|| "nobody leads".to_owned()) };
    wait_until("a leader", WITHIN, EVERY, look).await.unwrap()
}

pub fn leader_is_cut_off(binary: &ServerBinary) {
    cut_off(binary, false, Duration::from_millis(100));
}

pub fn leader_is_cut_off_from_beside(binary: &ServerBinary) {
    cut_off(binary, true, Duration::from_millis(500));
}

fn cut_off(binary: &ServerBinary, beside: bool, within: Duration) {
    let private = private(if beside { "links-beside" } else { "links" });
    let owner = owner(private.clone());
    block_on(async {
        let image = image(binary).await;
        let blueprint = find_blueprint("alphapulse").unwrap();
        let options = DockerOptions {
            owner: owner.clone(),
            image: &image.id,
            upgrade_to: None,
            program: binary.product.binary(),
            blueprint: &blueprint,
            tuning: &ServerTuning { performance_multiplier: Some(1), ..ServerTuning::default() },
            private: &private,
            logs: &private.join("logs"),
            disks: &[],
            seal: None,
        };
        let needs = LinkNeeds { peers: true, clients: false };
        let exe = env!("CARGO_BIN_EXE_vaultquake").into();
        let links = LinkOptions { needs, exe, always_beside: beside };
        let cluster = DockerCluster::prepare(options).await.unwrap().with_links(links);
        bootstrap::form(&cluster, &blueprint.seal, cluster.ca_file(), None, &Quiet).await.unwrap();
        let links = cluster.links().expect("asked for");
        let all: Vec<NodeId> = cluster.nodes().iter().map(|node| node.id.clone()).collect();
        for (what, hears, speaks) in
            [("isolated", false, false), ("cannot hear", false, true), ("cannot speak", true, false)]
        {
            let leader = wait_active(&cluster, &all).await;
            let others: Vec<NodeId> = all.iter().filter(|id| **id != leader).cloned().collect();
            let mut grudge = Grudge::new();
            for other in &others {
                if !hears {
                    grudge.entry(leader.clone()).or_default().insert(other.clone());
                }
                if !speaks {
                    grudge.entry(other.clone()).or_default().insert(leader.clone());
                }
            }
            let asked = Instant::now();
            let took = links.set(&LinkMap::of_grudge(&grudge, Cut::BlackHole)).await.unwrap();
            eprintln!("leader {leader} {what}: {}", took.evidence);
            assert!(took.at - asked < within, "{:?}", took.at - asked);
            for other in &others {
                let [to, from] = [links.probe(&leader, other).await, links.probe(other, &leader).await];
                assert_eq!(to.unwrap().arrived > 0, speaks, "{leader} to {other}");
                assert_eq!(from.unwrap().arrived > 0, hears, "{other} to {leader}");
            }
            // Who only cannot hear goes on sending heartbeats, and who leads then depends on the server.
            if !speaks {
                let next = wait_active(&cluster, &others).await;
                eprintln!("{next} leads {:.1} s later", took.at.elapsed().as_secs_f64());
            }
            let healed = links.set(&LinkMap::default()).await.unwrap();
            eprintln!("healed: {}", healed.evidence);
            let heard = links.probe(&others[0], &leader).await.unwrap();
            assert_eq!(heard.arrived, heard.sent);
        }

        // A node that comes back has a new namespace and is cut off again.
        let leader = wait_active(&cluster, &all).await;
        let follower = all.iter().find(|id| **id != leader).unwrap().clone();
        let deaf = Grudge::from([(follower.clone(), [leader.clone()].into())]);
        cluster.signal(&follower, Signal::Kill).await.unwrap();
        links.set(&LinkMap::of_grudge(&deaf, Cut::BlackHole)).await.unwrap();
        eprintln!("{}", cluster.start(&follower).await.unwrap());
        assert_eq!(links.probe(&leader, &follower).await.unwrap().arrived, 0);
        links.set(&LinkMap::default()).await.unwrap();
        assert!(links.probe(&leader, &follower).await.unwrap().arrived > 0);
        cluster.tear_down().await.unwrap();
        assert_eq!(of_run(&owner.run_id).await, [""; 0]);
    });
}
