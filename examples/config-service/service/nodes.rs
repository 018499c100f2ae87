//! The nodes of the cluster, and which of them leads.
//!
//! Standbys answer reads with what they have, which may be older than what was acknowledged, and pass writes on, which can
//! fail halfway. So the service asks the leader alone, and keeps knowing who that is.

use super::settings::Settings;
use reqwest::{Certificate, Client, Method, RequestBuilder, redirect::Policy};
use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

const ASK_EVERY: Duration = Duration::from_millis(200);
const PROBE_WITHIN: Duration = Duration::from_millis(800);
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// What was seen longer ago says nothing about now.
const SEEN_WITHIN: Duration = Duration::from_millis(1_500);

#[derive(Clone)]
pub struct Nodes {
    http: Client,
    token: String,
    addresses: Arc<[String]>,
    /// Who led when it was last asked for, and when that was.
    leader: Arc<RwLock<Option<(String, Instant)>>>,
}

impl Nodes {
    /// Begins to follow the leader; needs a runtime.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // Another part of the program may have chosen it already, which is as good.
        let _ = rustls::crypto::CryptoProvider::install_default((*provider).clone());
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN);
        let roots = match &settings.ca {
            Some(pem) => {
                Certificate::from_pem_bundle(pem).map_err(|error| format!("VAULT_CACERT: {error}"))?
            }
            None => Vec::new(),
        };
        builder = builder.tls_certs_only(roots);
        let http = builder.build().map_err(|error| error.to_string())?;
        let nodes = Self {
            http,
            token: settings.token.clone(),
            addresses: settings.nodes.clone().into(),
            leader: Arc::default(),
        };
        let follower = nodes.clone();
        tokio::spawn(async move {
            loop {
                follower.look().await;
                tokio::time::sleep(ASK_EVERY).await;
            }
        });
        Ok(nodes)
    }

    /// Asks every node whether it leads, now.
    pub async fn look(&self) -> Option<String> {
        self.look_within(PROBE_WITHIN).await
    }

    async fn look_within(&self, within: Duration) -> Option<String> {
        let asked = self.addresses.iter().map(|address| self.claim(address, within));
        let claims = futures_util::future::join_all(asked).await.into_iter().flatten();
        // A leader that was cut off may not know yet that there is a newer one, who has seen more.
        let leader = claims.max_by_key(|(index, _)| *index).map(|(_, address)| address);
        let mut known = self.leader.write().unwrap_or_else(PoisonError::into_inner);
        *known = leader.clone().map(|leader| (leader, Instant::now()));
        leader
    }

    /// The index up to which a node that leads has everything.
    async fn claim(&self, address: &str, within: Duration) -> Option<(u64, String)> {
        let request = self.http.get(format!("{address}/v1/sys/leader")).timeout(within);
        let answer: Value = request.send().await.ok()?.json().await.ok()?;
        let index = answer["raft_committed_index"].as_u64().unwrap_or(0);
        (answer["is_self"] == true).then(|| (index, address.to_owned()))
    }

    /// Who led a moment ago.
    pub fn leader(&self) -> Option<String> {
        let known = self.leader.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(_, seen)| seen.elapsed() < SEEN_WITHIN).map(|(leader, _)| leader.clone())
    }

    /// A request to a node, with our token; `path` is below `/v1/`.
    pub fn request(&self, method: Method, node: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{node}/v1/{path}")).header("X-Vault-Token", &self.token)
    }

    /// Whether somebody leads and knows our token, at this moment.
    pub async fn is_connected(&self) -> bool {
        // Who asks for the status waits rather than be told of a loss that is only a busy moment.
        let Some(leader) = self.look_within(ANSWER_WITHIN).await else { return false };
        let asked = self.request(Method::GET, &leader, "auth/token/lookup-self");
        asked.send().await.is_ok_and(|answer| answer.status().is_success())
    }
}
