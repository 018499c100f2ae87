//! What the servers do when their network is cut.

use super::ground::{Ground, multiplier, node};
use std::time::Duration;
use vaultquake::bootstrap::unseal;
use vaultquake::cluster::{Cluster, Signal};
use vaultquake::model::{Cut, Grudge, Impairment, LinkMap, NodeId, Party, Span};
use vaultquake::vault::wait_until;

/// Autopilot waits for ten seconds without contact.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(30);

/// Another leads within ten seconds at multiplier 1.
fn soon() -> Duration {
    Duration::from_secs(10) * u32::from(multiplier())
}

/// Who cannot hear whom, of pairs.
fn cut(deaf_and_silenced: &[(&NodeId, &NodeId)]) -> LinkMap {
    let mut grudge = Grudge::new();
    for (deaf, silenced) in deaf_and_silenced {
        grudge.entry((*deaf).clone()).or_default().insert((*silenced).clone());
    }
    LinkMap::of_grudge(&grudge, Cut::BlackHole)
}

/// Cuts the leader off in the way told, and sees another take over, and everybody come back.
fn replaced(ground: &Ground, what: &str, map: impl Fn(&NodeId, &[NodeId]) -> LinkMap) {
    ground.runtime.block_on(async {
        let old = ground.cluster.nodes()[0].id.clone();
        let others = ground.others(&old);
        assert_eq!(ground.leads(&old).await, Ok(true));
        let all = [std::slice::from_ref(&old), &others[..]].concat();
        for (from, to) in all.iter().flat_map(|from| all.iter().map(move |to| (from, to))) {
            if from != to {
                let sighting = ground.links().probe(from, to).await.unwrap();
                assert_eq!((sighting.arrived, sighting.sent), (20, 20), "{from} to {to}");
            }
        }
        let map = map(&old, &others);
        let took = ground.links().set(&map).await.unwrap();
        eprintln!("{what}: {}", took.evidence);
        let (stepped_down, (new, elected), written) = tokio::join!(
            ground.steps_down(&old, soon()),
            ground.leader_among(&others, soon()),
            ground.writable(&others, soon() * 2),
        );
        eprintln!(
            "{what}, multiplier {}: {old} stepped down after {:.2} s, {new} led after {:.2} s, writes after {:.2} s",
            multiplier(),
            stepped_down.as_secs_f64(),
            elected.as_secs_f64(),
            written.as_secs_f64()
        );
        for (from, to) in [(&old, &new), (&new, &old)] {
            let is_cut = !map.between(&node(from), &node(to)).is_none();
            let expected = if is_cut { 0 } else { 20 };
            assert_eq!(ground.arrived(from, to).await, (expected, 20), "{from} to {to}");
        }
        assert_eq!(ground.leads(&old).await, Ok(false));
        ground.heal().await;
        assert_eq!(ground.arrived(&old, &new).await, (20, 20));
    });
}

pub fn isolated_leader(ground: &Ground) {
    replaced(ground, "isolated", |old, others| {
        cut(&others.iter().flat_map(|other| [(old, other), (other, old)]).collect::<Vec<_>>())
    });
}

pub fn deaf_leader(ground: &Ground) {
    replaced(ground, "cannot hear", |old, others| {
        cut(&others.iter().map(|other| (old, other)).collect::<Vec<_>>())
    });
}

pub fn mute_leader(ground: &Ground) {
    replaced(ground, "cannot speak", |old, others| {
        cut(&others.iter().map(|other| (other, old)).collect::<Vec<_>>())
    });
}

/// Its new process is another one to the kernel and the same node to the links.
pub fn restarted_while_cut(ground: &Ground) {
    ground.runtime.block_on(async {
        let follower = ground.cluster.nodes()[2].id.clone();
        let others = ground.others(&follower);
        let pairs: Vec<_> =
            others.iter().flat_map(|other| [(&follower, other), (other, &follower)]).collect();
        ground.links().set(&cut(&pairs)).await.unwrap();
        ground.cluster.signal(&follower, Signal::Kill).await.unwrap();
        ground.cluster.start(&follower).await.unwrap();
        unseal(&ground.client(&follower), &ground.access, soon()).await.unwrap();
        let written = ground.writable(&others, soon()).await;
        assert!(written < Duration::from_secs(1), "a follower away is no outage: {written:?}");
        // It dials the others from a process that the cut has never seen.
        assert_eq!(ground.arrived(&follower, &others[0]).await, (0, 20));
        // A node that nobody has heard of is given up after a while. One that only started anew is not.
        let operator = ground.client(&others[0]);
        wait_until("it is given up", GIVEN_UP_WITHIN, Duration::from_millis(100), || async {
            let state =
                operator.get("sys/storage/raft/autopilot/state").await.map_err(|error| error.to_string())?;
            match &state.body["data"]["servers"][follower.as_str()]["healthy"] {
                healthy if *healthy == false => Ok(()),
                healthy => Err(format!("healthy: {healthy}")),
            }
        })
        .await
        .unwrap();
        ground.heal().await;
    });
}

/// A cut of the clients leaves the cluster to itself.
pub fn clients(ground: &Ground) {
    ground.runtime.block_on(async {
        let leader = ground.cluster.nodes()[0].id.clone();
        let others = ground.others(&leader);
        let cut = Impairment { cut: Some(Cut::Reject), ..Impairment::default() };
        let map = LinkMap([((Party::Clients, node(&leader)), cut)].into());
        ground.links().set(&map).await.unwrap();
        assert!(ground.client(&leader).get("sys/leader").await.is_err());
        let answer = ground.client(&others[0]).get("sys/leader").await.unwrap();
        let api = &ground.cluster.nodes()[0].endpoint.url;
        assert_eq!(answer.body["leader_address"].as_str(), Some(api.as_str()));
        assert!(ground.writable(&others, soon()).await < Duration::from_secs(1), "followers forward it");
        ground.heal().await;
        let lossy = Impairment { loss: 0.1, delay: Span::from_ms(1), ..Impairment::default() };
        let map = LinkMap([((node(&leader), node(&others[0])), lossy)].into());
        let refused = ground.links().set(&map).await.unwrap_err().to_string();
        assert!(refused.contains("cannot lose packets"), "{refused}");
    });
}
