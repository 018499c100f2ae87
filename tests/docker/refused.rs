//! What cannot be: exit code 3 or its error, the way out, and nothing of ours left.

use super::ground::{block_on, client, everything, image, of_run, owner};
use super::harness::{RUN_WITHIN, Running, place, vaultquake};
use super::nodes::{prepare, private};
use bollard::models::{ContainerCreateBody, Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions};
use vaultquake::cluster::docker::DockerClusterError;
use vaultquake::docker::{DockerError, Engine, candidates};
use vaultquake::server::ServerBinary;

const SCENARIO: &str = "scenarios/failover/leader-kill-fast.yaml";

pub fn a_network_of_that_name(binary: &ServerBinary) {
    let private = private("network-taken");
    let owner = owner(private.clone());
    let name = owner.name("net");
    block_on(async {
        let theirs = NetworkCreateRequest { name: name.clone(), ..NetworkCreateRequest::default() };
        client().create_network(theirs).await.unwrap();
        let before = everything(&owner.run_id).await;
        let refused = prepare(binary, &owner, &private).await.err();
        let after = everything(&owner.run_id).await;
        client().remove_network(&name).await.unwrap();
        let Some(DockerClusterError::Engine(error @ DockerError::NameTaken { kind: "network", .. })) =
            refused
        else {
            panic!("{refused:?}")
        };
        assert!(error.to_string().contains(&format!("docker network rm {name}")), "{error}");
        assert_eq!(before, after, "theirs stays, and nothing of ours");
    });
}

pub fn a_container_of_that_name(binary: &ServerBinary) {
    let private = private("container-taken");
    let owner = owner(private.clone());
    let name = owner.name("n2");
    block_on(async {
        let image = Some(image(binary).await.id);
        let options =
            CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
        let theirs = ContainerCreateBody { image, ..ContainerCreateBody::default() };
        client().create_container(Some(options), theirs).await.unwrap();
        let before = everything(&owner.run_id).await;
        let refused = prepare(binary, &owner, &private).await.err();
        let after = everything(&owner.run_id).await;
        client().remove_container(&name, None::<RemoveContainerOptions>).await.unwrap();
        assert!(
            matches!(
                refused,
                Some(DockerClusterError::Engine(DockerError::NameTaken { kind: "container", .. }))
            ),
            "{refused:?}"
        );
        assert_eq!(before, after, "theirs stays, and nothing of ours");
    });
}

pub fn no_free_subnet(_: &ServerBinary) {
    let place = place("no-subnet");
    let (theirs, ours) = (owner(place.clone()), owner(place));
    block_on(async {
        let engine = Engine::connect().await.unwrap();
        // Taken by a network of somebody else, the way anybody would make it.
        let [first, second] = [candidates(201)[0], candidates(201)[1]];
        let subnet = format!("{}/24", first.node(0).to_string().trim_end_matches("11").to_owned() + "0");
        let range = IpamConfig { subnet: Some(subnet), ..IpamConfig::default() };
        let request = NetworkCreateRequest {
            name: theirs.name("taken"),
            ipam: Some(Ipam { config: Some(vec![range]), ..Ipam::default() }),
            ..NetworkCreateRequest::default()
        };
        client().create_network(request).await.unwrap();
        let refused = engine.create_network(&ours, &ours.name("net"), &[first]).await;
        let made = engine.create_network(&ours, &ours.name("net"), &[first, second]).await;
        client().remove_network(&theirs.name("taken")).await.unwrap();
        let (removed, trouble) = engine.remove_run(&ours.run_id).await;
        assert!(matches!(refused, Err(DockerError::NoSubnet { tried: 1 })), "{refused:?}");
        assert_eq!(made.unwrap(), second);
        assert_eq!((removed.len(), trouble.len()), (1, 0), "{trouble:?}");
        assert_eq!(of_run(&ours.run_id).await, [""; 0]);
    });
}

/// From a registry that nobody could reach.
pub fn an_image_that_cannot_be_had(_: &ServerBinary) {
    let place = place("no-image");
    let mut command = vaultquake();
    command.args(["run", SCENARIO, "--backend", "docker", "--server", "image:127.0.0.1:9/none:1"]);
    command.arg("--out").arg(place.join("out")).current_dir(env!("CARGO_MANIFEST_DIR"));
    let ended = Running::start(&place, &mut command).end(RUN_WITHIN);
    ended.expect_code(3);
    ended.expect_stderr(&["no image `127.0.0.1:9/none:1`", "cannot be pulled", "vaultquake server image"]);
    assert!(!place.join("out").exists(), "there was nothing to run");
}

pub fn an_engine_that_does_not_answer(_: &ServerBinary) {
    let place = place("no-engine");
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"] {
        let mut command = vaultquake();
        command.args(["run", SCENARIO, "--backend", "docker"]).env("DOCKER_HOST", host);
        command.arg("--out").arg(place.join("out")).current_dir(env!("CARGO_MANIFEST_DIR"));
        let ended = Running::start(&place, &mut command).end(RUN_WITHIN);
        ended.expect_code(3);
        ended.expect_stderr(&["no container engine answers", "systemctl start docker", "--backend process"]);
        assert!(!place.join("out").exists(), "there was nothing to run");
    }
}
