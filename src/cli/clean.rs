//! `vaultquake clean`.

use super::exit::Exit;
use super::out::{say, tell};
use crate::cleaning::{CleanError, Cleaned, clean_cluster, clean_engine, clean_out, clean_run};
use crate::record::RunFolder;
use crate::scenario::load_attach_file;
use std::path::Path;

pub fn clean(folder: &Path, cluster: Option<&Path>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell!("vaultquake: cannot start the runtime: {error}");
            return Exit::Trouble;
        }
    };
    let say = &mut |text: &str| say!("{text}");
    let cleaned: Result<Vec<Cleaned>, CleanError> = match cluster {
        Some(path) => match load_attach_file(path) {
            Ok(file) => runtime.block_on(clean_cluster(&file)).map(|cleaned| vec![cleaned]),
            Err(errors) => {
                tell!("{errors}");
                return Exit::Usage;
            }
        },
        None if !folder.is_dir() => {
            tell!("vaultquake: there is no folder {}", folder.display());
            return Exit::Usage;
        }
        None if RunFolder::at(folder).private().is_dir() => {
            runtime.block_on(clean_run(&RunFolder::at(folder), say)).map(|cleaned| vec![cleaned])
        }
        None => Ok(runtime.block_on(async {
            let mut all = clean_out(folder, say).await;
            all.push(clean_engine().await);
            all
        })),
    };
    match cleaned {
        Ok(done) => tell(&done, if cluster.is_some() { "the cluster" } else { "the container engine" }),
        Err(error @ (CleanError::NotARun(_) | CleanError::Refused(_))) => {
            tell!("vaultquake: {error}");
            Exit::Usage
        }
        Err(error) => {
            tell!("vaultquake: {error}");
            Exit::Trouble
        }
    }
}

/// `elsewhere` is what has no folder.
fn tell(cleaned: &[Cleaned], elsewhere: &str) -> Exit {
    if cleaned.iter().all(|one| one.did.is_empty() && one.trouble.is_empty() && !one.alive) {
        say!("nothing was left to clean");
    }
    for one in cleaned {
        let place = one.folder.as_ref().map_or(elsewhere.to_owned(), |folder| folder.display().to_string());
        if one.alive {
            say!("{place}: alive, untouched");
        }
        one.did.iter().for_each(|text| say!("{place}: {text}"));
        one.trouble.iter().for_each(|text| tell!("{place}: {text}"));
    }
    if cleaned.iter().all(|one| one.trouble.is_empty()) { Exit::Pass } else { Exit::Trouble }
}
