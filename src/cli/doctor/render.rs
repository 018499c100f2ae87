//! The diagnoses as a table for people.

use super::{Availability, Diagnosis, FaultAvailability, State, fault_table};
use std::fmt::Write;

/// Plain text, a line each; below what is missing, how to get it.
pub fn render(diagnoses: &[Diagnosis]) -> String {
    let mut text = String::new();
    let width = diagnoses.iter().map(|diagnosis| diagnosis.name.len()).max().unwrap_or(0);
    for Diagnosis { name, state, detail, way_out } in diagnoses {
        let state = match state {
            State::Works => "ok",
            State::Missing => "missing",
            State::Unsupported => "-",
        };
        let _ = writeln!(text, "{name:<width$}  {state:<7}  {detail}");
        if let Some(way_out) = way_out {
            let _ = writeln!(text, "{:<width$}  {:<7}  to get it: {way_out}", "", "");
        }
    }
    let _ = writeln!(text, "\n{:<9}  {:<7}  {:<40}  docker", "fault", "process", "attach, if `disposable`");
    for FaultAvailability { fault, process, attach, docker } in fault_table(diagnoses) {
        let [process, attach, docker] = [process, attach, docker].map(words);
        let _ = writeln!(text, "{fault:<9}  {process:<7}  {attach:<40}  {docker}");
    }
    text
}

fn words(availability: Availability) -> String {
    match availability {
        Availability::Yes => "yes".to_owned(),
        Availability::With(what) => format!("with {what}"),
        Availability::Missing => "missing".to_owned(),
        Availability::Unsupported => "not yet".to_owned(),
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
            diagnosis("backend docker", State::Unsupported, None),
        ];
        let text = render(&diagnoses);
        insta::assert_snapshot!(text, @r"
        pip              missing  seen
                                  to get it: install it
        backend process  ok       seen
        backend docker   -        seen

        fault      process  attach, if `disposable`                   docker
        kill       yes      with hooks kill, start; unseal_keys_file  not yet
        stop       yes      with hooks stop, start; unseal_keys_file  not yet
        pause      yes      with hooks pause, resume                  not yet
        restart    yes      with hooks stop, start; unseal_keys_file  not yet
        step-down  yes      with token_file                           not yet
        seal       yes      with unseal_keys_file                     not yet
        expire     yes      with token_file                           not yet
        ");
    }
}
