//! One pass over a file for every spelling of every secret at once.

use super::{Secret, spellings};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::collections::HashMap;
use std::io::{self, Read};

/// One spelling of one secret that was found; told by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub secret: String,
    pub form: &'static str,
    /// Where it begins, the first time.
    pub offset: u64,
    pub times: u64,
}

/// What a search of one file found.
#[derive(Default)]
pub struct Found {
    pub bytes: u64,
    /// In the order of their first places.
    pub hits: Vec<Hit>,
    /// Which of the control words stand in it, by their number.
    controls: Vec<bool>,
}

impl Found {
    pub fn has_control(&self, number: usize) -> bool {
        self.controls.get(number).copied().unwrap_or(false)
    }
}

enum Pattern {
    Secret { secret: usize, form: &'static str },
    Control(usize),
}

pub struct Search {
    automaton: AhoCorasick,
    patterns: Vec<Pattern>,
    names: Vec<String>,
    controls: usize,
    longest: usize,
}

/// More than the longest spelling by far.
const BLOCK_BYTES: usize = 1 << 20;

impl Search {
    /// `controls` are words that are no secret and must be there: a search that does not find them finds nothing.
    pub fn new(secrets: &[Secret], controls: &[String]) -> io::Result<Self> {
        let (mut patterns, mut bytes) = (Vec::new(), Vec::new());
        for (number, secret) in secrets.iter().enumerate() {
            for spelling in spellings(&secret.bytes) {
                patterns.push(Pattern::Secret { secret: number, form: spelling.form });
                bytes.push(spelling.bytes);
            }
        }
        for (number, control) in controls.iter().enumerate() {
            patterns.push(Pattern::Control(number));
            bytes.push(control.clone().into_bytes());
        }
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&bytes);
        Ok(Self {
            automaton: automaton.map_err(io::Error::other)?,
            patterns,
            names: secrets.iter().map(|secret| secret.name.clone()).collect(),
            controls: controls.len(),
            longest: bytes.iter().map(Vec::len).max().unwrap_or(0),
        })
    }

    /// The spellings that it knows, in the order of their first use.
    pub fn forms(&self) -> Vec<String> {
        let mut forms: Vec<String> = Vec::new();
        for pattern in &self.patterns {
            if let Pattern::Secret { form, .. } = pattern
                && !forms.iter().any(|known| known == form)
            {
                forms.push((*form).to_owned());
            }
        }
        forms
    }

    /// Reads to the end, or until `is_cancelled`, in blocks that overlap by the longest spelling.
    pub fn run(&self, mut input: impl Read, is_cancelled: &dyn Fn() -> bool) -> io::Result<Found> {
        let mut found = Found { controls: vec![false; self.controls], ..Found::default() };
        let mut hit_of = HashMap::new();
        let mut block = vec![0; BLOCK_BYTES + self.longest];
        // What stands at the beginning of the block was searched before.
        let mut kept = 0;
        loop {
            let read = read_full(&mut input, &mut block[kept..])?;
            if read == 0 || is_cancelled() {
                return Ok(found);
            }
            let (begin, filled) = (found.bytes - kept as u64, kept + read);
            for hit in self.automaton.find_overlapping_iter(&block[..filled]) {
                if hit.end() <= kept {
                    continue;
                }
                match self.patterns[hit.pattern().as_usize()] {
                    Pattern::Control(number) => found.controls[number] = true,
                    Pattern::Secret { secret, form } => {
                        let known = *hit_of.entry(hit.pattern()).or_insert_with(|| {
                            let (secret, offset) = (self.names[secret].clone(), begin + hit.start() as u64);
                            found.hits.push(Hit { secret, form, offset, times: 0 });
                            found.hits.len() - 1
                        });
                        found.hits[known].times += 1;
                    }
                }
            }
            found.bytes += read as u64;
            let keep = self.longest.saturating_sub(1).min(filled);
            block.copy_within(filled - keep..filled, 0);
            kept = keep;
        }
    }

    /// The same for text that is at hand.
    pub fn text(&self, text: &[u8]) -> Vec<Hit> {
        // Reading from memory cannot fail.
        self.run(text, &|| false).map(|found| found.hits).unwrap_or_default()
    }
}

/// As much as there is room for, unless the input ends before.
fn read_full(input: &mut impl Read, mut room: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    while !room.is_empty() {
        match input.read(room) {
            Ok(0) => break,
            Ok(read) => {
                total += read;
                room = &mut room[read..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const SECRET: &[u8] = b"vqc-0a/1b+2c~3d";

    fn search() -> Search {
        let secrets = [Secret { name: "canary".into(), bytes: SECRET.to_vec() }];
        Search::new(&secrets, &["tenant-1".into(), "tenant-2".into()]).unwrap()
    }

    fn inside(before: usize) -> Vec<u8> {
        [vec![b'x'; before].as_slice(), SECRET, b" and more"].concat()
    }

    #[test]
    fn every_spelling_is_found_wherever_it_begins() {
        let hex: String = SECRET.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut texts = vec![
            hex.to_uppercase(),
            hex,
            String::from_utf8(SECRET.to_vec()).unwrap(),
            "vqc-0a%2F1b%2B2c~3d".into(),
            "vqc-0a%2f1b%2b2c~3d".into(),
            r"vqc-0a\/1b+2c~3d".into(),
            r"vqc-0a\u002f1b\u002b2c\u007e3d".into(),
            SECRET.iter().map(|byte| format!("%{byte:02X}")).collect(),
        ];
        for before in 0..3 {
            texts.push(STANDARD.encode(inside(before)));
            texts.push(URL_SAFE_NO_PAD.encode(inside(before)));
        }
        for text in &texts {
            let hits = search().text(format!("{{\"a\":\"{text}\"}}").as_bytes());
            assert_eq!(hits.len(), 1, "{text}: {hits:?}");
        }
        assert_eq!(search().text(b"vqc-0a/1b+2c~3 hmac-sha256:8f2c"), []);
    }

    #[test]
    fn what_lies_across_two_blocks_is_found_once_with_its_place() {
        let search = search();
        for before_the_edge in 0..=SECRET.len() {
            let mut text = vec![b'.'; 2 * (BLOCK_BYTES + search.longest) + 100];
            let at = BLOCK_BYTES + search.longest - before_the_edge;
            text[at..at + SECRET.len()].copy_from_slice(SECRET);
            let found = search.run(&text[..], &|| false).unwrap();
            assert_eq!((found.bytes, found.hits.len()), (text.len() as u64, 1));
            assert_eq!((found.hits[0].offset, found.hits[0].times), (at as u64, 1));
        }
    }

    #[test]
    fn what_is_there_again_and_again_is_told_once_with_its_number() {
        let text = [SECRET, b" ", SECRET, b" ", SECRET].concat();
        let hits = search().text(&text);
        assert_eq!((hits.len(), hits[0].offset, hits[0].times), (1, 0, 3));
    }

    #[test]
    fn a_control_word_is_told_apart_and_is_no_hit() {
        let found = search().run(&b"... tenant-2 ..."[..], &|| false).unwrap();
        assert_eq!((found.hits.len(), found.has_control(0), found.has_control(1)), (0, false, true));
    }
}
