//! What a client may conclude from an answer, or from none.

use crate::model::{ErrorKind, Outcome};
use crate::vault::{Failure, RawAnswer};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The part of an operation that only its answer tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub outcome: Outcome,
    pub error: Option<ErrorKind>,
    pub status: Option<u16>,
    pub key: Option<u32>,
    pub version: Option<u64>,
    pub digest: Option<String>,
    pub expected: Option<u64>,
    pub index: Option<u64>,
    pub subject: Option<Box<str>>,
    pub request: Option<Box<str>>,
    pub ttl_s: Option<u64>,
}

impl Done {
    pub fn new(outcome: Outcome, error: Option<ErrorKind>) -> Self {
        Self {
            outcome,
            error,
            status: None,
            key: None,
            version: None,
            digest: None,
            expected: None,
            index: None,
            subject: None,
            request: None,
            ttl_s: None,
        }
    }

    pub fn with_key(self, key: u32) -> Self {
        Self { key: Some(key), ..self }
    }
}

/// A timeout or a reset after sending is unknown: the request may still take effect.
pub fn of_failure(failure: Failure) -> Done {
    let (outcome, error) = match failure {
        Failure::ConnectRefused => (Outcome::Failed, ErrorKind::ConnectRefused),
        Failure::ConnectTimeout => (Outcome::Failed, ErrorKind::ConnectTimeout),
        Failure::Connect => (Outcome::Failed, ErrorKind::Connect),
        Failure::Exhausted => (Outcome::Failed, ErrorKind::Exhausted),
        Failure::Reset => (Outcome::Unknown, ErrorKind::Reset),
        Failure::Timeout => (Outcome::Unknown, ErrorKind::Timeout),
    };
    Done::new(outcome, Some(error))
}

/// By status alone. 4xx refuse before anything is done. Any 5xx may have been applied: a 500 whose audit entry
/// could not be written was seen applied 13 times of 14. A redirect is a forward that failed, perhaps after
/// the leader had taken it.
pub fn of_status(answer: &RawAnswer) -> Done {
    let (outcome, error) = match answer.status {
        200..=299 => (Outcome::Ok, None),
        300..=399 => (Outcome::Unknown, Some(ErrorKind::Redirect)),
        400..=499 => (Outcome::Failed, Some(ErrorKind::Status)),
        _ => (Outcome::Unknown, Some(ErrorKind::Status)),
    };
    Done {
        status: Some(answer.status),
        index: index_of(answer),
        request: request_of(answer),
        ..Done::new(outcome, error)
    }
}

/// From an answer of which only the status counts, or from none.
pub fn concluded(answer: Result<RawAnswer, Failure>) -> Done {
    answer.map_or_else(of_failure, |answer| of_status(&answer))
}

/// An answer of 2xx without what the API documents: acknowledged, but of what?
pub fn malformed(done: Done) -> Done {
    Done { outcome: Outcome::Unknown, error: Some(ErrorKind::Malformed), ..done }
}

/// The raft index in `X-Vault-Index`: base64 of `{"cluster":"…","value":"32"}`.
fn index_of(answer: &RawAnswer) -> Option<u64> {
    #[derive(Deserialize)]
    struct Index {
        value: String,
    }
    let text = answer.headers.get("x-vault-index")?.as_bytes();
    let json = STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    serde_json::from_slice::<Index>(&json).ok()?.value.parse().ok()
}

/// The server's id of the request, under which its audit entries stand. Every body begins with it, so it is not worth
/// reading the whole.
fn request_of(answer: &RawAnswer) -> Option<Box<str>> {
    let rest = answer.body.strip_prefix(br#"{"request_id":""#)?;
    let end = rest.iter().position(|&byte| byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok().filter(|id| !id.is_empty()).map(Box::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> RawAnswer {
        let mut headers = hyper::HeaderMap::new();
        let index = STANDARD.encode(r#"{"cluster":"c","value":"4711"}"#);
        headers.insert("x-vault-index", index.parse().unwrap());
        RawAnswer { status, headers, body: Default::default() }
    }

    #[test]
    fn outcomes_follow_the_measured_rules() {
        let cases = [
            (200, Outcome::Ok),
            (204, Outcome::Ok),
            (307, Outcome::Unknown),
            (400, Outcome::Failed),
            (403, Outcome::Failed),
            (429, Outcome::Failed),
            (500, Outcome::Unknown),
            (503, Outcome::Unknown),
        ];
        for (status, outcome) in cases {
            assert_eq!(of_status(&answer(status)).outcome, outcome, "{status}");
        }
        assert_eq!(of_failure(Failure::ConnectRefused).outcome, Outcome::Failed);
        assert_eq!(of_failure(Failure::Reset).outcome, Outcome::Unknown);
        assert_eq!(of_failure(Failure::Timeout).outcome, Outcome::Unknown);
    }

    #[test]
    fn the_raft_index_is_read_from_the_header() {
        assert_eq!(of_status(&answer(200)).index, Some(4711));
    }

    #[test]
    fn the_request_id_is_read_from_the_beginning_of_the_body() {
        let of_body = |body: &'static str| request_of(&RawAnswer { body: body.into(), ..answer(200) });
        assert_eq!(of_body(r#"{"request_id":"8f2c-1","data":{}}"#).as_deref(), Some("8f2c-1"));
        for none in [r#"{"errors":[]}"#, r#"{"request_id":"","data":{}}"#, r#"{"request_id":"cut"#, ""] {
            assert_eq!(of_body(none), None, "{none}");
        }
    }
}
