//! Taking the cluster behind the service away, in whole or its leader, and giving it back.

use super::under_test::Behind;
use crate::bootstrap::{unseal, wait_for_redundancy};
use crate::cluster::{Node, Signal};
use crate::vault::{Client, wait_until};
use std::time::Duration;

const UNSEALED_WITHIN: Duration = Duration::from_secs(60);
const WHOLE_WITHIN: Duration = Duration::from_secs(90);
const LED_WITHIN: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_millis(50);

type Done<T = ()> = Result<T, String>;

impl Behind {
    /// Kills every node.
    pub async fn take_away(&self) -> Done {
        for node in self.cluster.nodes() {
            self.kill(node).await?;
        }
        Ok(())
    }

    pub async fn kill(&self, node: &Node) -> Done {
        self.cluster.signal(&node.id, Signal::Kill).await.map(drop).map_err(|error| error.to_string())
    }

    /// Starts what is down, opens it, and waits until the cluster can lose a node again.
    pub async fn give_back(&self, nodes: &[Node]) -> Done {
        for node in nodes {
            self.cluster.start(&node.id).await.map_err(|error| error.to_string())?;
        }
        for node in nodes {
            let client = Client::new(&node.endpoint).map_err(|error| error.to_string())?;
            unseal(&client, &self.access, UNSEALED_WITHIN).await.map_err(|error| error.to_string())?;
        }
        let leader = self.leader().await?;
        let operator = Client::new(&leader.endpoint).map_err(|error| error.to_string())?;
        let operator = operator.with_token(&self.access.root_token);
        let whole = wait_for_redundancy(&operator, self.cluster.nodes().len(), WHOLE_WITHIN);
        whole.await.map_err(|error| error.to_string())
    }

    /// Who leads; waits for somebody.
    pub async fn leader(&self) -> Done<Node> {
        let led = wait_until("a node leads", LED_WITHIN, EVERY, || async {
            for node in self.cluster.nodes() {
                let Ok(client) = Client::new(&node.endpoint) else { continue };
                if let Ok(Ok(answer)) = tokio::time::timeout(EVERY * 20, client.get("sys/leader")).await
                    && answer.body["is_self"] == true
                {
                    return Ok(node.clone());
                }
            }
            Err("nobody does".to_owned())
        });
        led.await.map_err(|error| error.to_string())
    }

    /// A request to the cluster itself, of its leader: status and body.
    pub async fn ask_leader(&self, path: &str) -> Done<(u16, serde_json::Value)> {
        let leader = self.leader().await?;
        let client = Client::new(&leader.endpoint).map_err(|error| error.to_string())?;
        let client = client.with_token(&self.access.root_token);
        let answer =
            client.call(reqwest::Method::GET, path, None).await.map_err(|error| error.to_string())?;
        Ok((answer.status, answer.body))
    }
}
