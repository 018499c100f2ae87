//! After everything has settled: asks every node for everything that it says can be asked for, and journals where their
//! answers differ. What is asked is found by walking the server's own description of its API; nothing is written.

mod changes;
mod volatile;
mod walk;

pub use changes::Configuration;

use crate::cluster::Node;
use crate::model::{Event, NodeAnswer, NodeDifference};
use crate::record::Journal;
use crate::vault::{Client, ClientError};
use futures_util::StreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Requests on their way to one node at the same time.
const AT_ONCE: usize = 8;
/// A standby hears of changes a little later; what differs is asked again so often, so far apart.
const AGAIN: u32 = 6;
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What one node answered, made comparable.
#[derive(Clone, PartialEq)]
struct Said {
    /// 0 without an answer.
    status: u16,
    body: Value,
}

/// Journals what was compared, and each difference that lasts. `token` may read everything.
pub async fn compare_nodes(nodes: &[Node], token: &str, journal: &Journal) -> Result<(), ClientError> {
    let clients = nodes.iter().map(|node| Ok(Client::new(&node.endpoint)?.with_token(token)));
    let clients: Vec<Client> = clients.collect::<Result<_, ClientError>>()?;
    let Some(first) = clients.first() else { return Ok(()) };
    let walked = walk::walk(first, |_| true).await?;
    let mut differing = walked.paths.clone();
    let mut settled_late = 0;
    let mut answers = Vec::new();
    for attempt in 0..=AGAIN {
        answers = ask_all(&clients, &differing).await;
        let agreed = |said: &[Said]| said.iter().all(|one| one == &said[0] && one.status > 0);
        let before = differing.len();
        let kept: Vec<_> = differing.into_iter().zip(answers).filter(|(_, said)| !agreed(said)).collect();
        (differing, answers) = kept.into_iter().unzip();
        if attempt > 0 {
            settled_late += before - differing.len();
        }
        if differing.is_empty() || attempt == AGAIN {
            break;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    let differences = differing.into_iter().zip(answers).map(|(path, said)| NodeDifference {
        fields: fields(&said),
        answers: nodes.iter().zip(&said).map(|(node, said)| answer(node, said)).collect(),
        path,
    });
    journal.write(Event::NodesCompared {
        compared: walked.paths.len() as u32,
        settled_late: settled_late as u32,
        left_out: walked.left_out,
        differences: differences.collect(),
    });
    Ok(())
}

/// For each path what each node said.
async fn ask_all(clients: &[Client], paths: &[String]) -> Vec<Vec<Said>> {
    let of_node = clients.iter().map(|client| async move {
        futures_util::stream::iter(paths)
            .map(|path| ask(client, path))
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
    });
    let of_node = futures_util::future::join_all(of_node).await;
    (0..paths.len()).map(|index| of_node.iter().map(|said| said[index].clone()).collect()).collect()
}

async fn ask(client: &Client, path: &str) -> Said {
    match client.call(reqwest::Method::GET, path, None).await {
        Ok(answer) => Said { status: answer.status, body: volatile::without(answer.body) },
        Err(_) => Said { status: 0, body: Value::Null },
    }
}

/// A digest, because what is asked for is secret.
fn answer(node: &Node, said: &Said) -> NodeAnswer {
    let digest = Sha256::digest(said.body.to_string());
    let digest = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    NodeAnswer { node: node.id.clone(), status: said.status, digest }
}

/// The names of the fields that are not the same everywhere, as JSON pointers; names only.
fn fields(said: &[Said]) -> Vec<String> {
    let mut found = Vec::new();
    for other in &said[1..] {
        differing_fields(&said[0].body, &other.body, "", &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn differing_fields(a: &Value, b: &Value, at: &str, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                differing_fields(a, b, &format!("{at}/{key}"), found);
            }
        }
        (a, b) if a != b => found.push(if at.is_empty() { "/".to_owned() } else { at.to_owned() }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::Scripted;
    use serde_json::json;

    /// A server with a role and a secret; `ttl` is what it says of the role.
    async fn server(ttl: u64) -> Scripted {
        let mut requests = 0;
        Scripted::start(move |what, _| {
            requests += 1;
            let list = |keys: &[&str]| json!({ "request_id": requests, "data": { "keys": keys } });
            let get = |parameters: Value| json!({ "get": { "parameters": parameters } });
            let listed = json!([{ "name": "list", "in": "query", "required": true }]);
            Some(match what {
                "GET sys/internal/specs/openapi" => (
                    200,
                    json!({ "paths": {
                        "/auth/approle/role": get(listed),
                        "/auth/approle/role/{role_name}": get(json!([])),
                        "/sys/monitor": get(json!([])),
                        "/sys/rotate/config": get(json!([])),
                        "/kv/metadata/{path}": get(json!([{ "name": "list", "in": "query" }])),
                        "/kv/data/{path}": get(json!([])),
                    }}),
                ),
                "GET auth/approle/role?list=true" => (200, list(&["reader"])),
                "GET kv/metadata?list=true" => (200, list(&["tenants/"])),
                "GET kv/metadata/tenants?list=true" => (200, list(&["one"])),
                "GET auth/approle/role/reader" => {
                    (200, json!({ "request_id": requests, "data": { "token_ttl": ttl } }))
                }
                "GET sys/monitor" => panic!("it never ends"),
                _ => (200, json!({ "request_id": requests, "data": what })),
            })
        })
        .await
    }

    async fn compared(ttls: [u64; 2]) -> Event {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let journal = Journal::create(&path, std::time::Instant::now()).unwrap();
        let servers = [server(ttls[0]).await, server(ttls[1]).await];
        let node = |(number, server): (usize, &Scripted)| Node {
            id: crate::model::NodeId(format!("n{number}")),
            endpoint: server.endpoint.clone(),
        };
        let nodes: Vec<_> = (1..).zip(&servers).map(node).collect();
        compare_nodes(&nodes, "token", &journal).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let entry: crate::model::Entry = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        entry.event
    }

    #[tokio::test]
    async fn everything_that_can_be_found_is_asked_of_every_node() {
        let Event::NodesCompared { compared, left_out, differences, .. } = compared([60, 60]).await else {
            panic!("nothing was compared")
        };
        // Two lists of the keys, one of roles, the role, the configuration, and of the secret data and metadata.
        assert_eq!((compared, differences), (7, vec![]));
        assert_eq!(left_out.len(), 1, "{left_out:?}");
    }

    #[tokio::test]
    async fn a_node_that_knows_another_role_is_told_with_the_field() {
        let Event::NodesCompared { differences, .. } = compared([60, 61]).await else { panic!() };
        let [difference] = &differences[..] else { panic!("{differences:?}") };
        assert_eq!(difference.path, "auth/approle/role/reader");
        assert_eq!(difference.fields, ["/data/token_ttl"]);
        assert_ne!(difference.answers[0].digest, difference.answers[1].digest);
    }
}
