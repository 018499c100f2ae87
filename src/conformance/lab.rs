//! What a case works with: requests to the server under test, under names of its own.

use super::look::{Received, Recorder, request_name};
use super::{Answer, Checked, Stop, Subject};
use crate::bootstrap::Made;
use crate::cluster::Node;
use crate::helper::{Database, Kubernetes, Scratch};
use crate::vault::{Body, Client, Exchange};
use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A case's view of one node, with one token. Cheap to clone; `as_token`, `on` and `of` give other views.
#[derive(Clone)]
pub struct Lab {
    pub(super) subject: Arc<Subject>,
    pub(super) recorder: Arc<Recorder>,
    client: Client,
    node: Node,
    /// Stands before a request's name where it is not the active node that is asked.
    label: &'static str,
    /// Begins every name that this case makes.
    name: String,
    headers: Arc<Vec<(String, String)>>,
    made: Arc<Mutex<Vec<Made>>>,
    afterwards: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
}

/// Questions that are asked until they are answered as expected.
const ASK_EVERY: Duration = Duration::from_millis(50);

const STANDBYS: [&str; 4] = ["first standby ", "second standby ", "third standby ", "fourth standby "];

impl Lab {
    pub(super) fn new(subject: Arc<Subject>, recorder: Arc<Recorder>) -> Self {
        let (client, node, name) = (subject.operator(), subject.nodes[0].clone(), subject.next_name());
        Self {
            subject,
            recorder,
            client,
            node,
            label: "",
            name,
            headers: Arc::default(),
            made: Arc::default(),
            afterwards: Arc::default(),
        }
    }

    pub(super) fn at(&self, node: Node, client: Client, token: &str, label: &'static str) -> Self {
        let client = if token.is_empty() { client } else { client.with_token(token) };
        Self { client, node, label, ..self.clone() }
    }

    /// Asks the same node with another token.
    pub fn as_token(&self, token: &str) -> Self {
        Self { client: self.client.with_token(token), ..self.clone() }
    }

    /// Asks the same node without a token.
    pub fn anonymous(&self) -> Self {
        Self { client: self.client.without_token(), ..self.clone() }
    }

    /// Asks with one more header.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.as_ref().clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { headers: Arc::new(headers), ..self.clone() }
    }

    /// Asks a standby, counted from 0, as the operator.
    pub fn standby(&self, number: usize) -> Checked<Self> {
        let (Some(node), Some(client)) =
            (self.subject.nodes.get(number + 1), self.subject.clients.get(number + 1))
        else {
            return Err(Stop::NotJudged("a standby: only one address is known".into()));
        };
        let label = STANDBYS.get(number).copied().unwrap_or("standby ");
        Ok(self.at(node.clone(), client.clone(), &self.subject.operator_token, label))
    }

    /// The node that is asked.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// A name of this case's own.
    pub fn name(&self, what: &str) -> String {
        format!("{}{what}", self.name)
    }

    pub async fn get(&self, path: &str) -> Checked<Answer> {
        self.ask(Method::GET, path, Body::None).await
    }

    pub async fn list(&self, path: &str) -> Checked<Answer> {
        self.ask(Method::GET, &format!("{path}?list=true"), Body::None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Checked<Answer> {
        self.ask(Method::POST, path, Body::Json(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Checked<Answer> {
        self.ask(Method::PUT, path, Body::Json(body)).await
    }

    /// A JSON merge patch.
    pub async fn patch(&self, path: &str, body: Value) -> Checked<Answer> {
        self.ask(Method::PATCH, path, Body::MergePatch(body)).await
    }

    pub async fn delete(&self, path: &str) -> Checked<Answer> {
        self.ask(Method::DELETE, path, Body::None).await
    }

    /// Sends a request and takes whatever comes back. `path` is below `/v1/`.
    pub async fn ask(&self, method: Method, path: &str, body: Body) -> Checked<Answer> {
        let (status, headers, bytes) = self.exchange(method.clone(), path, body).await?;
        let body = match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(_) if bytes.is_empty() => Value::Null,
            Err(_) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        };
        let request = format!("{}{}", self.label, request_name(method.as_str(), path, &self.name));
        Ok(Answer::new(request, Received { status, headers, body }, self.recorder.clone()))
    }

    /// An answer that is no text, such as a snapshot; looked at only as the bytes it is.
    pub async fn download(&self, path: &str) -> Checked<(Answer, Vec<u8>)> {
        let (status, headers, bytes) = self.exchange(Method::GET, path, Body::None).await?;
        let request = format!("{}{}", self.label, request_name("GET", path, &self.name));
        let body = json!({ "bytes": bytes.len() });
        Ok((Answer::new(request, Received { status, headers, body }, self.recorder.clone()), bytes))
    }

    async fn exchange(&self, method: Method, path: &str, body: Body) -> Checked<(u16, Value, Vec<u8>)> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (answer, bytes) =
            self.client.exchange(Exchange { method, path, headers: &headers, body }).await?;
        let headers: Map<_, _> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()))))
            .collect();
        Ok((answer.status, Value::Object(headers), bytes))
    }

    /// Something that was seen elsewhere than in an answer: a row, a file, a handshake. `what` says what, in the same
    /// words each time; `seen` is looked at like a body.
    pub fn seen(&self, what: &str, seen: Value) -> Answer {
        let received = Received { status: 0, headers: Value::Null, body: seen };
        Answer::new(request_name("seen:", what, &self.name), received, self.recorder.clone())
    }

    /// Asks again until everything in `questions` is as expected, `within` at most; the last divergence counts.
    pub async fn eventually<T, P>(&self, within: Duration, mut questions: impl FnMut() -> P) -> Checked<T>
    where
        P: Future<Output = Checked<T>>,
    {
        let (began, begin) = (Instant::now(), self.recorder.begin());
        loop {
            match questions().await {
                Err(Stop::Differs { .. }) if began.elapsed() < within && !self.recorder.noticed() => {}
                done => return done,
            }
            tokio::time::sleep(ASK_EVERY).await;
            self.recorder.begin_again(&begin);
        }
    }

    /// Mounts a secrets engine under a name of this case's own; the mount's path.
    pub async fn mount(&self, what: &str, engine: &str, more: Value) -> Checked<String> {
        let path = self.name(what);
        self.make(Made::Mount { path: path.clone() }, "sys/mounts", &path, engine, more).await?;
        Ok(path)
    }

    /// Mounts an authentication method; the mount's path below `auth/`.
    pub async fn auth(&self, what: &str, method: &str, more: Value) -> Checked<String> {
        let path = self.name(what);
        self.make(Made::Auth { path: path.clone() }, "sys/auth", &path, method, more).await?;
        Ok(path)
    }

    async fn make(&self, made: Made, place: &str, path: &str, kind: &str, more: Value) -> Checked {
        self.about_to_make(made)?;
        let mut body = json!({ "type": kind });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let answer = self.quietly().post(&format!("{place}/{path}"), body).await?;
        let unknown = ["unknown", "unsupported", "not found in the catalog", "invalid backend"];
        match (answer.status(), answer.errors().to_lowercase()) {
            (200..300, _) => Ok(()),
            (400 | 404 | 500, why) if unknown.iter().any(|word| why.contains(word)) => {
                Err(Stop::NotApplicable(format!("mounting `{kind}` was answered {}: {why}", answer.status())))
            }
            // Some servers fail without a word where they have nothing of that kind.
            (500, why) if why.is_empty() => {
                Err(Stop::NotApplicable(format!("mounting `{kind}` was answered 500 without a word")))
            }
            (status, why) => Err(Stop::broken(format!("mounting `{kind}` was answered {status}: {why}"))),
        }
    }

    /// Writes a policy under a name of this case's own; the name.
    pub async fn policy(&self, what: &str, rules: &str) -> Checked<String> {
        let name = self.name(what);
        self.about_to_make(Made::Policy { name: name.clone() })?;
        let body = json!({ "policy": rules });
        self.quietly().put(&format!("sys/policies/acl/{name}"), body).await?.succeeds()?;
        Ok(name)
    }

    /// A token with these policies and nothing else, which lives an hour at most.
    pub async fn token(&self, policies: &[&str]) -> Checked<String> {
        let body = json!({ "policies": policies, "ttl": "1h", "no_default_policy": true });
        self.quietly().post("auth/token/create", body).await?.text("/auth/client_token")
    }

    /// A token that may do nothing. One that is made without any policy has those of who makes it.
    pub async fn powerless_token(&self) -> Checked<String> {
        self.token(&[&self.name("nothing")]).await
    }

    /// The same node and names, but what is asked is no part of what the case looks at: preparations.
    pub fn quietly(&self) -> Self {
        Self { recorder: Arc::default(), ..self.clone() }
    }

    /// The PostgreSQL that all cases share.
    pub async fn database(&self) -> Checked<Arc<Database>> {
        self.subject.database().await.map_err(Stop::NotJudged)
    }

    /// A database of this case's own in the PostgreSQL that all cases share, with an owner and a table.
    pub async fn scratch(&self) -> Checked<Arc<Scratch>> {
        let scratch = Arc::new(self.database().await?.scratch().await.map_err(Stop::broken)?);
        let given_back = scratch.clone();
        self.afterwards(async move { given_back.give_back().await });
        Ok(scratch)
    }

    /// A PostgreSQL of this case's own, for what would disturb the others.
    pub async fn own_database(&self) -> Checked<Arc<Database>> {
        let database = Arc::new(self.subject.own_database(&self.folder()?).await?);
        let kept = database.clone();
        self.afterwards(async move { drop(kept) });
        Ok(database)
    }

    /// The server's own program, which is also its agent and its client on the command line.
    pub fn server_program(&self) -> Checked<PathBuf> {
        self.subject.spares.binary().map(Path::to_owned)
    }

    /// Service accounts that all cases share, and the API that reviews their tokens.
    pub async fn kubernetes(&self) -> Checked<Arc<Kubernetes>> {
        self.subject.kubernetes().await
    }

    /// Is done when the case has ended, however it ended, and what it made on the cluster is gone.
    pub fn afterwards(&self, done: impl Future<Output = ()> + Send + 'static) {
        self.afterwards.lock().unwrap().push(Box::pin(done));
    }

    /// Where the KMS is that all cases share.
    pub async fn kms(&self) -> Checked<String> {
        self.subject.kms().await.map(|kms| kms.endpoint()).map_err(Stop::NotJudged)
    }

    /// What the cluster's certificates are trusted by, where it is ours.
    pub fn ca_file(&self) -> Option<&Path> {
        self.subject.ca_file.as_deref()
    }

    /// A folder of this case's own that nobody else reads.
    pub fn folder(&self) -> Checked<PathBuf> {
        let folder = self.subject.private().join("cases").join(self.name.trim_end_matches('-'));
        std::fs::create_dir_all(&folder).map_err(Stop::broken)?;
        Ok(folder)
    }

    fn about_to_make(&self, made: Made) -> Checked {
        self.subject.about_to_make(&made).map_err(Stop::Broken)?;
        self.made.lock().unwrap().push(made);
        Ok(())
    }

    /// Removes what this case made on the cluster, the last first. A spare server takes its things with it.
    pub(super) async fn clean_up(&self) {
        let operator = self.subject.operator();
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        for made in made.iter().rev() {
            let path = match made {
                Made::Mount { path } => format!("sys/mounts/{path}"),
                Made::Auth { path } => format!("sys/auth/{path}"),
                Made::Policy { name } => format!("sys/policies/acl/{name}"),
            };
            // What stays is found by its name at the end.
            let _ = operator.delete(&path).await;
        }
        let afterwards = std::mem::take(&mut *self.afterwards.lock().unwrap());
        for done in afterwards.into_iter().rev() {
            done.await;
        }
    }
}
