//! The fields of an audit entry that the documents show.

use super::audit_log::is_hash;
use crate::conformance::{Answer, Cases, Checked, Lab, Source};
use serde_json::{Value, json};

/// Ids are UUIDs.
const UUID_CHARS: usize = 36;

pub fn register(cases: &mut Cases) {
    request(cases);
    auth(cases);
    response(cases);
}

fn request(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add("sys/audit/time", source, "an entry has the time of its event", |lab| async move {
        let before = jiff::Timestamp::now();
        let read = read(&lab).await?;
        // The server's clock is ours; a second is for reading it twice.
        read.that("/time", "is the time of the request", |time| {
            let time = time.as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
            time.is_some_and(|time| {
                (before.as_second() - 1..=jiff::Timestamp::now().as_second() + 1).contains(&time.as_second())
            })
        })?;
        Ok(())
    });
    cases.add(
        "sys/audit/path-and-operation-readable",
        source,
        "path and operation of a request are readable",
        |lab| async move {
            let read = read(&lab).await?;
            let path = |path: &Value| path.as_str().is_some_and(|path| path.ends_with("kv/data/openai"));
            read.has("/request/operation", "read")?.that(
                "/request/path",
                "ends with kv/data/openai",
                path,
            )?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/remote-address-readable",
        source,
        "the address of the client is readable",
        |lab| async move {
            read(&lab).await?.has("/request/remote_address", "127.0.0.1")?;
            Ok(())
        },
    );
    cases.add("sys/audit/request-id-unique", source, "a request has an id of its own", |lab| async move {
        let audited = lab.audited().await?;
        let kv = audited.root.kv2().await?;
        for secret in ["a", "b"] {
            audited.root.quietly().get(&kv.data(secret)).await?.is(404)?;
        }
        let one = audited.pair("read", &kv.data("a")).await?.1.text("/request/id")?;
        let other = audited.pair("read", &kv.data("b")).await?.1;
        other.that("/request/id", "is another id", |id| {
            id.as_str().is_some_and(|id| id != one && id.len() == UUID_CHARS)
        })?;
        Ok(())
    });
    cases.add(
        "sys/audit/request-token-hashed",
        source,
        "token and accessor of a request are hashed",
        |lab| async move {
            let read = read(&lab).await?;
            read.that("/request/client_token", "is hashed", is_hash)?;
            read.that("/request/client_token_accessor", "is hashed", is_hash)?;
            Ok(())
        },
    );
    cases.add("sys/audit/read-has-no-data", source, "the request of a read has no data", |lab| async move {
        read(&lab).await?.has("/request/operation", "read")?.lacks("/request/data")?;
        Ok(())
    });
    cases.add(
        "sys/audit/written-values-hashed",
        source,
        "the values of a write are hashed in the entry of its request, and their names are readable",
        |lab| async move {
            let audited = lab.audited().await?;
            let kv = audited.root.kv2().await?;
            kv.quiet_put("openai", json!({ "api_key": "sk-proj-1", "organization": "org-1" })).await?;
            let (request, _) = audited.pair("create", &kv.data("openai")).await?;
            request.that("/request/data/data/api_key", "is hashed", is_hash)?;
            request.that("/request/data/data/organization", "is hashed", is_hash)?;
            Ok(())
        },
    );
}

fn auth(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/audit/token-and-accessor-hashed",
        source,
        "token and accessor of who asks are hashed",
        |lab| async move {
            let read = read(&lab).await?;
            read.that("/auth/client_token", "is hashed", is_hash)?.that(
                "/auth/accessor",
                "is hashed",
                is_hash,
            )?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/policies-readable",
        source,
        "display name and policies of who asks are readable",
        |lab| async move {
            let read = read(&lab).await?;
            read.has("/auth/display_name", "token-workflow")?;
            let own = |policies: &Value| {
                policies.as_array().is_some_and(|policies| {
                    policies.len() == 1 && policies[0].as_str().is_some_and(|name| name.ends_with("-read"))
                })
            };
            read.that("/auth/policies", "is the token's policy", own)?;
            read.that("/auth/token_policies", "is the token's policy", own)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/metadata-readable",
        source,
        "the metadata of who asks is readable: role and service account",
        |lab| async move {
            let read = read(&lab).await?;
            read.has("/auth/metadata/role", "workflow-service")?;
            read.has("/auth/metadata/service_account_name", "workflow-service")?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/tenant-readable",
        Source::AlphaPulse,
        "the tenant of who asks is readable, and the kind of token",
        |lab| async move {
            let read = read(&lab).await?;
            read.has("/auth/metadata/tenant_id", "00000000-0000-0000-0000-000000000001")?;
            read.has("/auth/token_type", "service")?;
            Ok(())
        },
    );
}

fn response(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/audit/read-values-hashed",
        source,
        "the values that a read gave out are hashed in the entry of its response",
        |lab| async move {
            read(&lab).await?.that("/response/data/data/api_key", "is hashed", is_hash)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/version-readable",
        source,
        "the version of the secret that a read gave out is readable, and whether it is destroyed",
        |lab| async move {
            let read = read(&lab).await?;
            read.has("/response/data/metadata/version", 1)?
                .has("/response/data/metadata/destroyed", false)?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/created-time-readable",
        source,
        "the time at which the secret was created is readable in the entry of its reading",
        |lab| async move {
            read(&lab).await?.that("/response/data/metadata/created_time", "is a time", |time| {
                time.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok())
            })?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/deletion-time-readable",
        source,
        "the deletion time of a secret that is not deleted is an empty text in the entry of its reading",
        |lab| async move {
            read(&lab).await?.has("/response/data/metadata/deletion_time", "")?;
            Ok(())
        },
    );
    cases.add(
        "sys/audit/status-in-response",
        Source::AlphaPulse,
        "the entry of a response has the status, 200 for a read that worked",
        |lab| async move {
            read(&lab).await?.has("/response/status", 200)?;
            Ok(())
        },
    );
}

/// The entry of the response to a read of `openai` by a token such as the documents show.
async fn read(lab: &Lab) -> Checked<Answer> {
    let audited = lab.audited().await?;
    let kv = audited.root.kv2().await?;
    kv.quiet_put("openai", json!({ "api_key": "sk-proj-1" })).await?;
    let rules = format!("path \"{}\" {{ capabilities = [\"read\"] }}", kv.data("openai"));
    let policy = audited.root.policy("read", &rules).await?;
    let body = json!({
        "policies": [policy],
        "no_default_policy": true,
        "display_name": "workflow",
        "meta": {
            "role": "workflow-service",
            "service_account_name": "workflow-service",
            "tenant_id": "00000000-0000-0000-0000-000000000001",
        },
    });
    let quiet = audited.root.quietly();
    let token = quiet.post("auth/token/create", body).await?.text("/auth/client_token")?;
    quiet.as_token(&token).get(&kv.data("openai")).await?.is(200)?;
    Ok(audited.pair("read", &kv.data("openai")).await?.1)
}
