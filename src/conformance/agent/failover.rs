//! An agent whose node gives up its leadership.

use super::process::kv_template;
use crate::conformance::{Cases, Checked, Lab, Source, Stop};
use serde_json::json;
use std::time::{Duration, Instant};

const ELECTED_WITHIN: Duration = Duration::from_secs(20);
/// Who stepped down does not stand for election for 10 s.
const LEADS_AGAIN_WITHIN: Duration = Duration::from_secs(40);
const ASK_EVERY: Duration = Duration::from_millis(200);

pub fn register(cases: &mut Cases) {
    cases.add_alone(
        "agent/failover/goes-on-rendering",
        Source::Consciousness,
        "when the node that the agent talks to stops leading, the agent goes on and renders what is written under the next leader",
        |lab| async move {
            // Two nodes at least, or nobody could take over.
            let standby = lab.standby(0)?;
            let kv = lab.quietly().kv2().await?;
            kv.put("engine", json!({ "api_key": "first" })).await?.is(200)?;
            let rules = format!("path \"{}\" {{\n  capabilities = [\"read\"]\n}}\n", kv.data("*"));
            let policy = lab.policy("engine", &rules).await?;
            let method = lab.approle_for_agent(&policy, None).await?;
            let mut agent = lab.agent(&method, &kv_template(&kv.data("engine"), "api_key", "key.txt"))?;
            agent.renders("key.txt", "first").await?;
            let judged = async {
                lab.put("sys/step-down", json!({})).await?.succeeds()?;
                lab.eventually(ELECTED_WITHIN, || async {
                    lab.anonymous().get("sys/health").await?.is(429).map(drop)
                })
                .await?;
                lab.eventually(ELECTED_WITHIN, || async {
                    standby.put(&kv.data("engine"), json!({ "data": { "api_key": "second" } })).await?.is(200).map(drop)
                })
                .await?;
                agent.renders("key.txt", "second").await?;
                agent.runs().has("/running", true).map(drop)
            }
            .await;
            leads_again(&lab.quietly()).await;
            judged
        },
    );
}

/// The first node leads again, as who comes next relies on; it is tried and not insisted on.
async fn leads_again(lab: &Lab) {
    let began = Instant::now();
    while began.elapsed() < LEADS_AGAIN_WITHIN {
        match one_step(lab, began.elapsed()).await {
            Ok(true) => return,
            Ok(false) | Err(_) => tokio::time::sleep(ASK_EVERY).await,
        }
    }
}

/// Whether it leads; otherwise whoever leads steps down, once the first node may stand for election.
async fn one_step(lab: &Lab, waited: Duration) -> Checked<bool> {
    let leads = |node: Lab| async move {
        let answer = node.anonymous().get("sys/health").await?;
        Ok::<_, Stop>(answer.is(200).is_ok())
    };
    if leads(lab.clone()).await? {
        return Ok(true);
    }
    if waited < Duration::from_secs(11) {
        return Ok(false);
    }
    for number in 0.. {
        let Ok(standby) = lab.standby(number) else { break };
        let standby = standby.quietly();
        if leads(standby.clone()).await? {
            standby.put("sys/step-down", json!({})).await?;
            break;
        }
    }
    Ok(false)
}
