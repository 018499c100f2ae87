//! Secret ids: how often, how long, from where, and how they end.

use super::mount::ROLE;
use crate::conformance::{Cases, Source};
use serde_json::json;
use std::time::Duration;

const SOURCE: Source = Source::Workflow;

const REFUSED: &str = "invalid role or secret ID";

pub fn register(cases: &mut Cases) {
    cases.add(
        "approle/secret-id/new-each-time",
        SOURCE,
        "each request makes another secret id with an accessor, and each of them logs in",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let path = format!("{}/secret-id", approle.role(ROLE));
            let made = lab.post(&path, json!({})).await?;
            let first = made.is(200)?.text("/data/secret_id")?;
            made.has("/data/secret_id_num_uses", 0)?.has("/data/secret_id_ttl", 0)?;
            made.that("/data/secret_id_accessor", "is another text of that length", |accessor| {
                accessor.as_str().is_some_and(|text| text.len() == first.len() && text != first)
            })?;
            let second = lab.post(&path, json!({})).await?;
            second.is(200)?.that("/data/secret_id", "is another one", |id| {
                id.as_str().is_some_and(|id| id.len() == first.len() && id != first)
            })?;
            let role_id = approle.role_id().await?;
            for secret_id in [first.clone(), second.text("/data/secret_id")?] {
                let ids = json!({ "role_id": role_id, "secret_id": secret_id });
                approle.login(&ids).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            }
            Ok(())
        },
    );
    cases.add(
        "approle/secret-id/many-uses-by-default",
        SOURCE,
        "with the document's role a secret id logs in again and again",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let ids = approle.ids().await?;
            for _ in 0..3 {
                approle.login(&ids).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            }
            Ok(())
        },
    );
    cases.add(
        "approle/secret-id/single-use",
        SOURCE,
        "with `secret_id_num_uses` of 1 the second login is refused",
        |lab| async move {
            let approle = lab.approle(json!({ "secret_id_num_uses": 1 })).await?;
            let ids = approle.ids().await?;
            approle.login(&ids).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            approle.login(&ids).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            // Another one of the same role is not used up by that.
            approle.login(&approle.ids().await?).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            Ok(())
        },
    );
    cases.add(
        "approle/secret-id/uses-are-counted-across-nodes",
        Source::AlphaPulse,
        "a secret id of two uses logs in once at each of two standbys, and at no node a third time",
        |lab| async move {
            let approle = lab.approle(json!({ "secret_id_num_uses": 2 })).await?;
            let ids = approle.ids().await?;
            let path = format!("auth/{}/login", approle.path);
            for number in 0..2 {
                let standby = lab.standby(number)?.anonymous();
                // One that does not know the role yet refuses, and counts nothing.
                lab.eventually(Duration::from_secs(5), || async {
                    let logged_in = standby.post(&path, ids.clone()).await?;
                    logged_in.is(200)?.has("/auth/lease_duration", 3600).map(drop)
                })
                .await?;
            }
            for node in [lab.clone(), lab.standby(0)?, lab.standby(1)?] {
                let refused = node.anonymous().post(&path, ids.clone()).await?;
                refused.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            }
            Ok(())
        },
    );
    cases.add(
        "approle/secret-id/expires",
        SOURCE,
        "with `secret_id_ttl` of 3 s a secret id logs in until then and is refused after it",
        |lab| async move {
            let approle = lab.approle(json!({ "secret_id_ttl": "3s" })).await?;
            let ids = approle.ids().await?;
            approle.login(&ids).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            lab.eventually(Duration::from_secs(7), || async {
                approle.login(&ids).await?.is(400)?.error_has(REFUSED)?.lacks("/auth").map(drop)
            })
            .await
        },
    );
    cases.add(
        "approle/secret-id/token-outlives-it",
        SOURCE,
        "a token is not shortened when the secret id that it came of is used up or destroyed",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let ids = approle.ids().await?;
            let token = approle.login(&ids).await?.is(200)?.text("/auth/client_token")?;
            let path = format!("{}/secret-id/destroy", approle.role(ROLE));
            lab.post(&path, json!({ "secret_id": ids["secret_id"] })).await?.succeeds()?;
            let looked = lab.as_token(&token).get("auth/token/lookup-self").await?;
            looked.is(200)?.that("/data/ttl", "is nearly an hour", |ttl| {
                ttl.as_i64().is_some_and(|ttl| (3500..=3600).contains(&ttl))
            })?;
            Ok(())
        },
    );
    cases.add(
        "approle/secret-id/destroyed-refused",
        SOURCE,
        "a destroyed secret id logs nobody in, and the others of its role still do",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let (gone, kept) = (approle.ids().await?, approle.ids().await?);
            let path = format!("{}/secret-id/destroy", approle.role(ROLE));
            lab.post(&path, json!({ "secret_id": gone["secret_id"] })).await?.succeeds()?;
            approle.login(&gone).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            approle.login(&kept).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            Ok(())
        },
    );
    cases.add(
        "approle/secret-id/destroyed-by-accessor",
        SOURCE,
        "a secret id that was lost is found and destroyed by its accessor, which itself logs nobody in",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let path = format!("{}/secret-id", approle.role(ROLE));
            let made = lab.quietly().post(&path, json!({})).await?;
            let (secret, accessor) = (made.text("/data/secret_id")?, made.text("/data/secret_id_accessor")?);
            let role_id = approle.role_id().await?;
            let looked_up = json!({ "secret_id_accessor": accessor });
            let lookup = format!("{}/secret-id-accessor/lookup", approle.role(ROLE));
            lab.post(&lookup, looked_up).await?.is(200)?.has("/data/secret_id_num_uses", 0)?;
            let by_accessor = json!({ "role_id": role_id, "secret_id": accessor });
            approle.login(&by_accessor).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            let body = json!({ "secret_id_accessor": accessor });
            lab.post(&format!("{}/secret-id-accessor/destroy", approle.role(ROLE)), body)
                .await?
                .succeeds()?;
            let ids = json!({ "role_id": role_id, "secret_id": secret });
            approle.login(&ids).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "approle/secret-id/bound-to-addresses",
        SOURCE,
        "a secret id that is bound to addresses is refused from elsewhere",
        |lab| async move {
            // A range that is kept for documentation: nobody comes from there.
            let approle = lab.approle(json!({ "secret_id_bound_cidrs": ["192.0.2.0/24"] })).await?;
            let refused = approle.login(&approle.ids().await?).await?;
            refused.is_one_of(&[400, 403])?.error_has("unauthorized")?.lacks("/auth")?;
            approle
                .write_role(ROLE, json!({ "secret_id_bound_cidrs": ["0.0.0.0/0", "::/0"] }))
                .await?
                .succeeds()?;
            approle.login(&approle.ids().await?).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            Ok(())
        },
    );
}
