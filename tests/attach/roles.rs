//! What this program does when it is started again by the code under test: watchdog, owner, harness.

use crate::ground::{Quiet, check, run, runtime, scenario, up_request};
use libtest_mimic::Failed;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use vaultquake::model::{AttachFile, FaultKind, Target};
use vaultquake::record::RunFolder;
use vaultquake::runner::Stop;
use vaultquake::up::{Down, UpFolder, detach, down, own, state_root};
use vaultquake::vault::{Client, Endpoint, TlsMaterial};
use vaultquake::watchdog;

/// `None` when it was started as the tests.
pub fn play(words: &[String]) -> Option<ExitCode> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["watchdog", folder] => return Some(watchdog::main(Path::new(folder))),
        ["up", "--owner", name] => {
            let folder = UpFolder::at(&state_root(), name).unwrap();
            runtime().block_on(own(&folder, &Quiet)).map_err(|error| error.to_string())
        }
        ["harness", file, target, folder] => {
            let file: AttachFile = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let mut scenario = scenario(FaultKind::Kill, 60);
            scenario.timeline[0].target = Target::from(target);
            let ended = run(&file, scenario, RunFolder::at(folder));
            ended.map(drop).map_err(|error| error.to_string())
        }
        _ => return None,
    };
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

pub fn detached_comes_and_goes(binary: &Path) -> Result<(), Failed> {
    let home = tempfile::tempdir()?;
    // SAFETY: the tests run one at a time and no thread of this process reads the environment meanwhile.
    unsafe { std::env::set_var("XDG_STATE_HOME", home.path()) };
    let root = state_root();
    let folder = UpFolder::at(&root, "play")?;
    let (exe, stop) = (std::env::current_exe()?, Stop::default());
    let up = detach(&exe, &folder, &up_request(binary), &stop)?;
    let again = detach(&exe, &folder, &up_request(binary), &stop).unwrap_err().to_string();
    check(again.contains("is up already"), || again.clone())?;
    let token = std::fs::read_to_string(&up.token_file)?;
    check(!up.to_string().contains(token.trim()), || "the token is printed".into())?;
    let tls = TlsMaterial::from_files(up.ca_file.as_deref().ok_or("no CA")?, None)?;
    let client = Client::new(&Endpoint::new(&up.endpoints[0].1, Some(&tls))?)?.with_token(token.trim());
    runtime().block_on(client.get("auth/token/lookup-self"))?;
    let gone = down(&root, None)?;
    check(gone == ("play".to_owned(), Down::Ended), || format!("{gone:?}"))?;
    check(!folder.root().exists(), || "its folder is still there".into())?;
    let answers = runtime().block_on(async {
        tokio::time::timeout(Duration::from_secs(2), client.get("sys/seal-status")).await
    });
    check(!matches!(answers, Ok(Ok(_))), || "a node still answers".into())
}
