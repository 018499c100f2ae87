//! From a run folder to its verdict and its reports. The same for a fresh run, `recheck` and `report`.

use super::exit::Exit;
use crate::analyse::{harness_failed, judge, picture};
use crate::model::RunResult;
use crate::record::{ReadError, RecordError, RunFolder, SavedRun, read_run};
use crate::report;
use crate::secrecy::{RunSecrets, Search};
use crate::soak;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] RecordError),
    #[error("the reports could not be searched for secrets: {0}")]
    Search(#[from] io::Error),
}

/// What is made of a run, and may be shared like the rest of it.
const RENDERED: [&str; 6] =
    ["result.json", "recheck.json", "report.html", "junit.xml", "summary.md", soak::SCHEDULE];

fn json_of(result: &RunResult) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(result).expect("model types serialise");
    json.push(b'\n');
    json
}

/// A run that was judged, and its exit code.
pub struct Published {
    pub result: RunResult,
    /// Why the harness itself failed, if it did: then the exit code says nothing about the server.
    pub harness_failed: Option<String>,
}

impl Published {
    fn of(run: &SavedRun, result: RunResult) -> Self {
        let harness_failed = harness_failed(run);
        Self { result, harness_failed }
    }

    /// A secret in what we made is a failure of ours, whatever the verdict.
    fn without_secrets(self, folder: &RunFolder) -> Result<Self, PublishError> {
        let leak = leak(folder)?;
        Ok(Self { harness_failed: self.harness_failed.or(leak), ..self })
    }

    pub fn exit(&self) -> Exit {
        if self.harness_failed.is_some() { Exit::Trouble } else { self.result.verdict.into() }
    }
}

/// Judges the folder and writes `result.json` and every report.
pub fn publish(folder: &RunFolder) -> Result<Published, PublishError> {
    let run = read_run(folder)?;
    let result = judge(&run);
    folder.write_whole("result.json", &json_of(&result))?;
    soak::save_schedule(folder, &run)?;
    write_reports(folder, &run, &result)?;
    Published::of(&run, result).without_secrets(folder)
}

/// Renders the reports of a judged run again, from what was judged then.
pub fn render_again(folder: &RunFolder) -> Result<Published, PublishError> {
    let run = read_run(folder)?;
    let path = folder.result_json();
    let saved = std::fs::read(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    let result: RunResult =
        serde_json::from_slice(&saved).map_err(|source| ReadError::NotARun { path: path.clone(), source })?;
    write_reports(folder, &run, &result)?;
    Published::of(&run, result).without_secrets(folder)
}

/// Judges the folder again and writes `recheck.json`, never over `result.json`.
pub fn recheck(folder: &RunFolder) -> Result<Published, PublishError> {
    let run = read_run(folder)?;
    let result = judge(&run);
    folder.write_whole("recheck.json", &json_of(&result))?;
    Published::of(&run, result).without_secrets(folder)
}

/// The first secret that stands in what we made of the run. A folder that was passed on without its private part has
/// none to look for.
fn leak(folder: &RunFolder) -> io::Result<Option<String>> {
    let Some(secrets) = RunSecrets::read(&folder.private())? else { return Ok(None) };
    let search = Search::new(&secrets.secrets, &[])?;
    for name in RENDERED {
        let text = match std::fs::read(folder.root().join(name)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if let Some(hit) = search.text(&text).first() {
            return Ok(Some(format!(
                "the {} stands in {name} at byte {} ({})",
                hit.secret, hit.offset, hit.form
            )));
        }
    }
    Ok(None)
}

fn write_reports(folder: &RunFolder, run: &SavedRun, result: &RunResult) -> Result<(), RecordError> {
    folder.write_whole("report.html", report::html(result, &picture(run)).as_bytes())?;
    folder.write_whole("junit.xml", report::junit(result).as_bytes())?;
    folder.write_whole("summary.md", report::markdown(result).as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::kill_run;
    use crate::model::Event;
    use crate::model::Verdict;

    #[test]
    fn a_secret_in_a_report_is_our_own_failure() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(place.path());
        std::fs::create_dir(folder.private()).unwrap();
        let run = kill_run().build();
        let published = |text: &str| {
            folder.write_whole("summary.md", text.as_bytes()).unwrap();
            Published::of(&run, judge(&run)).without_secrets(&folder).unwrap()
        };
        assert_eq!(published("vqc0123456789ab").harness_failed, None, "nothing is known to be secret");
        let secrets = r#"{"access":{"root_token":"s.0123456789","unseal_keys":[],"tenants":[]},"canary":"vqc0123456789ab"}"#;
        folder.write_secret("secrets.json", secrets.as_bytes()).unwrap();
        assert_eq!(published("the canary is vqc").harness_failed, None);
        let leaking = published("| dnFjMDEyMzQ1Njc4OWFi |");
        let why = "the canary stands in summary.md at byte 2 (base64)";
        assert_eq!((leaking.harness_failed.as_deref(), leaking.exit()), (Some(why), Exit::Trouble));
    }

    #[test]
    fn a_harness_that_failed_is_trouble_whatever_the_verdict() {
        let run = kill_run().build();
        let result = judge(&run);
        let sound = Published::of(&run, result.clone());
        assert_eq!(sound.exit(), result.verdict.into());
        let run = kill_run()
            .event(5e3, Event::HarnessError { reason: "cannot write history.jsonl".into() })
            .build();
        for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive] {
            let published = Published::of(&run, RunResult { verdict, ..result.clone() });
            assert_eq!(published.exit(), Exit::Trouble);
            assert_eq!(published.harness_failed.as_deref(), Some("cannot write history.jsonl"));
        }
    }
}
