//! How tokens end: revoked, expired, used up.

use crate::conformance::{Cases, Source};
use serde_json::json;
use std::time::Duration;

const SOURCE: Source = Source::Workflow;

/// What a standby does not know within this time is an error of its own.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

pub fn register(cases: &mut Cases) {
    revoked(cases);
    families(cases);
    by_itself(cases);
}

fn revoked(cases: &mut Cases) {
    cases.add(
        "token/revoke/dead-at-once",
        SOURCE,
        "a revoked token is refused at once, and can neither be looked up nor renewed",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "1h" })).await?;
            holder.lives().await?;
            holder.operator("revoke").await?.succeeds()?;
            holder.is_dead().await?;
            holder.operator("lookup").await?.is_one_of(&[403, 404])?.lacks("/data")?;
            holder.operator("renew").await?.is_one_of(&[400, 403])?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "token/revoke/opens-no-secret",
        SOURCE,
        "what a token opened is shut when it is revoked",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1" })).await?;
            let rules = r#"path "secret/data/*" { capabilities = ["read"] }"#;
            let policy = lab.placed_policy("reader", rules).await?;
            let holder = lab.holder(json!({ "policies": [policy], "ttl": "1h" })).await?;
            kv.by(&holder.lab).get("openai").await?.is(200)?.has("/data/data/api_key", "sk-1")?;
            holder.operator("revoke").await?.succeeds()?;
            kv.by(&holder.lab).get("openai").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "token/revoke/at-every-node",
        Source::AlphaPulse,
        "a revoked token is dead on every standby within five seconds",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "1h" })).await?;
            let standbys = [lab.standby(0)?, lab.standby(1)?].map(|standby| standby.as_token(&holder.token));
            for standby in &standbys {
                lab.eventually(KNOWN_WITHIN, || async {
                    let looked = standby.get("auth/token/lookup-self").await?;
                    looked.is(200)?.has("/data/creation_ttl", 3600).map(drop)
                })
                .await?;
            }
            holder.operator("revoke").await?.succeeds()?;
            for standby in &standbys {
                lab.eventually(KNOWN_WITHIN, || async {
                    standby.get("auth/token/lookup-self").await?.is(403)?.lacks("/data").map(drop)
                })
                .await?;
            }
            Ok(())
        },
    );
    cases.add(
        "token/revoke/by-accessor",
        SOURCE,
        "a token is revoked by its accessor, which itself opens nothing",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "1h" })).await?;
            let by_accessor = lab.as_token(&holder.accessor);
            by_accessor.get("auth/token/lookup-self").await?.is(403)?.lacks("/data")?;
            holder.lives().await?;
            holder.operator_by_accessor("revoke").await?.succeeds()?;
            holder.is_dead().await?;
            holder.operator_by_accessor("lookup").await?.is_one_of(&[400, 403, 404])?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "token/revoke/by-itself",
        SOURCE,
        "a token revokes itself under the default policy, and no other of the same policy with it",
        |lab| async move {
            let settings = json!({ "policies": [lab.poor_policy().await?], "ttl": "1h" });
            let (one, other) = (lab.holder(settings.clone()).await?, lab.holder(settings).await?);
            one.lab.post("auth/token/revoke-self", json!({})).await?.succeeds()?;
            one.is_dead().await?;
            other.lives().await
        },
    );
}

fn families(cases: &mut Cases) {
    /// The rules of somebody who may make tokens of every kind.
    const MAKER: &str = r#"
path "auth/token/create" { capabilities = ["create", "update", "sudo"] }
path "auth/token/create-orphan" { capabilities = ["create", "update", "sudo"] }
"#;
    cases.add(
        "token/revoke/children-too",
        SOURCE,
        "with a token its children and theirs are revoked",
        |lab| async move {
            let maker = lab.policy("maker", MAKER).await?;
            let settings = json!({ "policies": [maker], "ttl": "1h" });
            let parent = lab.holder(settings.clone()).await?;
            let child = parent.lab.holder(settings.clone()).await?;
            let grandchild = child.lab.holder(settings).await?;
            grandchild.lives().await?;
            parent.operator("revoke").await?.succeeds()?;
            for holder in [&parent, &child, &grandchild] {
                lab.eventually(KNOWN_WITHIN, || holder.is_dead()).await?;
            }
            Ok(())
        },
    );
    cases.add(
        "token/revoke/not-the-parent",
        SOURCE,
        "a child's revocation leaves its parent and its siblings alive",
        |lab| async move {
            let maker = lab.policy("maker", MAKER).await?;
            let settings = json!({ "policies": [maker], "ttl": "1h" });
            let parent = lab.holder(settings.clone()).await?;
            let child = parent.lab.holder(settings.clone()).await?;
            let sibling = parent.lab.holder(settings).await?;
            child.operator("revoke").await?.is(403)?;
            lab.post("auth/token/revoke", json!({ "token": child.token })).await?.succeeds()?;
            child.is_dead().await?;
            parent.lives().await?;
            sibling.lives().await
        },
    );
    cases.add(
        "token/orphan/outlives-its-maker",
        SOURCE,
        "an orphan is not revoked with the token that made it, whichever way it was made",
        |lab| async move {
            let maker = lab.policy("maker", MAKER).await?;
            let settings = json!({ "policies": [maker], "ttl": "1h" });
            let parent = lab.holder(settings.clone()).await?;
            let child = parent.lab.holder(settings.clone()).await?;
            let orphan = json!({ "policies": [maker], "ttl": "1h", "no_parent": true });
            let (by_setting, by_path) = (
                parent.lab.create_token(orphan).await?,
                parent.lab.post("auth/token/create-orphan", settings).await?,
            );
            let mut orphans = Vec::new();
            for made in [by_setting, by_path] {
                let token = made.is(200)?.has("/auth/orphan", true)?.text("/auth/client_token")?;
                orphans.push(lab.as_token(&token));
            }
            parent.operator("revoke").await?.succeeds()?;
            lab.eventually(KNOWN_WITHIN, || child.is_dead()).await?;
            for orphan in orphans {
                orphan.get("auth/token/lookup-self").await?.is(200)?.has("/data/orphan", true)?;
            }
            Ok(())
        },
    );
    cases.add(
        "token/revoke-orphan/children-live-on",
        SOURCE,
        "revoking a token alone makes orphans of its children",
        |lab| async move {
            let maker = lab.policy("maker", MAKER).await?;
            let settings = json!({ "policies": [maker], "ttl": "1h" });
            let parent = lab.holder(settings.clone()).await?;
            let child = parent.lab.holder(settings).await?;
            parent.operator("revoke-orphan").await?.succeeds()?;
            parent.is_dead().await?;
            child.look_at_itself().await?.is(200)?.has("/data/orphan", true)?;
            Ok(())
        },
    );
}

fn by_itself(cases: &mut Cases) {
    cases.add(
        "token/expiry/dead-after-its-ttl",
        SOURCE,
        "a token of 3 s is alive until then and refused with 403 after it, and cannot be renewed any more",
        |lab| async move {
            let holder = lab.holder(json!({ "policies": [lab.poor_policy().await?], "ttl": "3s" })).await?;
            holder.lives().await?;
            lab.eventually(Duration::from_secs(7), || holder.is_dead()).await?;
            lab.eventually(Duration::from_secs(5), || async {
                holder.operator("renew").await?.is_one_of(&[400, 403])?.lacks("/auth").map(drop)
            })
            .await
        },
    );
    cases.add(
        "token/expiry/at-every-node",
        Source::AlphaPulse,
        "an expired token is dead on every standby within five seconds of its time",
        |lab| async move {
            let policy = lab.poor_policy().await?;
            let holder = lab.holder(json!({ "policies": [policy], "ttl": "2s" })).await?;
            for number in 0..2 {
                let standby = lab.standby(number)?.as_token(&holder.token);
                lab.eventually(Duration::from_secs(7), || async {
                    standby.get("auth/token/lookup-self").await?.is(403)?.lacks("/data").map(drop)
                })
                .await?;
            }
            Ok(())
        },
    );
    cases.add(
        "token/uses/used-up",
        SOURCE,
        "a token of two uses is refused the third time",
        |lab| async move {
            let settings = json!({ "policies": [lab.poor_policy().await?], "ttl": "1h", "num_uses": 2 });
            let holder = lab.holder(settings).await?;
            for _ in 0..2 {
                holder.lives().await?;
            }
            holder.is_dead().await
        },
    );
    cases.add(
        "token/batch/neither-renewed-nor-revoked",
        SOURCE,
        "a batch token opens what its policy opens, and can be neither renewed nor revoked",
        |lab| async move {
            let settings = json!({ "policies": [lab.poor_policy().await?], "ttl": "1h", "type": "batch" });
            let made = lab.create_token(settings).await?;
            made.is(200)?.has("/auth/token_type", "batch")?.has("/auth/renewable", false)?;
            let token = made.text("/auth/client_token")?;
            for verb in ["renew", "revoke"] {
                let refused = lab.post(&format!("auth/token/{verb}"), json!({ "token": token })).await?;
                refused.is(400)?.error_has("batch tokens cannot be")?;
            }
            let looked = lab.as_token(&token).get("auth/token/lookup-self").await?;
            looked.is(200)?.has("/data/type", "batch")?;
            Ok(())
        },
    );
}
