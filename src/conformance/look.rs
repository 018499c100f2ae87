//! What a case looked at, and edits of exactly that: the means to prove that a case can fail.

use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

/// What was received, before a case sees it.
#[derive(Clone, Debug)]
pub struct Received {
    /// 0 for what is no answer of a server.
    pub status: u16,
    /// Names in small letters.
    pub headers: Value,
    /// Null where there was none, a text where it was no JSON.
    pub body: Value,
}

/// One of the answers of a case: which request, and which of several like it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerId {
    /// Method and path without what differs from run to run.
    pub request: String,
    pub number: usize,
}

impl AnswerId {
    /// Whether an edit of this answer is one of that answer too: of itself, and of later ones to the same request.
    fn reaches(&self, answer: &AnswerId) -> bool {
        self.request == answer.request && self.number <= answer.number
    }
}

/// What an expectation depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    Status,
    /// The value at a JSON pointer.
    Field(String),
    /// That there is nothing at a JSON pointer.
    Absence(String),
    /// That a list at a JSON pointer holds this item.
    Item(String, String),
    /// That it does not.
    NoItem(String, String),
    Header(String),
}

/// How an answer is changed where a case looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// To the other side of success.
    Flip,
    Remove,
    /// To another value of the same type.
    Alter,
    Insert,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    pub answer: AnswerId,
    pub look: Look,
    pub change: Change,
}

impl Look {
    /// Every change that the case must notice.
    pub fn changes(&self) -> &'static [Change] {
        match self {
            Look::Status => &[Change::Flip],
            Look::Field(_) | Look::Header(_) => &[Change::Remove, Change::Alter],
            Look::Item(..) => &[Change::Remove],
            Look::Absence(_) | Look::NoItem(..) => &[Change::Insert],
        }
    }
}

/// Follows one run of one case.
#[derive(Debug, Default)]
pub struct Recorder {
    state: Mutex<State>,
    edit: Option<Edit>,
}

#[derive(Debug, Default)]
struct State {
    numbers: HashMap<String, usize>,
    looks: BTreeSet<(AnswerId, Look)>,
    applied: bool,
    noticed: bool,
}

impl Recorder {
    pub fn editing(edit: Edit) -> Self {
        Self { edit: Some(edit), ..Self::default() }
    }

    /// Gives an answer its number, and edits it where that is asked for. Later answers to the same request are edited
    /// too, so that who asks again does not come upon the truth.
    pub fn receive(&self, request: String, received: &mut Received) -> AnswerId {
        let mut state = self.state.lock().unwrap();
        let number = state.numbers.entry(request.clone()).or_insert(0);
        *number += 1;
        let id = AnswerId { request, number: *number };
        if let Some(edit) = &self.edit
            && edit.answer.reaches(&id)
        {
            apply(received, &edit.look, edit.change);
            state.applied = true;
        }
        id
    }

    /// Somebody looked, and found what was expected or not.
    pub fn looked(&self, answer: &AnswerId, look: Look, found: bool) {
        let mut state = self.state.lock().unwrap();
        if !found && self.edit.as_ref().is_some_and(|edit| edit.look == look && edit.answer.reaches(answer)) {
            state.noticed = true;
        }
        state.looks.insert((answer.clone(), look));
    }

    /// Where a repeated question begins; what is asked again gets the same numbers.
    pub fn begin(&self) -> HashMap<String, usize> {
        self.state.lock().unwrap().numbers.clone()
    }

    pub fn begin_again(&self, at: &HashMap<String, usize>) {
        self.state.lock().unwrap().numbers = at.clone();
    }

    /// The edit was seen for what it is: asking again would end the same way.
    pub fn noticed(&self) -> bool {
        self.state.lock().unwrap().noticed
    }

    pub fn applied(&self) -> bool {
        self.state.lock().unwrap().applied
    }

    pub fn looks(&self) -> Vec<(AnswerId, Look)> {
        self.state.lock().unwrap().looks.iter().cloned().collect()
    }
}

fn apply(received: &mut Received, look: &Look, change: Change) {
    match look {
        Look::Status => received.status = if received.status < 400 { 500 } else { 200 },
        Look::Header(name) => match change {
            Change::Remove => remove(&mut received.headers, &format!("/{name}")),
            _ => put(&mut received.headers, &format!("/{name}"), json!("edited")),
        },
        Look::Field(pointer) => match change {
            Change::Remove => remove(&mut received.body, pointer),
            _ => {
                if let Some(value) = received.body.pointer_mut(pointer) {
                    *value = other(value);
                }
            }
        },
        Look::Absence(pointer) => put(&mut received.body, pointer, json!("edited")),
        Look::Item(pointer, item) => {
            if let Some(list) = received.body.pointer_mut(pointer).and_then(Value::as_array_mut) {
                list.retain(|there| text_of(there) != *item);
            }
        }
        Look::NoItem(pointer, item) => match received.body.pointer_mut(pointer).and_then(Value::as_array_mut)
        {
            Some(list) => list.push(json!(item)),
            None => put(&mut received.body, pointer, json!([item])),
        },
    }
}

/// How an item of a list is named.
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Another value of the same type, far from the first.
fn other(value: &Value) -> Value {
    match value {
        Value::Null => json!("edited"),
        Value::Bool(truth) => json!(!truth),
        Value::Number(number) => json!(-number.as_f64().unwrap_or_default() - 1_000_003.0),
        Value::String(text) => json!(text.chars().rev().chain("-edited".chars()).collect::<String>()),
        Value::Array(items) if items.is_empty() => json!(["edited"]),
        Value::Array(_) => json!([]),
        Value::Object(fields) if fields.is_empty() => json!({ "edited": true }),
        Value::Object(_) => json!({}),
    }
}

fn remove(whole: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        *whole = Value::Null;
        return;
    };
    match whole.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&last.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse::<usize>().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// Puts it there, with whatever is missing on the way.
fn put(whole: &mut Value, pointer: &str, value: Value) {
    let mut place = whole;
    for part in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[part.replace("~1", "/").replace("~0", "~")];
    }
    *place = value;
}

/// Method and path without what is drawn anew in each run: names of this lab, ids, serial numbers, leases.
pub fn request_name(method: &str, path: &str, name: &str) -> String {
    let path = path.replace(name, "*");
    let segment = |segment: &str| {
        let drawn =
            segment.len() >= 20 && segment.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        if drawn { "#".to_owned() } else { segment.to_owned() }
    };
    format!("{method} {}", path.split('/').map(segment).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(look: Look, change: Change) -> Received {
        let mut received = Received {
            status: 200,
            headers: json!({ "x": "1" }),
            body: json!({ "data": { "n": 1, "keys": ["a", "b"], "s": "abc" } }),
        };
        apply(&mut received, &look, change);
        received
    }

    #[test]
    fn every_change_changes_what_is_looked_at() {
        let field = |name: &str| Look::Field(format!("/data/{name}"));
        assert_eq!(edited(Look::Status, Change::Flip).status, 500);
        assert_eq!(edited(field("n"), Change::Remove).body.pointer("/data/n"), None);
        assert_eq!(edited(field("s"), Change::Alter).body["data"]["s"], "cba-edited");
        assert!(edited(field("n"), Change::Alter).body["data"]["n"].as_f64().unwrap() < -1e6);
        assert_eq!(edited(field("keys"), Change::Alter).body["data"]["keys"], json!([]));
        let keys = |look| edited(look, Change::Remove).body["data"]["keys"].clone();
        assert_eq!(keys(Look::Item("/data/keys".into(), "a".into())), json!(["b"]));
        assert_eq!(keys(Look::NoItem("/data/keys".into(), "c".into())), json!(["a", "b", "c"]));
        let put = edited(Look::Absence("/auth/x".into()), Change::Insert);
        assert_eq!(put.body["auth"]["x"], "edited");
        assert_eq!(edited(Look::Header("x".into()), Change::Remove).headers, json!({}));
    }

    #[test]
    fn a_request_is_called_the_same_in_every_run() {
        let name = request_name("PUT", "vq-0a1b2c-7-kv/data/a/1234567890abcdef1234-x", "vq-0a1b2c-7-");
        assert_eq!(name, "PUT *kv/data/a/#");
        let lease =
            request_name("PUT", "sys/leases/renew/vq-0a-1-db/creds/app/glQfvTIQYZmlUQleZiHAJsNU", "vq-0a-1-");
        assert_eq!(lease, "PUT sys/leases/renew/*db/creds/app/#");
    }

    #[test]
    fn an_answer_before_the_edited_one_is_not_taken_for_it() {
        let second = AnswerId { request: "GET x".into(), number: 2 };
        let edit = Edit { answer: second.clone(), look: Look::Status, change: Change::Flip };
        let recorder = Recorder::editing(edit);
        recorder.looked(&AnswerId { number: 1, ..second.clone() }, Look::Status, false);
        assert!(!recorder.noticed());
        recorder.looked(&second, Look::Status, false);
        assert!(recorder.noticed());
    }

    #[test]
    fn who_asks_again_is_given_the_edited_answer_again() {
        let edit = Edit {
            answer: AnswerId { request: "GET x".into(), number: 2 },
            look: Look::Status,
            change: Change::Flip,
        };
        let recorder = Recorder::editing(edit);
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let mut received = Received { status: 200, headers: json!({}), body: Value::Null };
            recorder.receive("GET x".into(), &mut received);
            statuses.push(received.status);
        }
        assert_eq!(statuses, [200, 500, 500]);
        // What was looked for in vain before the edited answer came does not count.
        let id = |number| AnswerId { request: "GET x".into(), number };
        recorder.looked(&id(1), Look::Status, false);
        assert!(!recorder.noticed());
        recorder.looked(&id(2), Look::Status, false);
        assert!(recorder.noticed());
    }
}
