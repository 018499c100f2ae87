//! The disk of the run folder fills up while the run goes on.

use super::harness::{Running, events, no_server_within, place, recheck, signal, vaultquake, wait_for};
use super::runs;
use super::skips::Unmet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use vaultquake::model::{Event, Phase, Verdict};
use vaultquake::record::{RunFolder, find_run_folders, read_run};

const DISK_MIB: u32 = 32;

/// Mounts in a namespace of their own, which end with the last process in it and are seen by nobody else.
pub fn private_mounts() -> Result<(), Unmet> {
    let tried = Command::new("unshare")
        .args(["-m", "sh", "-c", "mount -t tmpfs none /mnt"])
        .stderr(Stdio::null())
        .status();
    match tried {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Unmet::Missing("a small disk needs root, and unshare and mount of util-linux".into())),
    }
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    // In small pieces at the end, so that not one byte is left.
    for size in [1 << 20, 4096, 1] {
        let block = vec![b'x'; size];
        loop {
            match file.write(&block) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A node's own disk is a mount of the whole machine, which no end of ours takes with it.
pub fn killed_while_a_node_has_no_room() {
    let timeline = "{ at: 0s, fill-audit: leader, heal_after: 60s }";
    let mut run = Running::scenario(&place("killed-full"), &runs::fast(timeline));
    let folder = run.folder();
    run.wait_for_fault(&folder);
    let private = folder.private();
    assert_eq!(mounts_below(&private), 3, "an audit disk a node");
    signal(run.pid(), "KILL");
    assert_eq!(run.end(Duration::from_secs(5)).signal, Some(9));
    no_server_within(&folder, Duration::from_secs(5));
    let clean = Running::start(&place("clean-full"), vaultquake().arg("clean").arg(folder.root()));
    let cleaned = clean.end(Duration::from_secs(60));
    cleaned.expect_code(0);
    assert_eq!(cleaned.stdout.matches("unmounted ").count(), 3, "{}", cleaned.stdout);
    assert_eq!(mounts_below(&private), 0);
    assert!(!private.join("nodes").exists());
}

fn mounts_below(folder: &Path) -> usize {
    let folder = fs::canonicalize(folder).unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().filter(|line| line.contains(&format!(" {}/", folder.display()))).count()
}

pub fn full_in_the_steady_phase() {
    let place = place("disk");
    let (out, kept) = (place.join("out"), place.join("kept"));
    fs::create_dir(&out).unwrap();
    let scenario = place.join("scenario.yaml");
    fs::write(&scenario, runs::FAST_STEADY.replace("steady: 3s", "steady: 60s")).unwrap();
    // The disk is gone with the shell, so it saves what is on it.
    let script = "mount -t tmpfs -o size=$1m none \"$2\" && shift && out=$1 kept=$2 && shift 2 && \"$@\"
        code=$?; cp -r \"$out\" \"$kept\" && exit $code";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh", &DISK_MIB.to_string()]);
    command
        .arg(&out)
        .arg(&kept)
        .arg(vaultquake().get_program())
        .arg("run")
        .arg(&scenario)
        .arg("--out")
        .arg(&out);
    let run = Running::start(&place, command.stdin(Stdio::null()));

    let inside = Path::new("/proc").join(run.pid().to_string()).join("root");
    let seen_from_here = inside.join(out.strip_prefix("/").unwrap());
    let is_steady = |event: &Event| matches!(event, Event::Phase { phase: Phase::Steady });
    wait_for("the steady phase", Duration::from_secs(30 * 60), || {
        let folder = find_run_folders(&seen_from_here).into_iter().next();
        folder.filter(|folder| events(folder).iter().any(is_steady))
    });
    fill(&seen_from_here.join("fill"));
    let ended = run.end(Duration::from_secs(90));
    assert!(matches!(ended.code, Some(2 | 3)), "{}", ended.all());
    ended.expect_stderr(&[
        "cannot write",
        "journal.jsonl",
        "No space left on device",
        "what there is of the run",
    ]);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);

    let saved = find_run_folders(&kept).into_iter().next().expect("the saved run folder");
    let name = saved.root().file_name().unwrap();
    no_server_within(&RunFolder::at(out.join(name)), Duration::from_secs(5));
    let readable = read_run(&saved).unwrap();
    assert!(!readable.history.is_empty());
    assert!(readable.journal.iter().any(|entry| is_steady(&entry.event)));
    let (rechecked, judged) = recheck(&saved);
    // 3 where the last words of the run still found a place: they say that the harness failed.
    assert!(matches!(rechecked.code, Some(2 | 3)), "{}", rechecked.all());
    assert_eq!(judged.verdict, Verdict::Inconclusive);
}
