//! Which secrets there are.

use crate::conformance::{Cases, Source};
use crate::vault::Body;
use reqwest::Method;
use serde_json::json;

pub fn register(cases: &mut Cases) {
    cases.add(
        "kv2/list/names-and-folders",
        Source::VoiceCore,
        "a list names secrets, and folders with a slash, of one level only",
        |lab| async move {
            let kv = lab.kv2_at("voicecore").await?;
            for secret in ["config/api-keys", "config/smtp", "config/deep/er", "other"] {
                kv.quiet_put(secret, json!({ "color": "red" })).await?;
            }
            let keys = json!(["api-keys", "deep/", "smtp"]);
            kv.list("config/").await?.is(200)?.has("/data/keys", keys)?;
            kv.list("").await?.is(200)?.has("/data/keys", json!(["config/", "other"]))?;
            Ok(())
        },
    );
    cases.add(
        "kv2/list/of-nothing",
        Source::VoiceCore,
        "a list of a folder without secrets is answered 404",
        |lab| async move {
            let kv = lab.kv2_at("voicecore").await?;
            kv.list("config/").await?.is(404)?.lacks("/data/keys")?;
            kv.quiet_put("other/api-keys", json!({ "color": "red" })).await?;
            kv.list("config/").await?.is(404)?.lacks("/data/keys")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/list/verb-of-its-own",
        Source::Workflow,
        "the verb LIST, as the document's client sends it, is answered like GET with `list=true`",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("openai", json!({ "color": "red" })).await?;
            let verb = Method::from_bytes(b"LIST").map_err(crate::conformance::Stop::broken)?;
            let listed = lab.ask(verb, &kv.metadata(""), Body::None).await?;
            listed.is(200)?.has("/data/keys", json!(["openai"]))?;
            Ok(())
        },
    );
    cases.add(
        "kv2/list/values-are-not-listed",
        Source::VoiceCore,
        "a list holds names and no value",
        |lab| async move {
            let kv = lab.kv2_at("voicecore").await?;
            kv.quiet_put("config/api-keys", json!({ "openai_key": "sk-hidden" })).await?;
            kv.list("config/").await?.is(200)?.that("/data", "has keys and no value", |data| {
                data.get("keys").is_some() && !data.to_string().contains("hidden")
            })?;
            Ok(())
        },
    );
    cases.add(
        "kv2/list/not-of-the-data",
        Source::Workflow,
        "values cannot be listed: only the metadata's path has a list",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("openai", json!({ "color": "red" })).await?;
            lab.list(&kv.data("")).await?.is_one_of(&[404, 405])?.lacks("/data/keys")?;
            Ok(())
        },
    );
    cases.add(
        "kv2/list/deleted-still-named",
        Source::Workflow,
        "a softly deleted secret is still listed, one without metadata no longer",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            for secret in ["openai", "anthropic", "smtp"] {
                kv.quiet_put(secret, json!({ "color": "red" })).await?;
            }
            kv.delete("openai").await?.succeeds()?;
            kv.delete_all("anthropic").await?.succeeds()?;
            let listed = kv.list("").await?;
            listed.is(200)?.lists("/data/keys", "openai")?.lists("/data/keys", "smtp")?;
            listed.does_not_list("/data/keys", "anthropic")?;
            Ok(())
        },
    );
}
