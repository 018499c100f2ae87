//! What a login gives.

use super::mount::{ACCOUNT, NAMESPACE, ROLE};
use crate::conformance::{Cases, Source};
use serde_json::json;
use std::time::Duration;

/// The TTL of two seconds, and what the server needs to see that it is over.
const EXPIRED_WITHIN: Duration = Duration::from_secs(8);

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "kubernetes/login/service-account",
        source,
        "a service account's token gives a renewable token of an hour with the role's policy",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let login = auth.login(ROLE, &auth.service_token()?).await?;
            login.is(200)?.has("/auth/lease_duration", 3600)?.has("/auth/renewable", true)?;
            login.lists_drawn("/auth/policies", &auth.policy)?.lists("/auth/policies", "default")?;
            login.does_not_list("/auth/policies", "root")?;
            let service = lab.as_token(&login.text("/auth/client_token")?);
            service.get("sys/mounts").await?.is(200)?;
            service.get("sys/auth").await?.is(403)?.error_has("permission denied")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/login/metadata",
        source,
        "the token's metadata names the role, the service account and its namespace, as the document's audit entry shows",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let login = auth.login(ROLE, &auth.service_token()?).await?;
            login.is(200)?.has("/auth/metadata/role", ROLE)?;
            login.has("/auth/metadata/service_account_name", ACCOUNT)?;
            login.has("/auth/metadata/service_account_namespace", NAMESPACE)?;
            let about = lab.as_token(&login.text("/auth/client_token")?).get("auth/token/lookup-self").await?;
            about.is(200)?.has("/data/meta/role", ROLE)?;
            about.has("/data/meta/service_account_name", ACCOUNT)?;
            about.has("/data/meta/service_account_namespace", NAMESPACE)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/login/display-name-as-shown",
        source,
        "the token's display name is made of the mount, the namespace and the account, as the document's audit entry shows",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let token = auth.login(ROLE, &auth.service_token()?).await?.text("/auth/client_token")?;
            let about = lab.as_token(&token).get("auth/token/lookup-self").await?;
            let shown = format!("{}-{NAMESPACE}-{ACCOUNT}", auth.path);
            about.is(200)?.has("/data/display_name", shown)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/login/ttl-is-an-hour",
        source,
        "the token lives an hour, and the document's client can ask how much of it is left",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let token = auth.login(ROLE, &auth.service_token()?).await?.text("/auth/client_token")?;
            let service = lab.as_token(&token);
            let about = service.get("auth/token/lookup-self").await?;
            about.is(200)?.has("/data/creation_ttl", 3600)?.that(
                "/data/ttl",
                "is within the hour",
                |ttl| ttl.as_f64().is_some_and(|ttl| (3500.0..=3600.0).contains(&ttl)),
            )?;
            let renewed = service.post("auth/token/renew-self", json!({})).await?;
            renewed.is(200)?.has("/auth/lease_duration", 3600)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/login/expires",
        source,
        "when its time is over the token is worth nothing (1 h, tested at 2 s), and the account can log in again",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            auth.quietly().role(ROLE, json!({ "ttl": "2s" })).await?.succeeds()?;
            let login = auth.login(ROLE, &auth.service_token()?).await?;
            login.is(200)?.has("/auth/lease_duration", 2)?;
            let service = lab.as_token(&login.text("/auth/client_token")?);
            service.get("sys/mounts").await?.is(200)?;
            lab.eventually(EXPIRED_WITHIN, || async {
                service.get("auth/token/lookup-self").await?.is(403).map(drop)
            })
            .await?;
            auth.login(ROLE, &auth.service_token()?).await?.is(200)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/login/voicecore",
        Source::VoiceCore,
        "the request that hvac sends for the role voicecore gives a token that reads the service's secret",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let kv = lab.quietly().kv2().await?;
            kv.put("config/api-keys", json!({ "openai_key": "made-up" })).await?.is(200)?;
            let rules = format!("path \"{}\" {{\n  capabilities = [\"read\"]\n}}\n", kv.data("config/*"));
            let policy = lab.policy("voicecore", &rules).await?;
            auth.cluster.add_account("voicecore", "voicecore");
            let role = json!({
                "bound_service_account_names": "voicecore", "bound_service_account_namespaces": "voicecore",
                "policies": policy,
            });
            auth.quietly().role("voicecore", role).await?.succeeds()?;
            let jwt = auth.token("voicecore", "voicecore", 600)?;
            let service = lab.as_token(&auth.login("voicecore", &jwt).await?.text("/auth/client_token")?);
            let read = service.get(&kv.data("config/api-keys")).await?;
            read.is(200)?.has("/data/data/openai_key", "made-up")?;
            service.get(&kv.data("other")).await?.is(403)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/login/projected-token-again",
        source,
        "the same service account's token may be used again, and each login gives another token",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let jwt = auth.service_token()?;
            let first = auth.login(ROLE, &jwt).await?.text("/auth/client_token")?;
            let second = auth.login(ROLE, &jwt).await?.text("/auth/client_token")?;
            lab.seen("two tokens", json!({ "different": first != second })).has("/different", true)?;
            lab.as_token(&first).post("auth/token/revoke-self", json!({})).await?.succeeds()?;
            lab.as_token(&first).get("auth/token/lookup-self").await?.is(403)?;
            lab.as_token(&second).get("sys/mounts").await?.is(200)?;
            Ok(())
        },
    );
}
