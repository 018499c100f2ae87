//! The mounts and paths that the documents name, used as they use them.

use crate::conformance::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    cases.add(
        "kv2/places/workflow-secret",
        Source::Workflow,
        "`secret/openai` and `secret/database/workflow` hold what was put there, field by field",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let database = json!({
                "username": "workflow_user",
                "host": "postgres-workflow.production.svc.cluster.local",
                "port": "5432",
                "database": "workflow_db",
            });
            kv.put("openai", json!({ "api_key": "sk-1", "organization": "org-1" })).await?.is(200)?;
            kv.put("database/workflow", database.clone()).await?.is(200)?;
            let openai = kv.get("openai").await?;
            openai.is(200)?.has("/data/data/api_key", "sk-1")?.has("/data/data/organization", "org-1")?;
            kv.get("database/workflow").await?.is(200)?.has("/data/data", database)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/places/workflow-new-key-on-the-next-read",
        Source::Workflow,
        "an updated key makes a new version, which the next read gives",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.put("openai", json!({ "api_key": "sk-proj-old-key" })).await?.is(200)?;
            kv.put("openai", json!({ "api_key": "sk-proj-new-key" })).await?.has("/data/version", 2)?;
            kv.get("openai").await?.is(200)?.has("/data/data/api_key", "sk-proj-new-key")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/places/voicecore-config",
        Source::VoiceCore,
        "`voicecore/config/api-keys` is put, read and listed",
        |lab| async move {
            let kv = lab.kv2_at("voicecore").await?;
            let keys = json!({ "openai_key": "sk-1", "twilio_sid": "AC1", "stripe_key": "sk_live_1" });
            kv.put("config/api-keys", keys.clone()).await?.is(200)?.has("/data/version", 1)?;
            kv.get("config/api-keys").await?.is(200)?.has("/data/data", keys)?;
            kv.list("config/").await?.is(200)?.has("/data/keys", json!(["api-keys"]))?;
            Ok(())
        },
    );
    cases.add(
        "kv2/places/consciousness-engine",
        Source::Consciousness,
        "the five secrets of the consciousness engine are kept together and versioned",
        |lab| async move {
            let kv = lab.kv2_at("consciousness").await?;
            let secrets = |version: u32| {
                json!({
                    "database_encryption_key": format!("d{version}"),
                    "jwt_signing_key": format!("j{version}"),
                    "api_key": format!("a{version}"),
                    "neural_encryption_key": format!("n{version}"),
                    "memory_encryption_key": format!("m{version}"),
                })
            };
            for version in [1, 2] {
                let written = kv.put("consciousness-engine/secrets", secrets(version)).await?;
                written.is(200)?.has("/data/version", version)?;
            }
            kv.get("consciousness-engine/secrets").await?.is(200)?.has("/data/data", secrets(2))?;
            let first = kv.get_version("consciousness-engine/secrets", 1).await?;
            first.is(200)?.has("/data/data", secrets(1))?;
            Ok(())
        },
    );
    cases.add(
        "kv2/places/config-service-path",
        Source::ConfigService,
        "`secret/data/{environment}/{service_name}/{key}` keeps environments and services apart",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let places = ["production/asr-service/api_key", "development/asr-service/api_key"];
            for place in places {
                kv.put(place, json!({ "value": place })).await?.is(200)?.has("/data/version", 1)?;
            }
            for place in places {
                kv.get(place).await?.is(200)?.has("/data/data/value", place)?;
            }
            kv.get("production/llm-service/api_key").await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/places/config-service-list",
        Source::ConfigService,
        "the keys of one service are listed without those of others",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            for place in ["production/asr-service/api_key", "production/llm-service/database_password"] {
                kv.quiet_put(place, json!({ "value": "1" })).await?;
            }
            kv.list("production/asr-service/").await?.is(200)?.has("/data/keys", json!(["api_key"]))?;
            let services = json!(["asr-service/", "llm-service/"]);
            kv.list("production/").await?.is(200)?.has("/data/keys", services)?;
            Ok(())
        },
    );
    cases.add(
        "kv2/places/mounts-are-apart",
        Source::VoiceCore,
        "the same path below two mounts is two secrets, and a dead mount takes only its own with it",
        |lab| async move {
            let (secret, voicecore) = (lab.kv2_at("secret").await?, lab.kv2_at("voicecore").await?);
            secret.put("config", json!({ "color": "red" })).await?.is(200)?.has("/data/version", 1)?;
            voicecore.put("config", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 1)?;
            secret.get("config").await?.is(200)?.has("/data/data/color", "red")?;
            lab.delete(&format!("sys/mounts/{}", secret.path)).await?.succeeds()?;
            secret.get("config").await?.is(404)?.lacks("/data")?;
            voicecore.get("config").await?.is(200)?.has("/data/data/color", "blue")?;
            Ok(())
        },
    );
}
