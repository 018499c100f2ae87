//! How rules are read: which of several wins, and what one right does not include.

use crate::conformance::kv2::Kv2;
use crate::conformance::{Cases, Checked, Lab, Source};
use serde_json::json;

const SOURCE: Source = Source::Workflow;

/// A mount `secret` with one secret `a`, as the operator sees it and as somebody with these rules does.
async fn with(lab: &Lab, rules: &str) -> Checked<(Kv2, Kv2)> {
    let kv = lab.kv2_at("secret").await?;
    kv.quiet_put("a", json!({ "color": "red" })).await?;
    let theirs = kv.by(&lab.under(rules).await?);
    Ok((kv, theirs))
}

pub fn register(cases: &mut Cases) {
    rights_are_apart(cases);
    which_path_wins(cases);
    several_policies(cases);
}

fn rights_are_apart(cases: &mut Cases) {
    cases.add(
        "policy/rights/update-does-not-imply-read",
        SOURCE,
        "who may update a secret can overwrite it and cannot read it",
        |lab| async move {
            let (kv, theirs) = with(&lab, r#"path "secret/data/*" { capabilities = ["update"] }"#).await?;
            theirs.put("a", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 2)?;
            theirs.get("a").await?.is(403)?.lacks("/data")?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "blue")?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/update-does-not-imply-create",
        SOURCE,
        "who may only update cannot make a secret that does not exist",
        |lab| async move {
            let (kv, theirs) = with(&lab, r#"path "secret/data/*" { capabilities = ["update"] }"#).await?;
            theirs.put("new", json!({ "color": "blue" })).await?.is(403)?;
            kv.get("new").await?.is(404)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/create-does-not-imply-update",
        SOURCE,
        "who may only create makes a secret once and cannot overwrite one",
        |lab| async move {
            let (kv, theirs) = with(&lab, r#"path "secret/data/*" { capabilities = ["create"] }"#).await?;
            theirs.put("new", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 1)?;
            theirs.put("new", json!({ "color": "green" })).await?.is(403)?;
            theirs.put("a", json!({ "color": "green" })).await?.is(403)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/read-does-not-imply-write",
        SOURCE,
        "who may only read cannot create, overwrite, patch or delete",
        |lab| async move {
            let (kv, theirs) = with(&lab, r#"path "secret/data/*" { capabilities = ["read"] }"#).await?;
            theirs.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            theirs.put("new", json!({ "color": "blue" })).await?.is(403)?;
            theirs.put("a", json!({ "color": "blue" })).await?.is(403)?;
            theirs.patch("a", json!({ "color": "blue" })).await?.is(403)?;
            theirs.delete("a").await?.is(403)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?.has("/data/metadata/version", 1)?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/patch-has-its-own",
        SOURCE,
        "who may update cannot patch, and who may patch cannot overwrite",
        |lab| async move {
            let (kv, updates) = with(&lab, r#"path "secret/data/*" { capabilities = ["update"] }"#).await?;
            updates.patch("a", json!({ "color": "blue" })).await?.is(403)?;
            let rules = r#"path "secret/data/*" { capabilities = ["patch"] }"#;
            let patcher = lab.token(&[&lab.placed_policy("patcher", rules).await?]).await?;
            let patches = kv.by(&lab.as_token(&patcher));
            patches.patch("a", json!({ "size": "big" })).await?.is(200)?.has("/data/version", 2)?;
            patches.put("a", json!({ "color": "blue" })).await?.is(403)?;
            kv.get("a").await?.is(200)?.has("/data/data", json!({ "color": "red", "size": "big" }))?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/delete-has-its-own",
        SOURCE,
        "who may read and update cannot delete, and who may delete can do only that",
        |lab| async move {
            let rules = r#"path "secret/data/*" { capabilities = ["read", "update"] }"#;
            let (kv, updates) = with(&lab, rules).await?;
            updates.delete("a").await?.is(403)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            let rules = r#"path "secret/data/*" { capabilities = ["delete"] }"#;
            let deleter = lab.token(&[&lab.placed_policy("deleter", rules).await?]).await?;
            let deletes = kv.by(&lab.as_token(&deleter));
            deletes.get("a").await?.is(403)?.lacks("/data")?;
            deletes.delete("a").await?.succeeds()?;
            kv.get("a").await?.is(404)?.lacks("/data/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/list-has-its-own",
        SOURCE,
        "who may read everything cannot list, and who may list cannot read",
        |lab| async move {
            let (kv, reads) = with(&lab, r#"path "secret/*" { capabilities = ["read"] }"#).await?;
            reads.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            reads.list("").await?.is(403)?.lacks("/data")?;
            let rules = r#"path "secret/*" { capabilities = ["list"] }"#;
            let lister = lab.token(&[&lab.placed_policy("lister", rules).await?]).await?;
            let lists = kv.by(&lab.as_token(&lister));
            lists.list("").await?.is(200)?.has("/data/keys", json!(["a"]))?;
            lists.get("a").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/metadata-shows-no-value",
        SOURCE,
        "who may read the metadata cannot read the values",
        |lab| async move {
            let rules = r#"path "secret/metadata/*" { capabilities = ["read", "list"] }"#;
            let (_, theirs) = with(&lab, rules).await?;
            theirs.read_metadata("a").await?.is(200)?.has("/data/current_version", 1)?;
            theirs.list("").await?.is(200)?.has("/data/keys", json!(["a"]))?;
            theirs.get("a").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/what-is-not-named-is-refused",
        SOURCE,
        "somebody whose policy names none of it is refused everything, whether it exists or not",
        |lab| async move {
            let (_, theirs) = with(&lab, super::documents::NOTHING).await?;
            for secret in ["a", "nothing"] {
                theirs.get(secret).await?.is(403)?.error_has("permission denied")?.lacks("/data")?;
            }
            theirs.lab.get(&lab.name("no-such-mount/x")).await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
    cases.add(
        "policy/rights/protected-paths-need-sudo",
        Source::AlphaPulse,
        "the list of all tokens' accessors is refused to who may list, and given to who may as `sudo`",
        |lab| async move {
            let list = r#"path "auth/token/accessors" { capabilities = ["list"] }"#;
            let sudo = r#"path "auth/token/accessors" { capabilities = ["list", "sudo"] }"#;
            let path = "auth/token/accessors";
            let lister = lab.token(&[&lab.policy("lister", list).await?]).await?;
            lab.as_token(&lister).list(path).await?.is(403)?.lacks("/data")?;
            let warden = lab.token(&[&lab.policy("warden", sudo).await?]).await?;
            lab.as_token(&warden).list(path).await?.is(200)?.that("/data/keys", "names tokens", |keys| {
                keys.as_array().is_some_and(|keys| !keys.is_empty())
            })?;
            Ok(())
        },
    );
}

fn which_path_wins(cases: &mut Cases) {
    cases.add(
        "policy/paths/exact-beats-glob",
        SOURCE,
        "an exact path wins over a glob that gives more: what the exact one does not give is refused",
        |lab| async move {
            let rules = r#"
path "secret/data/*" { capabilities = ["read", "update"] }
path "secret/data/a" { capabilities = ["read"] }
"#;
            let (kv, theirs) = with(&lab, rules).await?;
            kv.quiet_put("b", json!({ "color": "red" })).await?;
            theirs.put("b", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 2)?;
            theirs.put("a", json!({ "color": "blue" })).await?.is(403)?;
            theirs.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "policy/paths/longer-glob-beats-shorter",
        SOURCE,
        "of two globs that fit the longer one wins, whichever stands first",
        |lab| async move {
            let rules = r#"
path "secret/data/team/*" { capabilities = ["deny"] }
path "secret/data/*" { capabilities = ["read"] }
path "secret/data/team/open/*" { capabilities = ["read"] }
"#;
            let (kv, theirs) = with(&lab, rules).await?;
            for secret in ["team/closed", "team/open/b"] {
                kv.quiet_put(secret, json!({ "color": "red" })).await?;
            }
            theirs.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            theirs.get("team/closed").await?.is(403)?.lacks("/data")?;
            theirs.get("team/open/b").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "policy/paths/glob-is-a-prefix",
        SOURCE,
        "a glob fits everything below it, at any depth, and nothing beside it",
        |lab| async move {
            let rules = r#"path "secret/data/ci/*" { capabilities = ["read"] }"#;
            let (kv, theirs) = with(&lab, rules).await?;
            for secret in ["ci", "ci/a", "ci/b/c/d", "cia"] {
                kv.quiet_put(secret, json!({ "color": secret })).await?;
            }
            for secret in ["ci/a", "ci/b/c/d"] {
                theirs.get(secret).await?.is(200)?.has("/data/data/color", secret)?;
            }
            for secret in ["ci", "cia", "a"] {
                theirs.get(secret).await?.is(403)?.lacks("/data")?;
            }
            Ok(())
        },
    );
    cases.add(
        "policy/paths/plus-is-one-segment",
        SOURCE,
        "a plus stands for one segment of a path, neither none nor two",
        |lab| async move {
            let rules = r#"path "secret/data/+/smtp" { capabilities = ["read"] }"#;
            let (kv, theirs) = with(&lab, rules).await?;
            for secret in ["smtp", "one/smtp", "one/two/smtp", "one/smtp2"] {
                kv.quiet_put(secret, json!({ "color": secret })).await?;
            }
            theirs.get("one/smtp").await?.is(200)?.has("/data/data/color", "one/smtp")?;
            for secret in ["smtp", "one/two/smtp", "one/smtp2"] {
                theirs.get(secret).await?.is(403)?.lacks("/data")?;
            }
            Ok(())
        },
    );
}

fn several_policies(cases: &mut Cases) {
    cases.add(
        "policy/several/rights-add-up",
        SOURCE,
        "a token with two policies has the rights of both, on the same path too",
        |lab| async move {
            let (kv, _) = with(&lab, super::documents::NOTHING).await?;
            let reader =
                lab.placed_policy("r", r#"path "secret/data/a" { capabilities = ["read"] }"#).await?;
            let writer =
                lab.placed_policy("w", r#"path "secret/data/a" { capabilities = ["update"] }"#).await?;
            let both = kv.by(&lab.as_token(&lab.token(&[&reader, &writer]).await?));
            both.put("a", json!({ "color": "blue" })).await?.is(200)?.has("/data/version", 2)?;
            both.get("a").await?.is(200)?.has("/data/data/color", "blue")?;
            let one = kv.by(&lab.as_token(&lab.token(&[&reader]).await?));
            one.put("a", json!({ "color": "green" })).await?.is(403)?;
            Ok(())
        },
    );
    cases.add(
        "policy/several/deny-wins-on-the-same-path",
        SOURCE,
        "an explicit deny of one policy wins over what another gives on the same path",
        |lab| async move {
            let (kv, _) = with(&lab, super::documents::NOTHING).await?;
            let open = lab.placed_policy("o", r#"path "secret/data/*" { capabilities = ["read"] }"#).await?;
            let shut = lab.placed_policy("s", r#"path "secret/data/*" { capabilities = ["deny"] }"#).await?;
            let both = kv.by(&lab.as_token(&lab.token(&[&open, &shut]).await?));
            both.get("a").await?.is(403)?.lacks("/data")?;
            let one = kv.by(&lab.as_token(&lab.token(&[&open]).await?));
            one.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
    cases.add(
        "policy/several/deny-beside-other-rights",
        SOURCE,
        "a deny that stands beside other rights of the same path leaves none of them",
        |lab| async move {
            let rules = r#"path "secret/data/a" { capabilities = ["read", "update", "deny"] }"#;
            let (kv, theirs) = with(&lab, rules).await?;
            theirs.get("a").await?.is(403)?.lacks("/data")?;
            theirs.put("a", json!({ "color": "blue" })).await?.is(403)?;
            kv.get("a").await?.is(200)?.has("/data/data/color", "red")?;
            Ok(())
        },
    );
}
