//! Making tokens and looking them up.

use super::holder::is_about;
use crate::conformance::policy::WORKFLOW_SERVICE;
use crate::conformance::{Cases, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

pub fn register(cases: &mut Cases) {
    good(cases);
    refused(cases);
}

fn good(cases: &mut Cases) {
    cases.add(
        "token/create/policy-and-ttl",
        SOURCE,
        "`-policy=workflow-service-policy -ttl=1h` gives a renewable token for an hour with that policy",
        |lab| async move {
            let policy = lab.placed_policy("workflow-service-policy", WORKFLOW_SERVICE).await?;
            let made = lab.create_token(json!({ "policies": [policy], "ttl": "1h" })).await?;
            made.is(200)?.has("/auth/policies", json!(["default", policy]))?;
            made.has("/auth/lease_duration", 3600)?.has("/auth/renewable", true)?;
            made.has("/auth/token_type", "service")?.has("/auth/orphan", false)?;
            let theirs = lab.as_token(&made.text("/auth/client_token")?);
            theirs.get("auth/token/lookup-self").await?.is(200)?.has("/data/creation_ttl", 3600)?;
            Ok(())
        },
    );
    cases.add(
        "token/create/opens-what-its-policy-opens",
        SOURCE,
        "a token opens what its policy opens, and without it the same is refused",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1" })).await?;
            let policy = lab.placed_policy("workflow-service-policy", WORKFLOW_SERVICE).await?;
            let service = lab.holder(json!({ "policies": [policy], "ttl": "1h" })).await?;
            kv.by(&service.lab).get("openai").await?.is(200)?.has("/data/data/api_key", "sk-1")?;
            let other = lab.holder(json!({ "policies": ["default"], "ttl": "1h" })).await?;
            kv.by(&other.lab).get("openai").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "token/lookup/says-what-it-is",
        SOURCE,
        "the lookup says policies, time to live, metadata and where the token comes from",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let meta = json!({ "tenant_id": "00000000-0000-0000-0000-000000000001" });
            let holder = lab.holder(json!({ "policies": [policy], "ttl": "1h", "meta": meta })).await?;
            let looked = holder.operator("lookup").await?;
            looked.is(200)?.has("/data/policies", json!(["default", policy]))?.has("/data/meta", meta)?;
            looked.that("/data/ttl", "is about an hour", is_about(3600))?.has("/data/creation_ttl", 3600)?;
            looked.has("/data/path", "auth/token/create")?.has("/data/orphan", false)?;
            Ok(())
        },
    );
    cases.add(
        "token/lookup/of-itself",
        SOURCE,
        "a token looks itself up, as the document's client does to see whether it expires",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let holder = lab.holder(json!({ "policies": [policy], "ttl": "1h" })).await?;
            let looked = holder.look_at_itself().await?;
            looked.is(200)?.that("/data/ttl", "is about an hour", is_about(3600))?;
            looked.has("/data/policies", json!(["default", policy]))?;
            Ok(())
        },
    );
    cases.add(
        "token/lookup/by-accessor-shows-no-token",
        SOURCE,
        "the lookup by accessor says the same and does not give the token away",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "1h" })).await?;
            let looked = holder.operator_by_accessor("lookup").await?;
            looked.is(200)?.has("/data/creation_ttl", 3600)?.lacks("/data/id")?;
            Ok(())
        },
    );
    cases.add(
        "token/create/at-every-node",
        Source::AlphaPulse,
        "a token made through a standby is known at every node within five seconds",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let made = lab.standby(0)?.create_token(json!({ "policies": [policy], "ttl": "1h" })).await?;
            let token = made.is(200)?.text("/auth/client_token")?;
            for node in [lab.clone(), lab.standby(0)?, lab.standby(1)?] {
                let theirs = node.as_token(&token);
                lab.eventually(std::time::Duration::from_secs(5), || async {
                    let looked = theirs.get("auth/token/lookup-self").await?;
                    looked.is(200)?.has("/data/creation_ttl", 3600).map(drop)
                })
                .await?;
            }
            Ok(())
        },
    );
    cases.add(
        "token/create/longest-life-is-capped",
        SOURCE,
        "a token for longer than the server's 768 hours gets these, and a warning",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let made = lab.create_token(json!({ "policies": [policy], "ttl": "900h" })).await?;
            made.is(200)?.has("/auth/lease_duration", 768 * 3600)?;
            made.that("/warnings/0", "says that it is capped", |warning| {
                warning.as_str().is_some_and(|text| text.contains("capped accordingly"))
            })?;
            Ok(())
        },
    );
}

fn refused(cases: &mut Cases) {
    cases.add(
        "token/create/ttl-that-is-no-duration-refused",
        SOURCE,
        "a token with a time to live that is no duration is refused",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let refused = lab.create_token(json!({ "policies": [policy], "ttl": "soon" })).await?;
            refused.is(400)?.error_has("invalid duration")?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "token/create/not-above-ones-own-policies",
        SOURCE,
        "who may make tokens makes none with a policy that they do not have, nor one of root",
        |lab| async move {
            let rules = r#"path "auth/token/create" { capabilities = ["create", "update"] }"#;
            let (maker, other) = (lab.policy("maker", rules).await?, lab.poor_policy().await?);
            let holder = lab.holder(json!({ "policies": [maker], "ttl": "1h" })).await?;
            for policy in [other.as_str(), "root"] {
                let refused = holder.lab.create_token(json!({ "policies": [policy] })).await?;
                refused.is_one_of(&[400, 403])?.error_has("subset of parent")?.lacks("/auth")?;
            }
            let own = holder.lab.create_token(json!({ "policies": [maker], "ttl": "1h" })).await?;
            own.is(200)?.has("/auth/policies", json!(["default", maker]))?;
            Ok(())
        },
    );
    cases.add(
        "token/create/privileged-kinds-need-sudo",
        SOURCE,
        "who may make tokens makes none that is orphan, periodic, or of an id of their choice",
        |lab| async move {
            let rules = r#"path "auth/token/create" { capabilities = ["create", "update"] }"#;
            let maker = lab.policy("maker", rules).await?;
            let holder = lab.holder(json!({ "policies": [maker], "ttl": "1h" })).await?;
            let kinds = [json!({ "no_parent": true }), json!({ "period": "24h" }), json!({ "id": "chosen" })];
            for kind in kinds {
                let refused = holder.lab.create_token(kind).await?;
                refused.is_one_of(&[400, 403])?.error_has("sudo privileges")?.lacks("/auth")?;
            }
            Ok(())
        },
    );
    cases.add(
        "token/create/needs-a-right",
        SOURCE,
        "a token whose policies say nothing of it makes no tokens and looks up no others",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let holder = lab.holder(json!({ "policies": [policy], "ttl": "1h" })).await?;
            let other = lab.holder(json!({ "policies": [policy], "ttl": "1h" })).await?;
            holder.lab.create_token(json!({ "policies": [policy] })).await?.is(403)?.lacks("/auth")?;
            let body = json!({ "token": other.token });
            for verb in ["lookup", "revoke", "renew"] {
                let path = format!("auth/token/{verb}");
                holder.lab.post(&path, body.clone()).await?.is(403)?.lacks("/data")?;
            }
            other.lives().await
        },
    );
    cases.add(
        "token/unknown/refused",
        SOURCE,
        "a token that was never made, and none at all, are refused in the same words",
        |lab| async move {
            for nobody in [lab.as_token("s.neverMadeByAnybody000000"), lab.anonymous()] {
                let refused = nobody.get("auth/token/lookup-self").await?;
                refused.is(403)?.error_has("permission denied")?.lacks("/data")?;
            }
            Ok(())
        },
    );
}
