//! The parsers of all files under random damage: they answer, quickly and without a panic, whatever they are
//! given. `VQ_FUZZ_SECONDS` makes it go on for that long (nightly: 600); failures are kept beside this file.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vaultquake::scenario::{
    attach_file_from_text, blueprint_from_text, find_scenarios, known_findings_from_text, plan,
    scenario_from_text, suite_from_text,
};

/// Far above what any file of this size takes, far below what a person notices.
const ONE_FILE_MAX: Duration = Duration::from_secs(2);
const CASES_AT_ONCE: u32 = 2_000;

/// Files that are in order, and pieces that parsers stumble over.
fn seeds() -> Vec<String> {
    let mut paths = find_scenarios(&["scenarios".into(), "tests/bad-scenarios".into()]).unwrap();
    paths.push("scenarios/blueprints/alphapulse.yaml".into());
    paths.push("scenarios/blueprints/workflow.yaml".into());
    paths.push("scenarios/nightly.yaml".into());
    for folder in ["tests/bad-attach-files", "tests/bad-blueprints", "tests/bad-suites"] {
        paths.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    paths.sort();
    let read = |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    paths.into_iter().map(read).collect()
}

const TOKENS: [&str; 32] = [
    "leader",
    "follower",
    "each",
    "all",
    "token",
    "n1",
    "n999999999999",
    "0s",
    "9999999d",
    "1e308s",
    "150/s",
    "0/s",
    "nan/s",
    "-1",
    "18446744073709551616",
    "null",
    "~",
    "true",
    "[]",
    "{}",
    "[[[[[[[[",
    "{a: {a: {a: ",
    "&a",
    "*a",
    "<<: *a",
    "!!binary AA==",
    "!!int x",
    "|",
    ">-",
    "\"\\u0000\"",
    "---",
    "\t",
];

#[derive(Clone, Debug)]
enum Damage {
    FlipByte(Index, u8),
    DeleteLine(Index),
    RepeatLine(Index, u8),
    SwapLines(Index, Index),
    ReplaceWord(Index, Index),
    Insert(Index, Index),
    CutOff(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::FlipByte(at, byte)),
        any::<Index>().prop_map(Damage::DeleteLine),
        (any::<Index>(), 1..40u8).prop_map(|(at, times)| Damage::RepeatLine(at, times)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::SwapLines(a, b)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, token)| Damage::ReplaceWord(at, token)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, token)| Damage::Insert(at, token)),
        any::<Index>().prop_map(Damage::CutOff),
    ]
}

fn apply(text: &mut Vec<u8>, damage: &Damage) {
    if text.is_empty() {
        return;
    }
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    match damage {
        Damage::FlipByte(at, byte) => {
            let at = at.index(text.len());
            text[at] ^= byte;
            return;
        }
        Damage::CutOff(at) => return text.truncate(at.index(text.len())),
        Damage::Insert(at, token) => {
            let at = at.index(text.len());
            text.splice(at..at, TOKENS[token.index(TOKENS.len())].bytes());
            return;
        }
        Damage::ReplaceWord(at, token) => {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/".contains(byte);
            let from = at.index(text.len());
            let start = text[..from].iter().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1);
            let end = text[from..].iter().position(|byte| !is_word(byte)).map_or(text.len(), |at| from + at);
            text.splice(start..end.max(start), TOKENS[token.index(TOKENS.len())].bytes());
            return;
        }
        Damage::DeleteLine(at) => {
            lines.remove(at.index(lines.len()));
        }
        Damage::RepeatLine(at, times) => {
            let at = at.index(lines.len());
            for _ in 0..*times {
                lines.insert(at, lines[at].clone());
            }
        }
        Damage::SwapLines(a, b) => {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
    }
    *text = lines.concat();
}

/// Every parser gets the text: what is a scenario for one is damage for another.
fn parse_all(bytes: &[u8]) -> Result<(), TestCaseError> {
    let begun = Instant::now();
    let path = Path::new("scenarios/failover/damaged.yaml");
    let text = String::from_utf8_lossy(bytes);
    let messages = [
        scenario_from_text(path, &text).map(|scenario| drop(plan::describe(&scenario))),
        blueprint_from_text(path, &text).map(drop),
        attach_file_from_text(path, &text).map(drop),
        known_findings_from_text(path, &text).map(drop),
        suite_from_text(path, &text).map(drop),
    ];
    for errors in messages.into_iter().filter_map(Result::err) {
        prop_assert!(!errors.diagnostics.is_empty(), "an error without a message");
        let message = errors.to_string();
        prop_assert!(message.starts_with("error: "), "{message}");
        for word in ["Raw", "struct ", "serde"] {
            let in_the_file = text.contains(word);
            prop_assert!(
                in_the_file || !message.contains(word),
                "`{word}` is no word for people:\n{message}"
            );
        }
    }
    prop_assert!(begun.elapsed() < ONE_FILE_MAX, "took {:?}", begun.elapsed());
    Ok(())
}

#[test]
fn damaged_files_are_answered_and_never_crash_the_parser() {
    let seconds: u64 =
        std::env::var("VQ_FUZZ_SECONDS").map_or(0, |text| text.parse().expect("whole seconds"));
    let until = Instant::now() + Duration::from_secs(seconds);
    let seeds = seeds();
    let strategy = (any::<Index>(), prop::collection::vec(damage(), 0..8));
    let mut runner = TestRunner::new(Config {
        cases: CASES_AT_ONCE,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        source_file: Some(file!()),
        ..Config::default()
    });
    loop {
        let result = runner.run(&strategy, |(seed, damages)| {
            let mut text = seed.get(&seeds).clone().into_bytes();
            for damage in &damages {
                apply(&mut text, damage);
            }
            parse_all(&text)
        });
        result.unwrap_or_else(|failure| panic!("{failure}"));
        if Instant::now() >= until {
            break;
        }
    }
}
