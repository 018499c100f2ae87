//! How an agent logs in.

use super::process::{Agent, Method, RENDERS_WITHIN};
use crate::conformance::{Cases, Checked, Lab, Source};
use serde_json::json;

/// What only the agent's policy gives.
const RULES: &str = "path \"sys/mounts\" {\n  capabilities = [\"read\"]\n}\n";

pub fn register(cases: &mut Cases) {
    let source = Source::Consciousness;
    cases.add(
        "agent/auto-auth/approle",
        source,
        "an agent logs in with its role's ids and leaves a working token with the role's policy, and its secret id is gone",
        |lab| async move {
            let policy = lab.policy("engine", RULES).await?;
            let method = lab.approle_for_agent(&policy, None).await?;
            let agent = lab.agent(&method, "")?;
            let service = logged_in(&lab, &agent).await?;
            let about = service.get("auth/token/lookup-self").await?;
            about.is(200)?.lists_drawn("/data/policies", &policy)?.has("/data/creation_ttl", 3600)?;
            service.get("sys/mounts").await?.is(200)?;
            service.get("sys/auth").await?.is(403)?;
            lab.seen("the file of the secret id", json!({ "there": agent.file("secret-id").is_some() }))
                .has("/there", false)?;
            Ok(())
        },
    );
    cases.add(
        "agent/auto-auth/wrong-secret-id",
        source,
        "an agent with a wrong secret id is not let in, says so, and leaves no token",
        |lab| async move {
            let policy = lab.policy("engine", RULES).await?;
            let wrong = "00000000-0000-0000-0000-000000000000";
            let method = lab.approle_for_agent(&policy, Some(wrong)).await?;
            let agent = lab.agent(&method, "")?;
            lab.eventually(RENDERS_WITHIN, || async {
                agent.says("invalid role or secret id").has("/said", "yes").map(drop)
            })
            .await?;
            lab.seen("the agent's token", json!({ "there": agent.file("token").is_some() }))
                .has("/there", false)?;
            Ok(())
        },
    );
    cases.add(
        "agent/auto-auth/kubernetes",
        source,
        "an agent in a pod logs in with the pod's service account",
        |lab| async move {
            let auth = lab.quietly().kubernetes_auth().await?;
            let jwt = lab.write("service-account-token", &auth.service_token()?)?;
            let jwt = jwt.display().to_string();
            let settings = format!("role = \"workflow-service\"\ntoken_path = {jwt:?}");
            let method = Method { kind: "kubernetes", mount: auth.path.clone(), settings };
            let agent = lab.agent(&method, "")?;
            let service = logged_in(&lab, &agent).await?;
            let about = service.get("auth/token/lookup-self").await?;
            about.is(200)?.lists_drawn("/data/policies", &auth.policy)?;
            about.has("/data/meta/service_account_namespace", "production")?;
            Ok(())
        },
    );
}

/// Asks with the token that the agent leaves.
async fn logged_in(lab: &Lab, agent: &Agent) -> Checked<Lab> {
    lab.eventually(RENDERS_WITHIN, || async {
        let token = agent.file("token").unwrap_or_default();
        lab.seen("the agent's token", json!({ "there": !token.is_empty() })).has("/there", true)?;
        Ok(lab.as_token(token.trim()))
    })
    .await
}
