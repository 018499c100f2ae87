//! The programs of somebody else's that scenarios run as clients: where this machine has them, and whether they will do.

use crate::machine::{describe, find_program, run_program};
use crate::model::{Program, Requirement, Scenario};
use crate::server::cache_folder;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const CHECKED_WITHIN: Duration = Duration::from_secs(20);
const SAID_BYTES: usize = 400;

/// Where programs are looked for by name.
pub struct Places {
    /// Before PATH: the clients' own folder in the cache, and what was built beside this program.
    first: Vec<PathBuf>,
    search_path: OsString,
}

impl Places {
    pub fn of_this_machine() -> Self {
        let built = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("examples")));
        let first = [clients_folder(), built].into_iter().flatten().collect();
        Self { first, search_path: std::env::var_os("PATH").unwrap_or_default() }
    }

    pub fn find(&self, name: &str) -> Option<PathBuf> {
        find_program(name, &self.first, &self.search_path)
    }
}

/// Where a person puts clients for us, as `doctor` says: `bin` in a Python environment.
pub fn clients_folder() -> Option<PathBuf> {
    cache_folder().ok().map(|cache| cache.join("clients/bin"))
}

/// Finds what the scenario's programs need; the error says what is missing and how to get it.
pub fn find_programs(scenario: &mut Scenario, server: Option<&Path>, places: &Places) -> Result<(), String> {
    for program in scenario.programs_mut() {
        let way = program.requires.as_ref().map_or("install it", |requires| requires.get.as_str()).to_owned();
        let uses_server = program.command.iter().any(|word| word.contains("{server}"));
        if uses_server && server.is_none() {
            return Err(
                "the server's own program is not on this machine: take --server product@version".to_owned()
            );
        }
        program.server = server.map(Path::to_path_buf);
        program.found = Some(look_for(program, &program.command[0], server, places, &way)?);
        if let Some(Requirement { command, get }) = program.requires.clone() {
            let found = look_for(program, &command[0], server, places, &get)?;
            will_do(&found, &command[1..], Path::new(&program.folder))
                .map_err(|why| format!("`{}`: {why}; to get it: {get}", command.join(" ")))?;
        }
    }
    Ok(())
}

fn look_for(
    program: &Program,
    word: &str,
    server: Option<&Path>,
    places: &Places,
    way: &str,
) -> Result<PathBuf, String> {
    if word == "{server}" {
        return server
            .map(Path::to_path_buf)
            .ok_or_else(|| "the server's own program is not on this machine".to_owned());
    }
    if word.contains('/') {
        // It was there when the file was checked; a working directory of its own must not change what it means.
        let path = std::path::absolute(Path::new(&program.folder).join(word));
        return path.map_err(|error| format!("`{word}`: {error}"));
    }
    places.find(word).ok_or_else(|| format!("there is no program `{word}`; to get it: {way}"))
}

/// Runs what a scenario requires, once.
pub fn will_do(program: &Path, arguments: &[String], folder: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let ended = runtime.block_on(run_program(command, Vec::new(), CHECKED_WITHIN, SAID_BYTES));
    let ended = ended.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&ended.output);
    let last = said.trim().lines().last().unwrap_or_default();
    match ended.status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("{} ({last})", describe(status))),
        None => Err(format!("no end within {} s", CHECKED_WITHIN.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::scenario_from_text;

    fn found(command: &str, requires: &str, server: Option<&Path>) -> Result<Scenario, String> {
        let text = format!(
            "name: x\nsummary: X.\nblueprint: alphapulse\nload:\n  - workload: program\n    command: {command}\n    \
             route: any\n    rate: 1/s\n    {requires}\nexpect: [availability]\n"
        );
        let mut scenario =
            scenario_from_text(Path::new("x.yaml"), &text).map_err(|errors| errors.to_string())?;
        let places = Places { first: Vec::new(), search_path: "/usr/bin:/bin".into() };
        find_programs(&mut scenario, server, &places).map(|()| scenario)
    }

    #[test]
    fn a_program_is_found_by_its_name_or_is_the_servers_own() {
        let mut scenario =
            found("[sh, -c, exit 0]", "requires: { command: [sh, -c, exit 0], get: it }", None).unwrap();
        let program = scenario.programs_mut().next().unwrap();
        assert!(program.found.as_deref().is_some_and(|path| path.ends_with("sh")));
        let bao = Path::new("/cache/bao");
        let mut scenario = found("['{server}', kv, get]", "timeout: 5s", Some(bao)).unwrap();
        assert_eq!(scenario.programs_mut().next().unwrap().found.as_deref(), Some(bao));
    }

    #[test]
    fn what_is_missing_is_told_with_how_to_get_it() {
        let why =
            found("[no-such-client]", "requires: { command: [sh], get: ask somebody }", None).unwrap_err();
        assert!(why.contains("no-such-client") && why.contains("ask somebody"), "{why}");
        let refuses = "requires: { command: [sh, -c, echo no module; exit 1], get: ask somebody }";
        let why = found("[sh]", refuses, None).unwrap_err();
        assert!(why.contains("exit code 1 (no module)") && why.contains("ask somebody"), "{why}");
        let why = found("['{server}']", "timeout: 5s", None).unwrap_err();
        assert!(why.contains("not on this machine"), "{why}");
    }
}
