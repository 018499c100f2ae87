//! The ways in which text gets encoded on its way into a file.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// A secret as it may stand in a file.
pub struct Spelling {
    pub form: &'static str,
    pub bytes: Vec<u8>,
}

/// Every way to write `secret` down, each once.
pub fn spellings(secret: &[u8]) -> Vec<Spelling> {
    let each = |f: &dyn Fn(u8) -> String| secret.iter().map(|&byte| f(byte)).collect::<String>();
    let mut all = vec![("raw", secret.to_vec())];
    let mut add = |form, text: String| all.push((form, text.into_bytes()));
    add("hex", each(&|byte| format!("{byte:02x}")));
    add("upper hex", each(&|byte| format!("{byte:02X}")));
    for text in base64_inside(secret, &STANDARD) {
        add("base64", text);
    }
    for text in base64_inside(secret, &URL_SAFE) {
        add("url-safe base64", text);
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let escaped = |keep: &[u8], hex: &dyn Fn(u8) -> String| {
            each(&|byte| match byte.is_ascii_alphanumeric() || keep.contains(&byte) {
                true => char::from(byte).to_string(),
                false => hex(byte),
            })
        };
        add("URL-escaped", escaped(b"-._~", &|byte| format!("%{byte:02X}")));
        add("URL-escaped in lower case", escaped(b"-._~", &|byte| format!("%{byte:02x}")));
        add("URL-escaped in whole", each(&|byte| format!("%{byte:02X}")));
        add("JSON-escaped slashes", text.replace('/', "\\/"));
        add("JSON-escaped", escaped(b"-._", &|byte| format!("\\u{byte:04x}")));
        add("JSON-escaped in whole", each(&|byte| format!("\\u{byte:04x}")));
        add("HTML-escaped", escaped(b"-._", &|byte| format!("&#x{byte:x};")));
    }
    // Of those that look the same the first has its name.
    let mut once: Vec<Spelling> = Vec::new();
    for (form, bytes) in all {
        if !once.iter().any(|spelling| spelling.bytes == bytes) {
            once.push(Spelling { form, bytes });
        }
    }
    once
}

/// Base64 of `secret` somewhere inside a longer text: the characters that do not depend on its neighbours,
/// for each of the three places at which it can begin.
fn base64_inside(secret: &[u8], alphabet: &Alphabet) -> [String; 3] {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    [0, 1, 2].map(|before: usize| {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
        let encoded = engine.encode(&padded);
        encoded[(before * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
    })
}
