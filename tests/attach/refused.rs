//! What the guard keeps from being done.

use crate::ground::{Ground, check, events, run, runtime, scenario};
use libtest_mimic::Failed;
use vaultquake::cleaning::{CleanError, clean_cluster};
use vaultquake::cluster::attach::AttachCluster;
use vaultquake::cluster::{Ability, Cluster, Signal};
use vaultquake::model::{AttachFile, FaultKind};
use vaultquake::runner::RunError;

const ABILITIES: [Ability; 6] =
    [Ability::Kill, Ability::Stop, Ability::Pause, Ability::Start, Ability::Unseal, Ability::Operate];

/// No ability is granted, no hook is run even when asked for directly, and nothing is changed.
fn nothing_destructive(ground: &Ground, file: &AttachFile, word: &str) -> Result<(), Failed> {
    let folder = ground.run_folder();
    let node = file.nodes[0].id.clone();
    runtime().block_on(async {
        let cluster = AttachCluster::attach(file, &folder.private(), folder.root(), None).await?;
        for ability in ABILITIES {
            let why = cluster.lacks(ability).ok_or(format!("{ability:?} is granted"))?;
            check(why.contains(word), || format!("{ability:?}: {why}"))?;
        }
        for signal in [Signal::Kill, Signal::Stop, Signal::Pause] {
            let error = cluster.signal(&node, signal).await.expect_err("refused").to_string();
            check(error.contains(word), || format!("{signal:?}: {error}"))?;
        }
        let sealed = cluster.before_seal(&node).await.is_ok();
        check(!sealed, || "a seal was allowed".into())
    })?;
    check(!folder.private().join("hooks").exists(), || "a hook was run".into())?;
    match runtime().block_on(clean_cluster(file)) {
        Err(CleanError::Refused(why)) => check(why.contains(word), || why.clone()),
        other => Err(format!("the cluster was cleaned: {other:?}").into()),
    }
}

pub fn without_disposable(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    let file = AttachFile { disposable: None, ..ground.file.clone() };
    let id = ground.file.disposable.clone().unwrap();
    nothing_destructive(ground, &file, &format!("write `disposable: {id}`"))?;
    let folder = ground.run_folder();
    match run(&file, scenario(FaultKind::Kill, 1), folder.clone()) {
        Err(RunError::Unsupported { backend: "attach", .. }) => {}
        other => return Err(format!("the run was not refused: {:?}", other.err()).into()),
    }
    check(before == ground.snapshot()?, || "a refused run changed the cluster".into())?;
    // Load without a fault is allowed, and leaves nothing.
    let mut harmless = scenario(FaultKind::Kill, 1);
    harmless.timeline.clear();
    let folder = ground.run_folder();
    run(&file, harmless, folder.clone()).map_err(|error| error.to_string())?;
    check(events(&folder).len() > 10, || "the run without a fault did nothing".into())?;
    let after = ground.snapshot()?;
    check(before == after, || format!("left: {:?}", after.symmetric_difference(&before)))
}

pub fn with_another_id(ground: &Ground) -> Result<(), Failed> {
    let before = ground.snapshot()?;
    let right = ground.file.disposable.clone().unwrap();
    // One letter of case is enough.
    for wrong in ["00000000-0000-0000-0000-000000000000".to_owned(), right.to_uppercase()] {
        let file = AttachFile { disposable: Some(wrong.clone()), ..ground.file.clone() };
        nothing_destructive(ground, &file, &format!("write `disposable: {right}`"))?;
        let mut harmless = scenario(FaultKind::Kill, 1);
        harmless.timeline.clear();
        match run(&file, harmless, ground.run_folder()) {
            Err(RunError::SetUp(why)) if why.contains(&wrong) && why.contains(&right) => {}
            other => return Err(format!("not refused as it should be: {:?}", other.err()).into()),
        }
    }
    let after = ground.snapshot()?;
    check(before == after, || format!("left: {:?}", after.symmetric_difference(&before)))
}
