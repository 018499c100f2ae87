//! What a load of somebody else's program must be: a command that can be run, for a bounded time, not too often, with no
//! secret among its arguments.

use super::checker::Checker;
use super::raw::{RawLoad, RawRequirement};
use super::yaml::{Text, shorten};
use crate::model::{Program, Rate, RatePlan, Requirement, Span, Workload};
use serde_saphyr::{Location, Spanned};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The most that any operation of the load gets.
const TIMEOUT_MAX: Span = Span::from_secs(10);
const TIMEOUT_MIN: Span = Span::from_ms(100);
/// A process costs the machine hundreds of times what a request does.
const RATE_MAX: f64 = 20.0;
/// At the worst each lives until its deadline.
const AT_ONCE_MAX: f64 = 64.0;
const FILLED_IN: [&str; 3] = ["{server}", "{mount}", "{path}"];

/// Outer `None`: an error was found.
pub(super) fn check(
    checker: &mut Checker,
    raw: &RawLoad,
    workload: Option<Workload>,
    rate: Option<&RatePlan>,
) -> Option<Option<Program>> {
    if workload != Some(Workload::Program) {
        return nothing_of_a_program(checker, raw, workload).then_some(None);
    }
    let Some(words) = &raw.command else {
        let help = "add `command: [\"{server}\", kv, get, \"-mount={mount}\", \"{path}\"]` or the like";
        checker.error(&raw.workload, "`command` is missing for the workload `program`", help);
        return None;
    };
    let command = command(checker, words);
    let timeout = timeout(checker, raw.timeout.as_ref());
    let failed = raw.failed.as_ref().map_or(Some(Vec::new()), |codes| {
        codes.value.iter().map(|code| checker.number(code, 1..=u8::MAX)).collect()
    });
    let requires = match &raw.requires {
        None => Some(None),
        Some(raw) => requirement(checker, &raw.value).map(Some),
    };
    let (command, timeout) = (command?, timeout?);
    not_too_many(checker, raw, rate, timeout)?;
    let folder = folder_of(checker).to_string_lossy().into_owned();
    let (failed, requires) = (failed?, requires?);
    Some(Some(Program { command, folder, timeout, failed, requires, found: None, server: None }))
}

fn folder_of<'c>(checker: &Checker<'c>) -> &'c Path {
    checker.source.path.parent().unwrap_or(Path::new(""))
}

fn nothing_of_a_program(checker: &mut Checker, raw: &RawLoad, workload: Option<Workload>) -> bool {
    // The word itself is complained about already.
    let Some(workload) = workload else { return true };
    let keys: [(&str, Option<Location>); 4] = [
        ("command", raw.command.as_ref().map(|key| key.referenced)),
        ("timeout", raw.timeout.as_ref().map(|key| key.referenced)),
        ("failed", raw.failed.as_ref().map(|key| key.referenced)),
        ("requires", raw.requires.as_ref().map(|key| key.referenced)),
    ];
    let mut fine = true;
    for (key, at) in keys {
        if let Some(at) = at {
            fine = false;
            let message = format!("`{key}` is not for the workload `{workload}`");
            checker.error(&Spanned::new((), at, at), message, "remove it, or write `workload: program`");
        }
    }
    fine
}

fn command(checker: &mut Checker, words: &Spanned<Vec<Text>>) -> Option<Vec<String>> {
    if !checker.not_empty(words, "command", "write the program first, then its arguments") {
        return None;
    }
    let (first, arguments) = words.value.split_first()?;
    let mut fine = is_a_program(checker, first);
    for text in arguments {
        fine &= is_filled_in(checker, text);
    }
    fine.then(|| words.value.iter().map(|text| text.value.clone()).collect())
}

/// A bare name is looked for when it is needed: another machine may have it, and one that lacks it skips the scenario.
fn is_a_program(checker: &mut Checker, text: &Text) -> bool {
    let word = text.value.as_str();
    if word == "{server}" || !word.is_empty() && !word.contains(['/', '{', '}']) {
        return true;
    }
    if !word.contains('/') {
        let message = format!("`{}` cannot be a program", shorten(word));
        checker.error(text, message, "write a name, a path with a slash, or `{server}`");
        return false;
    }
    let path = folder_of(checker).join(word);
    let why = match path.metadata() {
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        },
        Ok(about) if !about.is_file() => "it is no file".to_owned(),
        Ok(about) if about.permissions().mode() & 0o111 == 0 => "it may not be executed".to_owned(),
        Ok(_) => return true,
    };
    let help = "a path is relative to the folder of this file; a name without a slash is looked for on PATH";
    checker.error(text, format!("the program `{}`: {why}", shorten(word)), help);
    false
}

/// Whether what stands in braces is known.
fn is_filled_in(checker: &mut Checker, text: &Text) -> bool {
    let mut fine = true;
    for part in text.value.split('{').skip(1) {
        let Some((word, _)) = part.split_once('}') else { continue };
        let braced = format!("{{{word}}}");
        let is_a_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
        if !is_a_word || FILLED_IN.contains(&braced.as_str()) {
            continue;
        }
        fine = false;
        let help = match word {
            "token" => {
                "everybody on this machine can read arguments; it stands in VAULT_TOKEN and BAO_TOKEN".into()
            }
            "value" => {
                "everybody on this machine can read arguments; it stands on standard input, as JSON".into()
            }
            "address" | "addr" | "url" => "it stands in VAULT_ADDR and BAO_ADDR".into(),
            _ => format!("known are {}", super::nearest::list(FILLED_IN)),
        };
        checker.error(text, format!("nothing is filled in for `{}`", shorten(&braced)), help);
    }
    fine
}

fn timeout(checker: &mut Checker, text: Option<&Text>) -> Option<Span> {
    let Some(text) = text else { return Some(TIMEOUT_MAX) };
    let timeout = checker.quantity::<Span>(text)?;
    if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&timeout) {
        let help =
            format!("from {TIMEOUT_MIN} to {TIMEOUT_MAX} is allowed: no operation of the load gets longer");
        checker.error(text, format!("a program cannot be given {timeout}"), help);
        return None;
    }
    Some(timeout)
}

fn requirement(checker: &mut Checker, raw: &RawRequirement) -> Option<Requirement> {
    let command = command(checker, &raw.command);
    let get = checker.not_blank(&raw.get, "way to get it");
    Some(Requirement { command: command?, get: get? })
}

fn not_too_many(checker: &mut Checker, raw: &RawLoad, rate: Option<&RatePlan>, timeout: Span) -> Option<()> {
    let rate = match rate? {
        RatePlan::Constant(Rate(rate)) => *rate,
        RatePlan::Ramp { .. } => {
            checker.error(
                &raw.rate,
                "a ramp of programs",
                "this machine would break first; give a fixed rate",
            );
            return None;
        }
    };
    if rate > RATE_MAX {
        let help = format!(
            "at most {RATE_MAX}/s: a process costs this machine hundreds of times what a request does"
        );
        checker.error(&raw.rate, format!("{rate} programs a second are too many"), help);
        return None;
    }
    let at_once = rate * timeout.0.as_secs_f64();
    if at_once > AT_ONCE_MAX {
        let help = format!("at most {AT_ONCE_MAX}: give a lower rate or a shorter `timeout`");
        checker.error(&raw.rate, format!("up to {at_once:.0} programs could run at once"), help);
        return None;
    }
    Some(())
}
