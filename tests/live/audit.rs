//! Real servers whose audit trails are not as they should be: what is judged of them can fail.

use super::default_server::default_server;
use super::harness::{FAST_STEADY, Finished, Running, finish, place, result, vaultquake};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use vaultquake::model::{Event, InvariantRow, Phase, Verdict};
use vaultquake::record::RunFolder;

fn scenario() -> String {
    FAST_STEADY.replace("expect: [no-lost-writes]", "expect: [audit-complete, no-plaintext]")
}

fn row(folder: &RunFolder, id: &str) -> InvariantRow {
    let rows = result(folder).invariants;
    rows.into_iter().find(|row| row.id == id).unwrap_or_else(|| panic!("there is no row {id}"))
}

/// The server's own option for it is set behind the harness's back.
pub fn values_written_down_as_they_are() {
    let place = place("audit-raw");
    let Ok(server) = default_server() else { panic!("it was there before") };
    let wrapper = place.join("bao");
    let script = format!(
        "#!/bin/sh\n\
         for word in \"$@\"; do case \"$word\" in -config=*)\n\
         sed -i 's/^  options {{/&\\n    log_raw = \"true\"/' \"${{word#-config=}}\";;\n\
         esac; done\n\
         exec '{}' \"$@\"\n",
        server.path.display()
    );
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let file = place.join("scenario.yaml");
    fs::write(&file, scenario()).unwrap();
    let mut command = vaultquake();
    command.arg("run").arg(file).arg("--out").arg(place.join("out"));
    command.arg("--server").arg(format!("openbao={}", wrapper.display()));
    let Finished { folder, ended } = finish(Running::start(&place, &mut command));
    ended.expect_code(1);
    let row = row(&folder, "no-plaintext");
    assert_eq!(row.verdict, Verdict::Fail);
    let says = |words: &str| row.violations.iter().any(|violation| violation.summary.contains(words));
    assert!(says("the canary stands ") && says("in the audit files of n1 (raw, in audit.log)"), "{row:#?}");
}

/// Somebody empties the leader's audit file under load.
pub fn entries_that_were_taken_away() {
    let mut run = Running::scenario(&place("audit-emptied"), &scenario());
    let folder = run.folder();
    run.wait_for_event(&folder, "the recovery phase", |event| {
        matches!(event, Event::Phase { phase: Phase::Recovery })
    });
    let file = folder.private().join("nodes/n1/audit/audit.log");
    OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
    let Finished { folder, ended } = finish(run);
    ended.expect_code(1);
    let row = row(&folder, "audit-complete");
    assert_eq!(row.verdict, Verdict::Fail);
    let summary = &row.violations[0].summary;
    assert!(summary.ends_with("stands in no audit file"), "{summary}");
}
