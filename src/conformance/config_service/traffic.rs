//! Readers and one writer of a key, and what their answers say together: a pure judgement of what was recorded.

use super::service::Service;
use crate::conformance::{Checked, Stop};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two requests of one reader.
const READS_EVERY: Duration = Duration::from_millis(3);
/// More examples tell nothing more.
const EXAMPLES: usize = 5;

/// What the writer does in each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    Updates,
    DeletionsAndCreations,
}

/// What a write did to the key, or may have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// This number.
    Number(u64),
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Acknowledged,
    /// Refused in the words of the document.
    Refused,
    /// No answer, or another one.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Write {
    pub began: Instant,
    pub ended: Instant,
    pub became: Became,
    pub is_encrypted: bool,
    pub fate: Fate,
    pub said: String,
}

#[derive(Clone, Debug)]
pub struct Read {
    pub began: Instant,
    pub found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The number in the value, and the encryption that it came with.
    Number(u64, bool),
    /// A value that nobody wrote.
    Foreign,
    Nothing,
    Failed(String),
}

/// All about one key, in the order of its one writer.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    pub writes: Vec<Write>,
    pub reads: Vec<Read>,
}

/// A value that says which write it is of.
pub fn numbered(canary: &str, number: u64) -> String {
    format!("{canary}.{number}")
}

/// What an answer to a read shows.
pub fn found_in(answer: &Result<(u16, Value), String>, canary: &str) -> Found {
    match answer {
        Ok((200, body)) => {
            let number =
                body["value"].as_str().and_then(|value| value.strip_prefix(canary)?.strip_prefix('.'));
            match number.and_then(|number| number.parse().ok()) {
                Some(number) => Found::Number(number, body["is_encrypted"] == true),
                None => Found::Foreign,
            }
        }
        Ok((404, _)) => Found::Nothing,
        Ok((status, _)) => Found::Failed(format!("status {status}")),
        Err(why) => Found::Failed(why.clone()),
    }
}

/// Lets readers read all the time while one writer writes `rounds` times.
pub async fn race(
    service: &Service,
    key: &str,
    canary: &str,
    writes: Writes,
    readers: usize,
    rounds: u64,
) -> Checked<Traffic> {
    let path = format!("/{key}?environment={}&service_name={}", service.environment, service.service_name);
    let reads: Arc<Mutex<Vec<Read>>> = Arc::default();
    let is_over = Arc::new(AtomicBool::new(false));
    let reading: Vec<_> = (0..readers)
        .map(|_| {
            let (service, path, canary) = (service.clone(), path.clone(), canary.to_owned());
            let (reads, is_over) = (reads.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let answer = service.under_test.ask(Method::GET, &path, None).await;
                    let found = found_in(&answer, &canary);
                    reads.lock().unwrap_or_else(PoisonError::into_inner).push(Read { began, found });
                    tokio::time::sleep(READS_EVERY).await;
                }
            })
        })
        .collect();
    let mut done = vec![Write {
        began: Instant::now(),
        ended: Instant::now(),
        became: Became::Number(1),
        is_encrypted: false,
        fate: Fate::Acknowledged,
        said: String::new(),
    }];
    let mut failed = None;
    for round in 0..rounds {
        let began = Instant::now();
        let (became, answer) = match writes {
            Writes::DeletionsAndCreations if round.is_multiple_of(2) => {
                (Became::Gone, service.under_test.ask(Method::DELETE, &path, None).await)
            }
            Writes::DeletionsAndCreations => {
                let body = service.creation(key, &numbered(canary, round + 2), false);
                (Became::Number(round + 2), service.under_test.ask(Method::POST, "", Some(&body)).await)
            }
            Writes::Updates => {
                let body = json!({ "value": numbered(canary, round + 2), "is_encrypted": false });
                (Became::Number(round + 2), service.under_test.ask(Method::PUT, &path, Some(&body)).await)
            }
        };
        let said = match answer {
            Ok((200..300, _)) => String::new(),
            Ok((status, body)) => format!("status {status}: {body}"),
            Err(why) => why,
        };
        let fate = if said.is_empty() { Fate::Acknowledged } else { Fate::Unknown };
        done.push(Write {
            began,
            ended: Instant::now(),
            became,
            is_encrypted: false,
            fate,
            said: said.clone(),
        });
        if fate == Fate::Unknown {
            failed = Some(said);
            break;
        }
        // Readers come upon what the write left.
        tokio::time::sleep(READS_EVERY * 4).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in reading {
        reader.await.map_err(Stop::broken)?;
    }
    let reads = std::mem::take(&mut *reads.lock().unwrap_or_else(PoisonError::into_inner));
    match failed {
        None => Ok(Traffic { writes: done, reads }),
        Some(said) => Err(Stop::differs("a write among readers is acknowledged", said)),
    }
}

impl Traffic {
    /// Acknowledged writes and reads in numbers, and examples of each way to be wrong; without any the list is empty.
    pub fn facts(&self) -> Value {
        // The first write is the preparation.
        let acknowledged =
            self.writes.iter().skip(1).filter(|write| write.fate == Fate::Acknowledged).count();
        json!({
            "reads": self.reads.len(),
            "acknowledged": acknowledged,
            "old": first(self.old()),
            "from_nowhere": first(self.out_of_nowhere()),
        })
    }

    /// Reads that show less than was acknowledged before they began.
    pub fn old(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for read in &self.reads {
            let Some(last) = self
                .writes
                .iter()
                .rposition(|write| write.fate == Fate::Acknowledged && write.ended < read.began)
            else {
                continue;
            };
            let Found::Number(number, _) = read.found else { continue };
            // From that write on, whatever came later or may have.
            let may_be = self.writes[last..].iter().any(|write| write.became == Became::Number(number));
            if !may_be {
                wrong
                    .push(format!("{:?} had been acknowledged, {number} was read", self.writes[last].became));
            }
        }
        wrong
    }

    /// Reads of values that nobody wrote, with the wrong encryption, or of a write that was refused.
    pub fn out_of_nowhere(&self) -> Vec<String> {
        let wrong = self.reads.iter().filter_map(|read| match read.found {
            Found::Foreign => Some("a value that nobody wrote".to_owned()),
            Found::Number(number, is_encrypted) => {
                match self.writes.iter().find(|write| write.became == Became::Number(number)) {
                    None => Some(format!("{number}, which nobody wrote")),
                    Some(write) if write.fate == Fate::Refused => {
                        Some(format!("{number}, which was refused"))
                    }
                    Some(write) if write.is_encrypted != is_encrypted => {
                        Some(format!("{number} with is_encrypted={is_encrypted}, as it was not written"))
                    }
                    Some(_) => None,
                }
            }
            _ => None,
        });
        wrong.collect()
    }
}

/// A few examples.
pub fn first(wrong: Vec<String>) -> Vec<String> {
    wrong.into_iter().take(EXAMPLES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(began: Instant, ms: u64) -> Instant {
        began + Duration::from_millis(ms)
    }

    fn traffic(fate: Fate, found: Found, read_at: u64) -> Traffic {
        let began = Instant::now();
        let write = |from, to, number, fate| Write {
            began: at(began, from),
            ended: at(began, to),
            became: Became::Number(number),
            is_encrypted: number.is_multiple_of(2),
            fate,
            said: String::new(),
        };
        let writes = vec![write(0, 1, 1, Fate::Acknowledged), write(10, 20, 2, fate)];
        Traffic { writes, reads: vec![Read { began: at(began, read_at), found }] }
    }

    #[test]
    fn what_was_acknowledged_before_a_read_began_is_not_undercut() {
        let old =
            |fate, number, at| traffic(fate, Found::Number(number, number.is_multiple_of(2)), at).old().len();
        assert_eq!(old(Fate::Acknowledged, 1, 30), 1);
        assert_eq!(old(Fate::Acknowledged, 1, 15), 0, "the write was under way");
        assert_eq!(old(Fate::Acknowledged, 2, 30), 0);
        assert_eq!(old(Fate::Unknown, 1, 30), 0);
        assert_eq!(old(Fate::Unknown, 2, 30), 0);
    }

    #[test]
    fn what_nobody_wrote_or_what_was_refused_is_not_read() {
        let wrong = |fate, found| traffic(fate, found, 30).out_of_nowhere().len();
        assert_eq!(wrong(Fate::Acknowledged, Found::Number(2, true)), 0);
        assert_eq!(wrong(Fate::Acknowledged, Found::Number(2, false)), 1, "half of it");
        assert_eq!(wrong(Fate::Refused, Found::Number(2, true)), 1);
        assert_eq!(wrong(Fate::Unknown, Found::Number(2, true)), 0);
        assert_eq!(wrong(Fate::Acknowledged, Found::Number(9, true)), 1);
        assert_eq!(wrong(Fate::Acknowledged, Found::Foreign), 1);
        assert_eq!(wrong(Fate::Acknowledged, Found::Nothing), 0);
    }
}
