//! What came back, and the expectations through which a case looks at it.

use super::look::{AnswerId, Look, Received, Recorder, text_of};
use super::{Checked, Stop};
use serde_json::Value;
use std::sync::Arc;

/// One answer of a server, or one thing seen elsewhere: in a database, a file, a handshake. Everything in it is looked at
/// through expectations; what does not meet one is a divergence with both texts.
///
/// Places in it are JSON pointers: `/data/metadata/version`.
#[derive(Clone, Debug)]
pub struct Answer {
    id: AnswerId,
    received: Received,
    recorder: Arc<Recorder>,
}

/// Where servers put what must never be shown.
const SECRET_PLACES: [&str; 9] = [
    "client_token",
    "token",
    "root_token",
    "secret_id",
    "secret_id_accessor",
    "password",
    "private_key",
    "keys_base64",
    "recovery_keys_base64",
];

/// A value is shown up to here; what is longer is no figure or word.
const SHOWN_MAX: usize = 120;

impl Answer {
    pub(super) fn new(request: String, mut received: Received, recorder: Arc<Recorder>) -> Self {
        let id = recorder.receive(request, &mut received);
        Self { id, received, recorder }
    }

    /// It has this status.
    pub fn is(&self, status: u16) -> Checked<&Self> {
        self.is_one_of(&[status])
    }

    /// It has one of these, where documents and versions name several.
    pub fn is_one_of(&self, statuses: &[u16]) -> Checked<&Self> {
        let found = statuses.contains(&self.received.status);
        let documented = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
        self.look(Look::Status, found, format!("status {documented}"), || self.status_and_errors())
    }

    /// It succeeded, whichever way.
    pub fn succeeds(&self) -> Checked<&Self> {
        let found = (200..300).contains(&self.received.status);
        self.look(Look::Status, found, "success".into(), || self.status_and_errors())
    }

    /// The value there is this one.
    pub fn has(&self, pointer: &str, value: impl Into<Value>) -> Checked<&Self> {
        let value = value.into();
        let found = self.received.body.pointer(pointer) == Some(&value);
        self.look(Look::Field(pointer.into()), found, format!("{pointer} is {}", shown(&value)), || {
            self.value_at(pointer)
        })
    }

    /// The value there is as the words say.
    pub fn that(&self, pointer: &str, words: &str, holds: impl FnOnce(&Value) -> bool) -> Checked<&Self> {
        let found = self.received.body.pointer(pointer).is_some_and(holds);
        self.look(Look::Field(pointer.into()), found, format!("{pointer} {words}"), || self.value_at(pointer))
    }

    /// There is nothing there: absent, null or empty.
    pub fn lacks(&self, pointer: &str) -> Checked<&Self> {
        let found = match self.received.body.pointer(pointer) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(fields)) => fields.is_empty(),
            Some(_) => false,
        };
        self.look(Look::Absence(pointer.into()), found, format!("nothing at {pointer}"), || {
            self.value_at(pointer)
        })
    }

    /// The list there holds this item.
    pub fn lists(&self, pointer: &str, item: &str) -> Checked<&Self> {
        let found = self.items(pointer).any(|there| text_of(there) == item);
        self.look(Look::Item(pointer.into(), item.into()), found, format!("{pointer} lists `{item}`"), || {
            self.value_at(pointer)
        })
    }

    /// The same for an item that is drawn anew in each run, such as a serial number or a name of this case's own.
    pub fn lists_drawn(&self, pointer: &str, item: &str) -> Checked<&Self> {
        let found = self.items(pointer).any(|there| text_of(there) == item);
        self.look(Look::Field(pointer.into()), found, format!("{pointer} lists `{item}`"), || {
            self.value_at(pointer)
        })
    }

    /// The list there does not hold it; where there is no list there is no item either.
    pub fn does_not_list(&self, pointer: &str, item: &str) -> Checked<&Self> {
        let found = !self.items(pointer).any(|there| text_of(there) == item);
        let documented = format!("{pointer} does not list `{item}`");
        self.look(Look::NoItem(pointer.into(), item.into()), found, documented, || self.value_at(pointer))
    }

    /// One of the server's error texts contains this, whatever its capitals.
    pub fn error_has(&self, words: &str) -> Checked<&Self> {
        let found = self.errors().to_lowercase().contains(&words.to_lowercase());
        self.look(Look::Field("/errors".into()), found, format!("an error with `{words}`"), || {
            self.status_and_errors()
        })
    }

    /// A header, its name in small letters, is as the words say.
    pub fn header(&self, name: &str, words: &str, holds: impl FnOnce(&str) -> bool) -> Checked<&Self> {
        let value = self.received.headers[name].as_str();
        let found = value.is_some_and(holds);
        self.look(Look::Header(name.into()), found, format!("header {name} {words}"), || match value {
            Some(value) => format!("header {name}: {}", cut(value)),
            None => format!("no header {name}"),
        })
    }

    /// Takes the text there, for a later request.
    pub fn text(&self, pointer: &str) -> Checked<String> {
        let text =
            self.received.body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        self.look(Look::Field(pointer.into()), text.is_some(), format!("a text at {pointer}"), || {
            self.kind_at(pointer)
        })?;
        Ok(text.unwrap_or_default().to_owned())
    }

    /// Takes the number there.
    pub fn number(&self, pointer: &str) -> Checked<f64> {
        let number = self.received.body.pointer(pointer).and_then(Value::as_f64);
        self.look(Look::Field(pointer.into()), number.is_some(), format!("a number at {pointer}"), || {
            self.kind_at(pointer)
        })?;
        Ok(number.unwrap_or_default())
    }

    /// Takes the value there, whatever it is.
    pub fn value(&self, pointer: &str) -> Checked<Value> {
        let value = self.received.body.pointer(pointer).filter(|value| !value.is_null());
        self.look(Look::Field(pointer.into()), value.is_some(), format!("something at {pointer}"), || {
            self.kind_at(pointer)
        })?;
        Ok(value.cloned().unwrap_or_default())
    }

    /// For conditions of the harness itself, such as whether an engine is there: no expectation of a document.
    pub(super) fn status(&self) -> u16 {
        self.received.status
    }

    pub(super) fn errors(&self) -> String {
        let errors = self.received.body["errors"].as_array().into_iter().flatten();
        errors.filter_map(Value::as_str).collect::<Vec<_>>().join("; ").replace(['\n', '\t'], " ")
    }

    fn items(&self, pointer: &str) -> impl Iterator<Item = &Value> {
        self.received.body.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
    }

    fn look(
        &self,
        look: Look,
        found: bool,
        documented: String,
        observed: impl FnOnce() -> String,
    ) -> Checked<&Self> {
        self.recorder.looked(&self.id, look, found);
        if found {
            return Ok(self);
        }
        Err(Stop::differs(format!("{}: {documented}", self.id.request), observed()))
    }

    fn status_and_errors(&self) -> String {
        match self.errors().as_str() {
            "" => format!("status {}", self.received.status),
            errors => format!("status {}: {}", self.received.status, cut(errors)),
        }
    }

    /// A value that a case compares is one that it chose, or a figure: it may be shown, unless its place is one of a secret.
    fn value_at(&self, pointer: &str) -> String {
        if pointer.split('/').any(|part| SECRET_PLACES.contains(&part)) {
            return self.kind_at(pointer);
        }
        match self.received.body.pointer(pointer) {
            Some(value) => format!("{pointer} is {}", shown(value)),
            None => format!("nothing at {pointer} (status {})", self.received.status),
        }
    }

    /// What is taken for later use may be a token or a key: only what it is, not its value.
    fn kind_at(&self, pointer: &str) -> String {
        let kind = match self.received.body.pointer(pointer) {
            None | Some(Value::Null) => "nothing",
            Some(Value::Bool(_)) => "a truth value",
            Some(Value::Number(_)) => "a number",
            Some(Value::String(text)) if text.is_empty() => "an empty text",
            Some(Value::String(_)) => "a text",
            Some(Value::Array(_)) => "a list",
            Some(Value::Object(_)) => "an object",
        };
        format!("{kind} at {pointer}; {}", self.status_and_errors())
    }
}

fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Answer {
        let body = json!({ "data": { "version": 2, "keys": ["a"], "token": "s.secret", "gone": null } });
        let received = Received { status: 200, headers: json!({ "x-a": "1" }), body };
        Answer::new("GET *kv/a".into(), received, Arc::default())
    }

    fn observed<T: std::fmt::Debug>(checked: Checked<T>) -> String {
        match checked {
            Err(Stop::Differs { documented, observed }) => format!("{documented} | {observed}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_meets_the_expectations_goes_on() {
        let answer = answer();
        answer.is(200).unwrap().has("/data/version", 2).unwrap().lists("/data/keys", "a").unwrap();
        answer.lists_drawn("/data/keys", "a").unwrap();
        answer.does_not_list("/data/keys", "b").unwrap().lacks("/data/gone").unwrap().lacks("/auth").unwrap();
        answer.header("x-a", "is one", |value| value == "1").unwrap().succeeds().unwrap();
        assert_eq!(answer.text("/data/token").unwrap(), "s.secret");
        assert_eq!(answer.recorder.looks().len(), 9);
    }

    #[test]
    fn what_does_not_is_told_with_both_texts() {
        let answer = answer();
        assert_eq!(observed(answer.is(404)), "GET *kv/a: status 404 | status 200");
        assert_eq!(
            observed(answer.has("/data/version", 3)),
            "GET *kv/a: /data/version is 3 | /data/version is 2"
        );
        assert!(observed(answer.lists("/data/keys", "b")).contains("lists `b`"));
        assert!(observed(answer.lists_drawn("/data/keys", "b")).contains("lists `b`"));
        assert!(observed(answer.does_not_list("/data/keys", "a")).contains("does not list"));
        assert!(observed(answer.lacks("/data/version")).contains("is 2"));
        assert!(observed(answer.error_has("denied")).contains("status 200"));
        assert!(
            observed(answer.that("/data/version", "is above 5", |v| v.as_i64() > Some(5)))
                .contains("above 5")
        );
        assert!(observed(answer.header("x-b", "is there", |_| true)).contains("no header"));
    }

    #[test]
    fn what_is_taken_for_later_is_never_shown() {
        let told = observed(answer().number("/data/token"));
        assert!(told.contains("a text at /data/token") && !told.contains("secret"), "{told}");
    }
}
