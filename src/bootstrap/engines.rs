//! Secret engines, with what a blueprint sets up in each: looked for first, made where it is missing.

use super::BootstrapError;
use super::deployment::seconds;
use crate::model::{Engine, Kv, Pki};
use crate::vault::Client;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// What is said of an engine that somebody had mounted before; nothing of one that was made.
pub(super) async fn enable(
    operator: &Client,
    path: &str,
    engine: &Engine,
) -> Result<&'static str, BootstrapError> {
    let was_there = mount(operator, path, engine).await?;
    match engine {
        Engine::Kv(Kv { version: 2, .. }) if !was_there => wait_for_kv(operator, path).await?,
        // What a database engine is connected with is known only where there is one.
        Engine::Kv(_) | Engine::Database(_) => {}
        Engine::Transit { key } => make_transit_key(operator, path, key).await?,
        Engine::Pki(pki) => make_authority(operator, path, pki).await?,
    }
    Ok(said(was_there))
}

fn said(was_there: bool) -> &'static str {
    if was_there { " (was there)" } else { "" }
}

/// The same with nothing set up in it.
pub(super) async fn enable_empty(
    operator: &Client,
    path: &str,
    engine: &Engine,
) -> Result<&'static str, BootstrapError> {
    mount(operator, path, engine).await.map(said)
}

/// Whether it was there.
async fn mount(operator: &Client, path: &str, engine: &Engine) -> Result<bool, BootstrapError> {
    let version = match engine {
        Engine::Kv(kv) => Some(kv.version.to_string()),
        _ => None,
    };
    let mounts = operator.get("sys/mounts").await?;
    let there = &mounts.body["data"][format!("{path}/")];
    if !there.is_null() {
        let same_version =
            version.is_none_or(|version| there["options"]["version"].as_str() == Some(&version));
        if there["type"] == engine.name() && same_version {
            return Ok(true);
        }
        let problem = format!("{path}/ is already mounted with another engine or version: {}", there["type"]);
        return Err(BootstrapError::Unexpected(problem));
    }
    let mut body = json!({ "type": engine.name() });
    if let Some(version) = version {
        body["options"] = json!({ "version": version });
    }
    operator.post(&format!("sys/mounts/{path}"), body).await?;
    Ok(false)
}

/// A KV v2 mount answers 400 while it upgrades itself right after it was made.
async fn wait_for_kv(operator: &Client, path: &str) -> Result<(), BootstrapError> {
    crate::vault::wait_until(
        "the KV v2 mount is ready",
        Duration::from_secs(10),
        Duration::from_millis(10),
        async || operator.get(&format!("{path}/config")).await.map_err(|error| error.to_string()),
    )
    .await?;
    Ok(())
}

/// The server leaves a key that is there as it is.
async fn make_transit_key(operator: &Client, path: &str, key: &str) -> Result<(), BootstrapError> {
    operator.post(&format!("{path}/keys/{key}"), json!({})).await?;
    let config = json!({
        "min_decryption_version": 1,
        "min_encryption_version": 0,
        "deletion_allowed": false,
        "exportable": false,
        "allow_plaintext_backup": false,
    });
    operator.post(&format!("{path}/keys/{key}/config"), config).await?;
    Ok(())
}

async fn make_authority(operator: &Client, path: &str, pki: &Pki) -> Result<(), BootstrapError> {
    let tune = json!({ "max_lease_ttl": seconds(pki.ca_ttl) });
    operator.post(&format!("sys/mounts/{path}/tune"), tune).await?;
    // Without any issuer the list is answered 404.
    let issuers = operator.call(Method::GET, &format!("{path}/issuers?list=true"), None).await?;
    if issuers.status == 404 {
        let ca = json!({ "common_name": pki.ca_name, "ttl": seconds(pki.ca_ttl) });
        operator.post(&format!("{path}/root/generate/internal"), ca).await?;
    }
    let role = json!({
        "allowed_domains": pki.domain,
        "allow_bare_domains": true,
        "allow_subdomains": false,
        "ttl": seconds(pki.ttl),
        "max_ttl": seconds(pki.max_ttl),
    });
    operator.post(&format!("{path}/roles/{}", pki.role), role).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::vault::testing::Scripted;

    #[tokio::test]
    async fn an_authority_that_is_there_is_not_made_again() {
        for (issuers, made) in [(404, 1), (200, 0)] {
            let server = Scripted::start(move |what, _| {
                Some(match what {
                    "GET sys/mounts" => (200, json!({ "data": { "pki/": { "type": "pki" } } })),
                    "GET pki/issuers?list=true" => (issuers, json!({})),
                    _ => (200, json!({})),
                })
            })
            .await;
            let pki = Pki { role: "service".into(), ca_ttl: Span::from_secs(60), ..Pki::default() };
            let client = Client::new(&server.endpoint).unwrap();
            let done = enable(&client, "pki", &Engine::Pki(pki)).await.unwrap();
            assert_eq!(done, " (was there)");
            assert_eq!(server.count("POST pki/root/generate/internal"), made);
            assert_eq!(server.count("POST pki/roles/service"), 1);
        }
    }

    #[tokio::test]
    async fn another_engine_at_the_path_is_refused() {
        let mounts = json!({ "data": { "transit/": { "type": "kv" } } });
        let server = Scripted::start(move |_, _| Some((200, mounts.clone()))).await;
        let client = Client::new(&server.endpoint).unwrap();
        let error = enable(&client, "transit", &Engine::Transit { key: "k".into() }).await.unwrap_err();
        assert!(error.to_string().contains("already mounted with another engine"), "{error}");
    }
}
