//! What dead runs left on the container engine: found by our label, and by nothing else.

use super::Cleaned;
use crate::docker::{DockerError, Engine, MadeList, Ours, Standing, made_file};
use crate::record::RunFolder;
use std::collections::BTreeMap;

/// Removes what one dead run made on the engine, as its list says; a run that made nothing there asks nobody.
pub(super) async fn clean_made(folder: &RunFolder, cleaned: &mut Cleaned) {
    if let Err(problem) = try_clean_made(folder, cleaned).await {
        cleaned.trouble.push(problem);
    }
}

async fn try_clean_made(folder: &RunFolder, cleaned: &mut Cleaned) -> Result<(), String> {
    let list = made_file(&folder.private());
    let made = MadeList::read(&list).map_err(|error| error.to_string())?;
    let Some(run_id) = made.first().map(|made| made.run_id.as_str()) else { return Ok(()) };
    let engine = Engine::connect().await.map_err(|error| {
        let names: Vec<_> = made.iter().map(|made| format!("{} {}", made.kind, made.name)).collect();
        format!("{} may be left: {error}", names.join(", "))
    })?;
    let (removed, trouble) = engine.remove_run(run_id).await;
    let is_clean = trouble.is_empty();
    cleaned.trouble.extend(trouble);
    if !removed.is_empty() {
        cleaned.did.push(format!("removed {}", removed.join(", ")));
    }
    match is_clean {
        true => MadeList::close(&list).map_err(|error| error.to_string()),
        false => Ok(()),
    }
}

/// Removes what runs left whose folders are elsewhere, or gone. Nothing is told where no engine answers: then
/// nobody knows of anything that was left.
pub async fn clean_engine() -> Cleaned {
    let mut cleaned = Cleaned::default();
    let found = match Engine::connect().await {
        Ok(engine) => engine.find_ours(None).await.map(|found| (engine, found)),
        Err(_) => return cleaned,
    };
    match found {
        Ok((engine, found)) => clean_found(&engine, found, &mut cleaned).await,
        Err(error) => cleaned.trouble.push(DockerError::to_string(&error)),
    }
    cleaned
}

async fn clean_found(engine: &Engine, found: Vec<Ours>, cleaned: &mut Cleaned) {
    let mut runs: BTreeMap<String, Vec<Ours>> = BTreeMap::new();
    for ours in found {
        runs.entry(ours.run_id.clone()).or_default().push(ours);
    }
    for (run_id, all) in runs {
        // A run is left alone as soon as one thing of it does not say that it is dead.
        let unclear = all.iter().find_map(|ours| match ours.standing() {
            Standing::Dead => None,
            Standing::Alive => Some(None),
            Standing::Unclear(why) => Some(Some(why)),
        });
        match unclear {
            None => {
                let (removed, trouble) = engine.remove_ours(&all).await;
                cleaned.did.extend((!removed.is_empty()).then(|| format!("removed {}", removed.join(", "))));
                cleaned.trouble.extend(trouble);
            }
            Some(None) => {}
            Some(Some(why)) => {
                let names: Vec<_> = all.iter().map(|ours| ours.name.as_str()).collect();
                let names = names.join(", ");
                cleaned.trouble.push(format!("left alone: run {run_id} ({names}) may be alive: {why}"));
            }
        }
    }
}
