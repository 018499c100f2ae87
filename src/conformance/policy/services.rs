//! Least privilege: the policies of the other services that the documents name.

use super::documents::{AUDIT, CONSCIOUSNESS_ENGINE, LLM_AGENT, NOTIFICATION, WORKFLOW_CI};
use crate::conformance::{Cases, Checked, Lab, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

/// Reads each of the allowed secrets and is refused each of the others.
async fn reads_only(lab: &Lab, rules: &str, allowed: &[&str], refused: &[&str]) -> Checked {
    let kv = lab.kv2_at("secret").await?;
    for secret in allowed.iter().chain(refused) {
        kv.quiet_put(secret, json!({ "name": secret })).await?;
    }
    let service = kv.by(&lab.under(rules).await?);
    for secret in allowed {
        service.get(secret).await?.is(200)?.has("/data/data/name", *secret)?;
        service.put(secret, json!({ "name": "other" })).await?.is(403)?;
    }
    for secret in refused {
        service.get(secret).await?.is(403)?.error_has("permission denied")?.lacks("/data")?;
    }
    Ok(())
}

/// May ask for credentials of these database roles and is refused the others.
async fn asks_only_for(lab: &Lab, rules: &str, allowed: &[&str], refused: &[&str]) -> Checked {
    let path = lab.mount("database", "database", json!({})).await?;
    let service = lab.under(rules).await?;
    for role in allowed {
        // Nothing is configured: past the policy the engine itself says so.
        let own = service.get(&format!("{path}/creds/{role}")).await?;
        own.is_one_of(&[400, 404, 500])?.error_has("unknown role")?;
    }
    for role in refused {
        service.get(&format!("{path}/creds/{role}")).await?.is(403)?.error_has("permission denied")?;
    }
    Ok(())
}

pub fn register(cases: &mut Cases) {
    of_the_workflow(cases);
    of_others(cases);
}

fn of_the_workflow(cases: &mut Cases) {
    cases.add(
        "policy/llm-agent/secrets",
        SOURCE,
        "the agent service reads the two language models' keys and nothing of notification or CI",
        |lab| async move {
            reads_only(&lab, LLM_AGENT, &["openai", "anthropic"], &["smtp", "twilio", "ci/openai"]).await
        },
    );
    cases.add(
        "policy/llm-agent/database-role",
        SOURCE,
        "the agent service asks for its own database role and for no other service's",
        |lab| async move {
            let others = ["notification-readwrite", "audit-readonly", "workflow-readwrite"];
            asks_only_for(&lab, LLM_AGENT, &["llm-agent-readwrite"], &others).await
        },
    );
    cases.add(
        "policy/notification/secrets",
        SOURCE,
        "the notification service reads `smtp` and `twilio` and no language model's key",
        |lab| async move {
            reads_only(&lab, NOTIFICATION, &["smtp", "twilio"], &["openai", "anthropic"]).await
        },
    );
    cases.add(
        "policy/notification/database-role",
        SOURCE,
        "the notification service asks for its own database role and for no other service's",
        |lab| async move {
            let others = ["llm-agent-readwrite", "audit-readwrite", "notification-readonly"];
            asks_only_for(&lab, NOTIFICATION, &["notification-readwrite"], &others).await
        },
    );
    cases.add(
        "policy/audit/database-roles",
        SOURCE,
        "the audit service asks for its two database roles and for no other service's",
        |lab| async move {
            let others = ["llm-agent-readwrite", "notification-readwrite"];
            asks_only_for(&lab, AUDIT, &["audit-readonly", "audit-readwrite"], &others).await
        },
    );
    cases.add(
        "policy/audit/no-secrets",
        SOURCE,
        "the audit service reads no secret at all",
        |lab| async move { reads_only(&lab, AUDIT, &[], &["openai", "smtp", "audit"]).await },
    );
    cases.add(
        "policy/ci/secrets",
        SOURCE,
        "the CI reads what is below `ci/` and nothing beside it",
        |lab| async move {
            reads_only(&lab, WORKFLOW_CI, &["ci/openai", "ci/deep/er"], &["openai", "cii/openai", "ci"]).await
        },
    );
    cases.add(
        "policy/ci/database-role",
        SOURCE,
        "the CI asks for the read-only database role and not for the one that writes",
        |lab| async move {
            asks_only_for(&lab, WORKFLOW_CI, &["workflow-readonly"], &["workflow-readwrite"]).await
        },
    );
}

fn of_others(cases: &mut Cases) {
    cases.add(
        "policy/consciousness/secrets",
        Source::Consciousness,
        "the engine reads what is below its own name, and not what is beside it or only begins like it",
        |lab| async move {
            let kv = lab.kv2_at("consciousness").await?;
            let refused = ["api-gateway/keys", "consciousness-engine2/keys", "consciousness-engine"];
            for secret in refused.iter().chain(&["consciousness-engine/keys"]) {
                kv.quiet_put(secret, json!({ "name": secret })).await?;
            }
            let engine = kv.by(&lab.under(CONSCIOUSNESS_ENGINE).await?);
            let own = engine.get("consciousness-engine/keys").await?;
            own.is(200)?.has("/data/data/name", "consciousness-engine/keys")?;
            for secret in refused {
                engine.get(secret).await?.is(403)?.error_has("permission denied")?.lacks("/data")?;
            }
            Ok(())
        },
    );
    cases.add(
        "policy/consciousness/may-not-store-sessions",
        Source::Consciousness,
        "the engine's policy gives `read` only: it can neither write nor list its secrets",
        |lab| async move {
            let kv = lab.kv2_at("consciousness").await?;
            kv.quiet_put("consciousness-engine/keys", json!({ "name": "keys" })).await?;
            let engine = kv.by(&lab.under(CONSCIOUSNESS_ENGINE).await?);
            engine.put("consciousness-engine/session", json!({ "name": "session" })).await?.is(403)?;
            engine.put("consciousness-engine/keys", json!({ "name": "other" })).await?.is(403)?;
            engine.list("consciousness-engine/").await?.is(403)?.lacks("/data")?;
            kv.list("consciousness-engine/").await?.is(200)?.has("/data/keys", json!(["keys"]))?;
            kv.get("consciousness-engine/keys").await?.is(200)?.has("/data/data/name", "keys")?;
            Ok(())
        },
    );
    cases.add(
        "policy/consciousness/database-role",
        Source::Consciousness,
        "the engine asks for its own database role and for no other",
        |lab| async move {
            asks_only_for(&lab, CONSCIOUSNESS_ENGINE, &["consciousness-engine"], &["api-gateway"]).await
        },
    );
    cases.add(
        "policy/consciousness/certificates",
        Source::Consciousness,
        "the engine asks `pki-internal` for certificates of its role and of no other",
        |lab| async move {
            let path = lab.mount("pki-internal", "pki", json!({})).await?;
            let engine = lab.under(CONSCIOUSNESS_ENGINE).await?;
            let name = json!({ "common_name": "engine.example.com" });
            let own = engine.post(&format!("{path}/issue/consciousness-services"), name.clone()).await?;
            own.is(400)?.error_has("unknown role")?;
            engine.post(&format!("{path}/issue/other"), name).await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/config-service/token-with-the-default-policy",
        Source::ConfigService,
        "a token made with `-policy=default`, as the document makes it, stores a configuration",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let body = json!({ "policies": ["default"], "ttl": "1h" });
            let token = lab.quietly().post("auth/token/create", body).await?.text("/auth/client_token")?;
            let service = kv.by(&lab.as_token(&token));
            let value = json!({ "value": "super_secret_password_123" });
            service.put("production/auth-service/database_password", value).await?.is(200)?;
            Ok(())
        },
    );
    cases.add(
        "policy/config-service/default-policy-opens-no-secret",
        Source::ConfigService,
        "the default policy lets nobody read, write or list the mount `secret/`",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("production/a/key", json!({ "value": "1" })).await?;
            let body = json!({ "policies": ["default"], "ttl": "1h" });
            let token = lab.quietly().post("auth/token/create", body).await?.text("/auth/client_token")?;
            let service = kv.by(&lab.as_token(&token));
            service.get("production/a/key").await?.is(403)?.lacks("/data")?;
            service.put("production/a/key", json!({ "value": "2" })).await?.is(403)?;
            service.list("production/").await?.is(403)?.lacks("/data")?;
            kv.get("production/a/key").await?.is(200)?.has("/data/data/value", "1")?;
            Ok(())
        },
    );
}
