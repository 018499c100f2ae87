//! The policy of the workflow document's service, and what the document's own client does under it.

use super::documents::{NOTHING, NOTIFICATION, WORKFLOW_SERVICE};
use crate::conformance::kv2::Kv2;
use crate::conformance::{Cases, Checked, Lab, Source, SpareConfig, Storage};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

/// The document's secrets, as the operator sees them and as the service does.
async fn secrets(lab: &Lab) -> Checked<(Kv2, Kv2)> {
    let kv = lab.kv2_at("secret").await?;
    for secret in ["openai", "anthropic", "smtp", "database/workflow"] {
        kv.quiet_put(secret, json!({ "api_key": secret })).await?;
    }
    let service = kv.by(&lab.under(WORKFLOW_SERVICE).await?);
    Ok((kv, service))
}

/// A PKI of the case's own with the document's role, whose certificates are leased.
async fn pki(lab: &Lab, name: &str, role: &str) -> Checked<String> {
    let path = lab.mount(name, "pki", json!({})).await?;
    let quiet = lab.quietly();
    let root = json!({ "common_name": "example.com", "key_type": "ec", "ttl": "48h" });
    quiet.post(&format!("{path}/root/generate/internal"), root).await?.succeeds()?;
    let settings = json!({
        "allowed_domains": "example.com", "allow_subdomains": true, "key_type": "ec", "ttl": "24h",
        "generate_lease": true,
    });
    quiet.post(&format!("{path}/roles/{role}"), settings).await?.succeeds()?;
    Ok(path)
}

pub fn register(cases: &mut Cases) {
    secrets_of_the_service(cases);
    engines(cases);
    beyond_the_policy(cases);
    the_policy_itself(cases);
}

fn secrets_of_the_service(cases: &mut Cases) {
    cases.add(
        "policy/workflow/reads-openai-and-anthropic",
        SOURCE,
        "the service reads the two secrets that the policy names, although all others are denied",
        |lab| async move {
            let (_, service) = secrets(&lab).await?;
            for secret in ["openai", "anthropic"] {
                service.get(secret).await?.is(200)?.has("/data/data/api_key", secret)?;
            }
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/other-secrets-denied",
        SOURCE,
        "every other secret is refused, also one whose name begins like an allowed one",
        |lab| async move {
            let (kv, service) = secrets(&lab).await?;
            kv.quiet_put("openai2", json!({ "api_key": "2" })).await?;
            kv.quiet_put("openai/deep", json!({ "api_key": "3" })).await?;
            for secret in ["smtp", "database/workflow", "openai2", "openai/deep", "nothing"] {
                service.get(secret).await?.is(403)?.error_has("permission denied")?.lacks("/data")?;
            }
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/may-not-write",
        SOURCE,
        "the service may read its secrets and do nothing else with them",
        |lab| async move {
            let (kv, service) = secrets(&lab).await?;
            service.put("openai", json!({ "api_key": "other" })).await?.is(403)?;
            service.patch("openai", json!({ "api_key": "other" })).await?.is(403)?;
            service.delete("openai").await?.is(403)?;
            service.versions("destroy", "openai", &[1]).await?.is(403)?;
            service.delete_all("openai").await?.is(403)?;
            let read = kv.get("openai").await?;
            read.is(200)?.has("/data/data/api_key", "openai")?.has("/data/metadata/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/may-not-list",
        SOURCE,
        "reading two secrets does not include their metadata or a list of what else there is",
        |lab| async move {
            let (kv, service) = secrets(&lab).await?;
            service.list("").await?.is(403)?.lacks("/data")?;
            service.read_metadata("openai").await?.is(403)?.lacks("/data")?;
            kv.list("").await?.is(200)?.lists("/data/keys", "openai")?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/capabilities-say-the-same",
        SOURCE,
        "asked for its capabilities the server says read for the exact path and deny for the others",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let (allowed, denied) = (kv.data("openai"), kv.data("smtp"));
            let token = lab.token(&[&lab.placed_policy("workflow", WORKFLOW_SERVICE).await?]).await?;
            let body = json!({ "token": token, "paths": [allowed, denied] });
            let said = lab.post("sys/capabilities", body).await?;
            said.is(200)?.that("/data", "is read for openai and deny for smtp", |data| {
                data[&allowed] == json!(["read"]) && data[&denied] == json!(["deny"])
            })?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/second-policy-opens-a-path",
        SOURCE,
        "with the notification policy beside it the exact path wins: `smtp` opens, what neither names stays denied",
        |lab| async move {
            let (kv, _) = secrets(&lab).await?;
            let workflow = lab.placed_policy("workflow", WORKFLOW_SERVICE).await?;
            let notification = lab.placed_policy("notification", NOTIFICATION).await?;
            let both = kv.by(&lab.as_token(&lab.token(&[&workflow, &notification]).await?));
            both.get("smtp").await?.is(200)?.has("/data/data/api_key", "smtp")?;
            both.get("openai").await?.is(200)?.has("/data/data/api_key", "openai")?;
            both.get("database/workflow").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
}

fn engines(cases: &mut Cases) {
    cases.add(
        "policy/workflow/encrypts-and-decrypts",
        SOURCE,
        "the service encrypts and decrypts with the key that the policy names",
        |lab| async move {
            let transit = lab.transit().await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            let body = json!({ "plaintext": "YQ==" });
            let encrypted = service.post(&transit.of("encrypt"), body).await?;
            let body = json!({ "ciphertext": encrypted.is(200)?.text("/data/ciphertext")? });
            service.post(&transit.of("decrypt"), body).await?.is(200)?.has("/data/plaintext", "YQ==")?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/no-other-key",
        SOURCE,
        "another key is refused for encrypting, decrypting and reading, and none is made by trying",
        |lab| async move {
            let transit = lab.transit().await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            let of = |what: &str| format!("{}/{what}/other", transit.path);
            service.post(&of("encrypt"), json!({ "plaintext": "YQ==" })).await?.is(403)?;
            service.post(&of("decrypt"), json!({ "ciphertext": "vault:v1:AAAA" })).await?.is(403)?;
            service.get(&transit.of("keys")).await?.is(403)?.lacks("/data")?;
            lab.get(&of("keys")).await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/update-makes-no-key",
        SOURCE,
        "`update` on the encryption of a key that does not exist is not enough to make it",
        |lab| async move {
            let transit = lab.transit_without_key().await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            service.post(&transit.of("encrypt"), json!({ "plaintext": "YQ==" })).await?.is(403)?;
            transit.read().await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/issues-certificates",
        SOURCE,
        "the service issues certificates of its own role and of no other",
        |lab| async move {
            let path = pki(&lab, "pki", "workflow-service").await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            let name = json!({ "common_name": "workflow.example.com" });
            let issued = service.post(&format!("{path}/issue/workflow-service"), name.clone()).await?;
            issued.is(200)?.that("/data/certificate", "is a certificate", |text| {
                text.as_str().is_some_and(|text| text.starts_with("-----BEGIN CERTIFICATE-----"))
            })?;
            service.post(&format!("{path}/issue/other"), name.clone()).await?.is(403)?.lacks("/data")?;
            service.post(&format!("{path}/sign/workflow-service"), name).await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/asks-for-database-credentials",
        SOURCE,
        "the service may ask for credentials of its own database role and of no other",
        |lab| async move {
            let path = lab.mount("database", "database", json!({})).await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            // Nothing is configured: past the policy the engine itself says so.
            let own = service.get(&format!("{path}/creds/workflow-readwrite")).await?;
            own.is_one_of(&[400, 404, 500])?.error_has("unknown role")?;
            for role in ["workflow-readonly", "llm-agent-readwrite"] {
                let other = service.get(&format!("{path}/creds/{role}")).await?;
                other.is(403)?.error_has("permission denied")?;
            }
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/renews-leases",
        SOURCE,
        "the service may renew leases: of one that does not exist it hears that, not a refusal",
        |lab| async move {
            let service = lab.under(WORKFLOW_SERVICE).await?;
            let lease =
                json!({ "lease_id": format!("{}/creds/a/b", lab.name("database")), "increment": 3600 });
            service.put("sys/leases/renew", lease.clone()).await?.is(400)?.error_has("lease not found")?;
            lab.under(NOTHING).await?.put("sys/leases/renew", lease).await?.is(403)?;
            Ok(())
        },
    );
}

fn beyond_the_policy(cases: &mut Cases) {
    cases.add(
        "policy/workflow/revokes-its-lease",
        SOURCE,
        "the document's client revokes its lease when it is done, under the document's policy",
        |lab| async move {
            let path = pki(&lab, "pki", "workflow-service").await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            let name = json!({ "common_name": "workflow.example.com" });
            let issued = service.post(&format!("{path}/issue/workflow-service"), name).await?;
            let lease = issued.is(200)?.text("/lease_id")?;
            service.post("sys/leases/revoke", json!({ "lease_id": lease })).await?.succeeds()?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/lease-outlives-the-refused-revocation",
        SOURCE,
        "`sys/leases/renew` alone does not let anybody revoke: the lease is still there",
        |lab| async move {
            let path = pki(&lab, "pki", "workflow-service").await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            let name = json!({ "common_name": "workflow.example.com" });
            let issued = service.quietly().post(&format!("{path}/issue/workflow-service"), name).await?;
            let lease = json!({ "lease_id": issued.text("/lease_id")? });
            for verb in ["revoke", "lookup"] {
                service.put(&format!("sys/leases/{verb}"), lease.clone()).await?.is(403)?.lacks("/data")?;
            }
            lab.put("sys/leases/lookup", lease).await?.is(200)?.that(
                "/data/ttl",
                "is above 23 h",
                |ttl| ttl.as_i64().is_some_and(|ttl| (23 * 3600..=24 * 3600).contains(&ttl)),
            )?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/rotates-its-key",
        SOURCE,
        "the document's client rotates its key with `rotateKey()`, under the document's policy",
        |lab| async move {
            let transit = lab.transit().await?;
            let service = lab.under(WORKFLOW_SERVICE).await?;
            service.post(&format!("{}/rotate", transit.of("keys")), json!({})).await?.succeeds()?;
            Ok(())
        },
    );
    cases.add(
        "policy/workflow/looks-itself-up",
        SOURCE,
        "the document's client looks its token up to see whether it expires: the default policy lets it",
        |lab| async move {
            let policy = lab.placed_policy("workflow", WORKFLOW_SERVICE).await?;
            let body = json!({ "policies": [policy], "ttl": "1h" });
            let token = lab.quietly().post("auth/token/create", body).await?.text("/auth/client_token")?;
            let looked = lab.as_token(&token).get("auth/token/lookup-self").await?;
            looked.is(200)?.that("/data/ttl", "is nearly an hour", |ttl| {
                ttl.as_i64().is_some_and(|ttl| (3500..=3600).contains(&ttl))
            })?;
            looked.lists("/data/policies", "default")?;
            lab.under(WORKFLOW_SERVICE)
                .await?
                .get("auth/token/lookup-self")
                .await?
                .is(403)?
                .lacks("/data")?;
            Ok(())
        },
    );
}

fn the_policy_itself(cases: &mut Cases) {
    cases.add(
        "policy/workflow/word-for-word",
        SOURCE,
        "at the very mounts `secret/` and `transit/`, under its own name, the policy does what it says",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let operator = lab.opened(&spare).await?;
            let quiet = operator.quietly();
            for (mount, engine) in [("secret", "kv-v2"), ("transit", "transit")] {
                quiet.post(&format!("sys/mounts/{mount}"), json!({ "type": engine })).await?.succeeds()?;
            }
            quiet.post("transit/keys/workflow-data", json!({})).await?.succeeds()?;
            quiet
                .eventually(std::time::Duration::from_secs(10), || async {
                    quiet.get("secret/config").await?.is(200).map(drop)
                })
                .await?;
            for secret in ["openai", "smtp"] {
                let body = json!({ "data": { "api_key": secret } });
                quiet.post(&format!("secret/data/{secret}"), body).await?.is(200)?;
            }
            let written = json!({ "policy": WORKFLOW_SERVICE });
            operator.put("sys/policies/acl/workflow-service-policy", written).await?.succeeds()?;
            let listed = operator.list("sys/policies/acl").await?;
            listed.is(200)?.lists("/data/keys", "workflow-service-policy")?;
            let read = operator.get("sys/policies/acl/workflow-service-policy").await?;
            read.is(200)?.has("/data/policy", WORKFLOW_SERVICE)?;
            let service = operator.as_token(&operator.token(&["workflow-service-policy"]).await?);
            service.get("secret/data/openai").await?.is(200)?.has("/data/data/api_key", "openai")?;
            service.get("secret/data/smtp").await?.is(403)?.lacks("/data")?;
            let body = json!({ "plaintext": "YQ==" });
            let encrypted = service.post("transit/encrypt/workflow-data", body).await?;
            let body = json!({ "ciphertext": encrypted.is(200)?.text("/data/ciphertext")? });
            let decrypted = service.post("transit/decrypt/workflow-data", body).await?;
            decrypted.is(200)?.has("/data/plaintext", "YQ==")?;
            service.get("transit/keys/workflow-data").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
}
