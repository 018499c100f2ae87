//! Secrets rendered into files.

use super::process::{RENDERS_WITHIN, kv_template, template};
use crate::conformance::kv2::Kv2;
use crate::conformance::{Cases, Checked, Lab, Source, Stop};
use serde_json::json;

const SECRET: &str = "consciousness-engine/api";

/// A KV mount with one secret, and the document's policy for it.
async fn with_secret(lab: &Lab) -> Checked<(Kv2, String)> {
    let kv = lab.quietly().kv2().await?;
    kv.put(SECRET, json!({ "api_key": "first" })).await?.is(200)?;
    let path = kv.data("consciousness-engine/*");
    let policy =
        lab.policy("engine", &format!("path \"{path}\" {{\n  capabilities = [\"read\"]\n}}\n")).await?;
    Ok((kv, policy))
}

pub fn register(cases: &mut Cases) {
    let source = Source::Consciousness;
    cases.add(
        "agent/template/renders-a-secret",
        source,
        "an agent that logs in by itself renders a secret into a file that only its owner reads",
        |lab| async move {
            let (kv, policy) = with_secret(&lab).await?;
            let method = lab.approle_for_agent(&policy, None).await?;
            let mut agent = lab.agent(&method, &kv_template(&kv.data(SECRET), "api_key", "key.txt"))?;
            agent.renders("key.txt", "first").await?;
            agent.runs().has("/running", true)?;
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &std::fs::metadata(lab.folder()?.join("key.txt")).map_err(Stop::broken)?.permissions(),
            );
            lab.seen("the file's permissions", json!({ "mode": format!("{:o}", mode & 0o777) }))
                .has("/mode", "600")?;
            Ok(())
        },
    );
    cases.add(
        "agent/template/follows-a-rotation",
        source,
        "when a secret is rotated the agent renders the new version by itself, without a new login",
        |lab| async move {
            let (kv, policy) = with_secret(&lab).await?;
            let method = lab.approle_for_agent(&policy, None).await?;
            let agent = lab.agent(&method, &kv_template(&kv.data(SECRET), "api_key", "key.txt"))?;
            agent.renders("key.txt", "first").await?;
            let token = agent.file("token");
            kv.put(SECRET, json!({ "api_key": "second" })).await?.is(200)?;
            agent.renders("key.txt", "second").await?;
            let same = token.is_some() && token == agent.file("token");
            lab.seen("the agent's token", json!({ "same": same })).has("/same", true)?;
            Ok(())
        },
    );
    cases.add(
        "agent/template/nothing-beyond-its-policy",
        source,
        "an agent renders nothing that its policy does not let it read",
        |lab| async move {
            let (kv, policy) = with_secret(&lab).await?;
            kv.put("other-service/api", json!({ "api_key": "not yours" })).await?.is(200)?;
            let method = lab.approle_for_agent(&policy, None).await?;
            let templates = format!(
                "{}{}",
                kv_template(&kv.data(SECRET), "api_key", "mine.txt"),
                kv_template(&kv.data("other-service/api"), "api_key", "others.txt"),
            );
            let agent = lab.agent(&method, &templates)?;
            lab.eventually(RENDERS_WITHIN, || async {
                agent.says("permission denied").has("/said", "yes").map(drop)
            })
            .await?;
            agent.renders("mine.txt", "first").await?;
            agent.rendered("others.txt").has("/there", false)?;
            Ok(())
        },
    );
    cases.add(
        "agent/template/database-credentials",
        source,
        "an agent renders dynamic credentials for a database, and they log in",
        |lab| async move {
            let engine = lab.quietly().workflow_database().await?;
            let path = engine.at("creds/workflow-readonly");
            let rules = format!("path \"{path}\" {{\n  capabilities = [\"read\"]\n}}\n");
            let policy = lab.policy("engine", &rules).await?;
            let method = lab.approle_for_agent(&policy, None).await?;
            let line = format!("{{{{ with secret {path:?} }}}}{{{{ .Data.username }}}} {{{{ .Data.password }}}}{{{{ end }}}}\n");
            let agent = lab.agent(&method, &template(&line, "database.txt"))?;
            lab.eventually(RENDERS_WITHIN, || async {
                lab.seen("the rendered file", json!({ "there": agent.file("database.txt").is_some() }))
                    .has("/there", true)
                    .map(drop)
            })
            .await?;
            let text = agent.file("database.txt").unwrap_or_default();
            let (username, password) = text.trim().split_once(' ').unwrap_or_default();
            let engine = engine.through(lab.clone());
            let tried = engine.try_password("the rendered credentials", username, password, "SELECT * FROM orders");
            tried.await?.has("/done", true)?;
            Ok(())
        },
    );
}
