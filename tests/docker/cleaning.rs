//! What a run leaves on the engine, however it ends: nothing, or what `clean` removes and nothing else.

use super::ground::{block_on, everything, image, of_run};
use super::harness::{Running, long_kill, place, signal, vaultquake};
use std::fs;
use std::path::Path;
use std::time::Duration;
use testcontainers::core::WaitFor;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use vaultquake::docker::{MadeList, made_file};
use vaultquake::record::RunFolder;
use vaultquake::server::ServerBinary;

const HEALED_WITHIN: Duration = Duration::from_secs(90);

/// A run whose leader has just been killed, and its id.
fn in_the_fault_phase(place: &Path) -> (Running, RunFolder, String) {
    let file = place.join("scenario.yaml");
    fs::write(&file, long_kill()).unwrap();
    let mut command = vaultquake();
    command.arg("run").arg(file).args(["--backend", "docker", "--out"]).arg(place.join("out"));
    let mut run = Running::start(place, &mut command);
    let folder = run.folder();
    run.wait_for_fault(&folder);
    let made = MadeList::read(&made_file(&folder.private())).unwrap();
    let run_id = made[0].run_id.clone();
    (run, folder, run_id)
}

fn clean(place: &Path, what: &Path) -> String {
    let ended = Running::start(place, vaultquake().arg("clean").arg(what)).end(Duration::from_secs(60));
    ended.expect_code(0);
    ended.stdout
}

/// Of somebody else, of the same image, with a name that looks like one of ours.
async fn somebody_elses(binary: &ServerBinary) -> ContainerAsync<GenericImage> {
    let made = image(binary).await;
    let (name, tag) = made.name.rsplit_once(':').unwrap();
    let started = GenericImage::new(name, tag)
        .with_wait_for(WaitFor::message_on_stdout("server started!"))
        .with_env_var("HOME", "/tmp")
        .with_container_name(format!("vq-{:06x}-n1", rand::random_range(0..1u32 << 24)))
        .with_cmd(["server", "-dev", "-dev-no-store-token"])
        .start();
    started.await.unwrap()
}

pub fn sigint_leaves_nothing(_: &ServerBinary) {
    let (run, folder, run_id) = in_the_fault_phase(&place("sigint"));
    signal(run.pid(), "INT");
    run.end(HEALED_WITHIN).expect_code(130);
    assert_eq!(block_on(of_run(&run_id)), [""; 0]);
    let log = fs::read_to_string(folder.logs().join("n1.log")).unwrap();
    assert!(log.contains("server configuration:"), "{log}");
}

pub fn sigkill_leaves_what_clean_removes(binary: &ServerBinary) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let theirs = runtime.block_on(somebody_elses(binary));
    let before = runtime.block_on(everything(""));
    let place = place("sigkill");
    let (run, folder, run_id) = in_the_fault_phase(&place);
    let of_run = || runtime.block_on(of_run(&run_id));
    assert_eq!(of_run().len(), 4, "a network and three containers");
    assert!(clean(&super::harness::place("clean-alive"), &place.join("out")).contains("alive, untouched"));
    assert_eq!(of_run().len(), 4, "a living run keeps what it has");

    signal(run.pid(), "KILL");
    assert_eq!(run.end(Duration::from_secs(5)).signal, Some(9));
    assert_eq!(of_run().len(), 4, "containers do not end with the harness");
    let said = clean(&super::harness::place("clean-dead"), folder.root());
    assert!(said.contains(&format!("container vq-{run_id}-n1")), "{said}");
    assert_eq!(of_run(), [""; 0]);
    assert!(!folder.private().join("nodes").exists());
    assert_eq!(runtime.block_on(everything("")), before);
    assert!(runtime.block_on(theirs.is_running()).unwrap());
    let again = clean(&super::harness::place("clean-again"), folder.root());
    assert!(again.contains("nothing was left to clean"), "{again}");
    runtime.block_on(theirs.rm()).unwrap();
}
