//! From a run folder to its verdict and its reports. The same for a fresh run, `recheck` and `report`.

use crate::analyse::{judge, picture};
use crate::model::RunResult;
use crate::record::{ReadError, RecordError, RunFolder, SavedRun, read_run};
use crate::report;

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] RecordError),
}

fn json_of(result: &RunResult) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(result).expect("model types serialise");
    json.push(b'\n');
    json
}

/// Judges the folder and writes `result.json` and every report.
pub fn publish(folder: &RunFolder) -> Result<RunResult, PublishError> {
    let run = read_run(folder)?;
    let result = judge(&run);
    folder.write_whole("result.json", &json_of(&result))?;
    write_reports(folder, &run, &result)?;
    Ok(result)
}

/// Renders the reports of a judged run again, from what was judged then.
pub fn render_again(folder: &RunFolder) -> Result<RunResult, PublishError> {
    let run = read_run(folder)?;
    let path = folder.result_json();
    let saved = std::fs::read(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    let result =
        serde_json::from_slice(&saved).map_err(|source| ReadError::NotARun { path: path.clone(), source })?;
    write_reports(folder, &run, &result)?;
    Ok(result)
}

/// Judges the folder again and writes `recheck.json`, never over `result.json`.
pub fn recheck(folder: &RunFolder) -> Result<RunResult, PublishError> {
    let result = judge(&read_run(folder)?);
    folder.write_whole("recheck.json", &json_of(&result))?;
    Ok(result)
}

fn write_reports(folder: &RunFolder, run: &SavedRun, result: &RunResult) -> Result<(), RecordError> {
    folder.write_whole("report.html", report::html(result, &picture(run)).as_bytes())?;
    folder.write_whole("junit.xml", report::junit(result).as_bytes())?;
    folder.write_whole("summary.md", report::markdown(result).as_bytes())?;
    Ok(())
}
