//! The diagnoses as a table for people.

use super::{AbilityRow, Diagnosis, State, ability_table};
use crate::cluster::Capability;
use std::fmt::Write;

/// Plain text, a line each; below what is missing, how to get it.
pub fn render(diagnoses: &[Diagnosis]) -> String {
    let mut text = String::new();
    let width = diagnoses.iter().map(|diagnosis| diagnosis.name.len()).max().unwrap_or(0);
    for Diagnosis { name, state, detail, way_out } in diagnoses {
        let state = match state {
            State::Works => "ok",
            State::Missing => "missing",
        };
        let _ = writeln!(text, "{name:<width$}  {state:<7}  {detail}");
        if let Some(way_out) = way_out {
            let _ = writeln!(text, "{:<width$}  {:<7}  to get it: {way_out}", "", "");
        }
    }
    let mut notes: Vec<&str> = Vec::new();
    let _ = writeln!(
        text,
        "\n{:<32}  {:<7}  {:<24}  docker",
        "backends can", "process", "attach, if `disposable`"
    );
    for AbilityRow { ability, process, attach, docker } in ability_table(diagnoses) {
        let cells = [process, Some(attach), docker];
        let [process, attach, docker] =
            cells.map(|cell| cell.map_or_else(|| "missing".to_owned(), |can| words(can, &mut notes)));
        let _ = writeln!(text, "{:<32}  {process:<7}  {attach:<24}  {docker}", ability.name());
    }
    for (number, note) in (1..).zip(notes) {
        let _ = writeln!(text, "{number}) {note}");
    }
    text
}

/// Reasons are longer than a cell: they stand below the table, each once.
fn words(capability: Capability, notes: &mut Vec<&str>) -> String {
    match capability {
        Capability::Yes => "yes".to_owned(),
        Capability::AsRoot => "as root".to_owned(),
        Capability::With(what) => format!("with {what}"),
        Capability::No(why) => {
            let at = notes.iter().position(|note| *note == why);
            let at = at.unwrap_or_else(|| {
                notes.push(why);
                notes.len() - 1
            });
            format!("no {})", at + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_and_tells_the_way_out() {
        let diagnosis = |name, state, way_out: Option<&str>| Diagnosis {
            name,
            state,
            detail: "seen".to_owned(),
            way_out: way_out.map(str::to_owned),
        };
        let diagnoses = [
            diagnosis("pip", State::Missing, Some("install it")),
            diagnosis("backend process", State::Works, None),
            diagnosis("backend docker", State::Works, None),
        ];
        let text = render(&diagnoses);
        insta::assert_snapshot!(text, @r"
        pip              missing  seen
                                  to get it: install it
        backend process  ok       seen
        backend docker   ok       seen

        backends can                      process  attach, if `disposable`   docker
        kill a node                       yes      with hook kill            yes
        stop a node                       yes      with hook stop            yes
        pause and resume a node           yes      with hooks pause, resume  yes
        start a node                      yes      with hook start           yes
        unseal a node                     yes      with unseal_keys_file     yes
        use an operator's token           yes      with token_file           yes
        cut nodes off from each other     yes      no 1)                     yes
        cut clients off from a node       yes      no 1)                     yes
        slow the network between nodes    yes      no 1)                     yes
        lose packets between nodes        no 2)    no 1)                     yes
        fill a node's disk                as root  no 3)                     as root
        slow a node's disk                no 4)    no 3)                     as root
        limit a node's processor time     no 4)    no 3)                     yes
        limit a node's memory             no 4)    no 3)                     yes
        take a node off its network       no 5)    no 3)                     yes
        rotate a node's audit file        yes      no 3)                     yes
        take the database away            yes      no 6)                     yes
        replace a node's program          yes      with hook upgrade         yes
        disturb the KMS of the seal       yes      no 7)                     yes
        replace the cluster's keys        yes      no 8)                     yes
        wipe a node's store               yes      no 9)                     yes
        1) an attached cluster's network is not ours to disturb
        2) a TCP proxy cannot lose packets
        3) no hook is known for it
        4) a limit of its own takes a container
        5) child processes share this machine's network
        6) the database of an attach file is not ours to take away
        7) an attached cluster's seal is not ours to choose
        8) an attached cluster's keys are not ours to replace
        9) the stores of an attached cluster are not ours to wipe
        ");
    }
}
