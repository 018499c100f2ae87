//! Logging in, and what the token that comes of it may do and for how long.

use super::mount::ROLE;
use crate::conformance::{Cases, Source};
use serde_json::json;
use std::time::Duration;

const SOURCE: Source = Source::Workflow;

/// What a standby does not know within this time is an error of its own.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// What every refused login is told, so that nobody learns which of the two ids was right.
const REFUSED: &str = "invalid role or secret ID";

pub fn register(cases: &mut Cases) {
    logging_in(cases);
    refused(cases);
    the_token(cases);
}

fn logging_in(cases: &mut Cases) {
    cases.add(
        "approle/login/gives-a-token",
        SOURCE,
        "a role id and a secret id give a renewable token for an hour with the role's policy",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let logged_in = approle.login(&approle.ids().await?).await?;
            logged_in.is(200)?.has("/auth/lease_duration", 3600)?.has("/auth/renewable", true)?;
            logged_in.has("/auth/policies", json!(["default", approle.policy]))?;
            logged_in.has("/auth/metadata/role_name", ROLE)?;
            let theirs = lab.as_token(&logged_in.text("/auth/client_token")?);
            theirs.get("auth/token/lookup-self").await?.is(200)?.has("/data/meta/role_name", ROLE)?;
            Ok(())
        },
    );
    cases.add(
        "approle/login/at-every-node",
        Source::AlphaPulse,
        "within five seconds of the role's making a standby logs an application in as the active node does",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let (ids, path) = (approle.ids().await?, format!("auth/{}/login", approle.path));
            for number in 0..2 {
                let standby = lab.standby(number)?.anonymous();
                let token = lab.eventually(KNOWN_WITHIN, || async {
                    let logged_in = standby.post(&path, ids.clone()).await?;
                    logged_in.is(200)?.has("/auth/lease_duration", 3600)?.text("/auth/client_token")
                });
                let looked = lab.as_token(&token.await?).get("auth/token/lookup-self").await?;
                looked.is(200)?.has("/data/meta/role_name", ROLE)?;
            }
            Ok(())
        },
    );
    cases.add(
        "approle/role/kept-as-written",
        SOURCE,
        "the role is listed, and read back with its policy, its hour and its four hours",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let role = lab.get(&approle.role(ROLE)).await?;
            role.is(200)?.has("/data/token_policies", json!([approle.policy]))?;
            role.has("/data/token_ttl", 3600)?.has("/data/token_max_ttl", 4 * 3600)?;
            role.has("/data/bind_secret_id", true)?;
            let listed = lab.list(&format!("auth/{}/role", approle.path)).await?;
            listed.is(200)?.has("/data/keys", json!([ROLE]))?;
            Ok(())
        },
    );
    cases.add(
        "approle/role/id-stays",
        SOURCE,
        "the role id is the same at every reading, as what may stand in a configuration must be",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let first = approle.role_id().await?;
            approle.secret_id().await?;
            let second = lab.get(&format!("{}/role-id", approle.role(ROLE))).await?;
            second.is(200)?.that("/data/role_id", "is the same", |id| id.as_str() == Some(&first))?;
            Ok(())
        },
    );
    cases.add(
        "approle/role/hour-above-its-maximum-refused",
        SOURCE,
        "a role whose `token_ttl` is above its `token_max_ttl` is refused",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let refused = approle.write_role("other", json!({ "token_ttl": "5h" })).await?;
            refused.is(400)?.error_has("token_max_ttl")?;
            lab.get(&approle.role("other")).await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
}

fn refused(cases: &mut Cases) {
    cases.add(
        "approle/login/wrong-role-id-refused",
        SOURCE,
        "a role id that does not exist is refused in the same words as a wrong secret id",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let ids = json!({ "role_id": "no-such-role", "secret_id": approle.secret_id().await? });
            approle.login(&ids).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "approle/login/wrong-secret-id-refused",
        SOURCE,
        "a secret id that does not exist is refused in the same words as a wrong role id",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let ids = json!({ "role_id": approle.role_id().await?, "secret_id": "no-such-secret" });
            approle.login(&ids).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "approle/login/without-secret-id-refused",
        SOURCE,
        "the role id alone, which is no secret, does not log anybody in",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let ids = json!({ "role_id": approle.role_id().await? });
            approle.login(&ids).await?.is(400)?.error_has("missing secret_id")?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "approle/login/without-role-id-refused",
        SOURCE,
        "a login without a role id is refused as the request's own mistake",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let ids = json!({ "secret_id": approle.secret_id().await? });
            approle.login(&ids).await?.is(400)?.error_has("missing role_id")?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "approle/login/other-roles-secret-refused",
        SOURCE,
        "a secret id of one role does not log in for another",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            approle.write_role("other", json!({})).await?.succeeds()?;
            let path = format!("{}/role-id", approle.role("other"));
            let other = lab.quietly().get(&path).await?.text("/data/role_id")?;
            let secret = approle.secret_id().await?;
            let crossed = json!({ "role_id": other, "secret_id": secret });
            approle.login(&crossed).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            let right = json!({ "role_id": approle.role_id().await?, "secret_id": secret });
            approle.login(&right).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            Ok(())
        },
    );
    cases.add(
        "approle/login/deleted-role-refused",
        SOURCE,
        "when its role is deleted nobody logs in with its ids any more",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let ids = approle.ids().await?;
            approle.login(&ids).await?.is(200)?.has("/auth/lease_duration", 3600)?;
            lab.delete(&approle.role(ROLE)).await?.succeeds()?;
            approle.login(&ids).await?.is(400)?.error_has(REFUSED)?.lacks("/auth")?;
            Ok(())
        },
    );
}

fn the_token(cases: &mut Cases) {
    cases.add(
        "approle/token/capped-at-four-hours",
        SOURCE,
        "the token is renewed for as long as asked, up to four hours and no further",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let theirs = approle.logged_in().await?;
            let renew = |increment: &str| json!({ "increment": increment });
            let renewed = theirs.post("auth/token/renew-self", renew("2h")).await?;
            renewed.is(200)?.has("/auth/lease_duration", 2 * 3600)?;
            let capped = theirs.post("auth/token/renew-self", renew("10h")).await?;
            capped.is(200)?.that("/auth/lease_duration", "is four hours at most", |seconds| {
                seconds.as_i64().is_some_and(|seconds| (4 * 3600 - 60..=4 * 3600).contains(&seconds))
            })?;
            Ok(())
        },
    );
    cases.add(
        "approle/token/reads-for-the-ci",
        SOURCE,
        "the token reads `secret/ci/openai` as the pipeline does, and may not write it",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("ci/openai", json!({ "api_key": "sk-ci" })).await?;
            let theirs = kv.by(&approle.logged_in().await?);
            theirs.get("ci/openai").await?.is(200)?.has("/data/data/api_key", "sk-ci")?;
            theirs.put("ci/openai", json!({ "api_key": "other" })).await?.is(403)?;
            Ok(())
        },
    );
    cases.add(
        "approle/token/unbound-policies-are-absent",
        SOURCE,
        "the token has the role's policy and the default one, and opens nothing else",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-1" })).await?;
            let theirs = approle.logged_in().await?;
            let looked = theirs.get("auth/token/lookup-self").await?;
            looked.is(200)?.has("/data/policies", json!(["default", approle.policy]))?;
            kv.by(&theirs).get("openai").await?.is(403)?.lacks("/data")?;
            theirs.get(&approle.role(ROLE)).await?.is(403)?.lacks("/data")?;
            theirs.post("auth/token/create", json!({})).await?.is(403)?.lacks("/auth")?;
            Ok(())
        },
    );
    cases.add(
        "approle/token/without-the-default-policy",
        SOURCE,
        "with `token_no_default_policy` the token has the role's policy alone",
        |lab| async move {
            let approle = lab.approle(json!({ "token_no_default_policy": true })).await?;
            let logged_in = approle.login(&approle.ids().await?).await?;
            logged_in.is(200)?.has("/auth/policies", json!([approle.policy]))?;
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("ci/openai", json!({ "api_key": "sk-ci" })).await?;
            let theirs = lab.as_token(&logged_in.text("/auth/client_token")?);
            kv.by(&theirs).get("ci/openai").await?.is(200)?.has("/data/data/api_key", "sk-ci")?;
            theirs.get("auth/token/lookup-self").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "approle/token/dies-with-its-mount",
        SOURCE,
        "when the method is taken away its tokens are dead",
        |lab| async move {
            let approle = lab.approle(json!({})).await?;
            let theirs = approle.logged_in().await?;
            theirs.get("auth/token/lookup-self").await?.is(200)?.has("/data/meta/role_name", ROLE)?;
            lab.delete(&format!("sys/auth/{}", approle.path)).await?.succeeds()?;
            theirs.get("auth/token/lookup-self").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
}
