//! Writing policies, and when they take hold.

use crate::conformance::{Cases, Source, SpareConfig, Storage};
use serde_json::json;
use std::time::Duration;

const SOURCE: Source = Source::Workflow;

const READS: &str = r#"path "secret/data/*" { capabilities = ["read"] }"#;

pub fn register(cases: &mut Cases) {
    cases.add(
        "policy/api/read-back-word-for-word",
        SOURCE,
        "a policy is listed by its name and read back word for word, comments too",
        |lab| async move {
            let name = lab.policy("documented", super::documents::WORKFLOW_SERVICE).await?;
            lab.list("sys/policies/acl").await?.is(200)?.lists_drawn("/data/keys", &name)?;
            let read = lab.get(&format!("sys/policies/acl/{name}")).await?;
            read.is(200)?.has("/data/policy", super::documents::WORKFLOW_SERVICE)?;
            Ok(())
        },
    );
    cases.add(
        "policy/api/none-of-that-name",
        SOURCE,
        "a policy that was never written is answered 404 and not listed",
        |lab| async move {
            let name = lab.name("none");
            lab.get(&format!("sys/policies/acl/{name}")).await?.is(404)?.lacks("/data")?;
            let listed = lab.list("sys/policies/acl").await?;
            // `root` and `default` are always there: a list without anything would say nothing.
            listed.is(200)?.that("/data/keys", "lists others and not this one", |keys| {
                let keys = keys.as_array().map(Vec::as_slice).unwrap_or_default();
                !keys.is_empty() && !keys.iter().any(|key| key == name.as_str())
            })?;
            Ok(())
        },
    );
    cases.add(
        "policy/api/change-holds-at-once",
        SOURCE,
        "a changed policy holds at once for tokens that have it already",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let name = lab.placed_policy("changing", READS).await?;
            let theirs = kv.by(&lab.as_token(&lab.token(&[&name]).await?));
            theirs.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            let rules = format!("path \"{}/data/*\" {{ capabilities = [\"update\"] }}", kv.path);
            lab.put(&format!("sys/policies/acl/{name}"), json!({ "policy": rules })).await?.succeeds()?;
            theirs.get("a").await?.is(403)?.lacks("/data")?;
            theirs.put("a", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 2)?;
            Ok(())
        },
    );
    cases.add(
        "policy/api/deleted-opens-nothing",
        SOURCE,
        "when its policy is deleted a token lives on and may do nothing",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let name = lab.placed_policy("deleted", READS).await?;
            let token = lab.token(&[&name]).await?;
            let theirs = kv.by(&lab.as_token(&token));
            theirs.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            lab.delete(&format!("sys/policies/acl/{name}")).await?.succeeds()?;
            theirs.get("a").await?.is(403)?.lacks("/data")?;
            let looked = lab.post("auth/token/lookup", json!({ "token": token })).await?;
            looked.is(200)?.lists_drawn("/data/policies", &name)?;
            Ok(())
        },
    );
    cases.add(
        "policy/api/standbys-follow",
        Source::AlphaPulse,
        "a changed policy holds on every standby within five seconds",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            kv.quiet_put("a", json!({ "color": "red" })).await?;
            let name = lab.placed_policy("changing", READS).await?;
            let token = lab.token(&[&name]).await?;
            let within = Duration::from_secs(5);
            let mut standbys = Vec::new();
            for number in 0..2 {
                let theirs = kv.by(&lab.standby(number)?.as_token(&token));
                lab.eventually(within, || async {
                    theirs.get("a").await?.is(200)?.has("/data/data/color", "red").map(drop)
                })
                .await?;
                standbys.push(theirs);
            }
            let rules = format!("path \"{}/data/*\" {{ capabilities = [\"deny\"] }}", kv.path);
            lab.put(&format!("sys/policies/acl/{name}"), json!({ "policy": rules })).await?.succeeds()?;
            for theirs in &standbys {
                lab.eventually(within, || async { theirs.get("a").await?.is(403)?.lacks("/data").map(drop) })
                    .await?;
            }
            Ok(())
        },
    );
    cases.add(
        "policy/api/broken-text-refused",
        SOURCE,
        "a policy that cannot be parsed, or names a right that does not exist, is refused and the old one stays",
        |lab| async move {
            let name = lab.policy("kept", READS).await?;
            let path = format!("sys/policies/acl/{name}");
            let broken =
                [r#"path "x" { capabilities = ["read"#, r#"path "x" { capabilities = ["fly"] }"#, "path {"];
            for text in broken {
                lab.put(&path, json!({ "policy": text })).await?.is(400)?.error_has("failed to parse policy")?;
            }
            lab.put(&path, json!({ "policy": "" })).await?.is(400)?;
            lab.get(&path).await?.is(200)?.has("/data/policy", READS)?;
            Ok(())
        },
    );
    cases.add(
        "policy/api/root-and-default-are-guarded",
        SOURCE,
        "the policy `root` cannot be written or deleted, and `default` cannot be deleted",
        |lab| async move {
            // A server that lets it happen would not be of use to the cases beside this one.
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let operator = lab.opened(&spare).await?;
            let body = json!({ "policy": READS });
            operator.put("sys/policies/acl/root", body).await?.is(400)?.error_has("root")?;
            for name in ["root", "default"] {
                let path = format!("sys/policies/acl/{name}");
                operator.delete(&path).await?.is(400)?.error_has("cannot delete")?;
            }
            operator.list("sys/policies/acl").await?.is(200)?.lists("/data/keys", "default")?;
            Ok(())
        },
    );
}
