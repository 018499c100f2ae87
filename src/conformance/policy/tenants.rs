//! Tenant isolation by path: every tenant's token against every other tenant's path, by every verb, at every node.

use crate::conformance::kv2::Kv2;
use crate::conformance::{Answer, Cases, Checked, Lab, Source};
use serde_json::json;
use std::time::Duration;

const SOURCE: Source = Source::AlphaPulse;

/// The document's template, word for word.
const TEMPLATE: &str = r#"
path "secret/tenants/{tenant_id}/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
"#;

/// What it takes with KV version 2, whose values and metadata have paths of their own.
const TEMPLATE_FOR_VERSION_2: &str = r#"
path "secret/data/tenants/{tenant_id}/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "secret/metadata/tenants/{tenant_id}/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
path "secret/delete/tenants/{tenant_id}/*" {
  capabilities = ["create", "update"]
}
path "secret/undelete/tenants/{tenant_id}/*" {
  capabilities = ["create", "update"]
}
path "secret/destroy/tenants/{tenant_id}/*" {
  capabilities = ["create", "update"]
}
"#;

/// As in the document's audit line; the last one begins like the one before.
const TENANTS: [&str; 3] = [
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000002",
    "00000000-0000-0000-0000-0000000000022",
];

/// What a standby does not have within this time is an error of its own.
const REPLICATED_WITHIN: Duration = Duration::from_secs(5);

fn place(tenant: &str, what: &str) -> String {
    format!("tenants/{tenant}/{what}")
}

/// Somebody who has the template's rights of one tenant.
async fn tenant(lab: &Lab, template: &str, tenant: &str) -> Checked<String> {
    let policy = lab.placed_policy(tenant, &template.replace("{tenant_id}", tenant)).await?;
    lab.token(&[&policy]).await
}

/// Everything that somebody may try with a path of KV version 2.
#[derive(Clone, Copy)]
enum Verb {
    Read,
    ReadVersion,
    Create,
    Update,
    Patch,
    Delete,
    DeleteVersions,
    Undelete,
    Destroy,
    ReadMetadata,
    WriteMetadata,
    DeleteAll,
    List,
}

impl Verb {
    async fn of(self, kv: &Kv2, tenant: &str) -> Checked<Answer> {
        let secret = place(tenant, "exchanges/binance");
        let data = json!({ "tenant": "somebody else" });
        match self {
            Verb::Read => kv.get(&secret).await,
            Verb::ReadVersion => kv.get_version(&secret, 1).await,
            Verb::Create => kv.put(&place(tenant, "exchanges/new"), data).await,
            Verb::Update => kv.put(&secret, data).await,
            Verb::Patch => kv.patch(&secret, data).await,
            Verb::Delete => kv.delete(&secret).await,
            Verb::DeleteVersions => kv.versions("delete", &secret, &[1]).await,
            Verb::Undelete => kv.versions("undelete", &secret, &[1]).await,
            Verb::Destroy => kv.versions("destroy", &secret, &[1]).await,
            Verb::ReadMetadata => kv.read_metadata(&secret).await,
            Verb::WriteMetadata => kv.set_metadata(&secret, json!({ "max_versions": 1 })).await,
            Verb::DeleteAll => kv.delete_all(&secret).await,
            Verb::List => kv.list(&place(tenant, "exchanges/")).await,
        }
    }
}

/// Every tenant's token, at every node: its own secret is there, every other one is refused, and in the end each is as it was.
async fn every_other_tenant_refused(lab: &Lab, verb: Verb) -> Checked {
    let kv = lab.kv2_at("secret").await?;
    let mut tokens = Vec::new();
    for id in TENANTS {
        kv.quiet_put(&place(id, "exchanges/binance"), json!({ "tenant": id })).await?;
        tokens.push(tenant(lab, TEMPLATE_FOR_VERSION_2, id).await?);
    }
    for node in [lab.clone(), lab.standby(0)?, lab.standby(1)?] {
        for (id, token) in TENANTS.iter().zip(&tokens) {
            let theirs = kv.by(&node.as_token(token));
            lab.eventually(REPLICATED_WITHIN, || async {
                let own = theirs.get(&place(id, "exchanges/binance")).await?;
                own.is(200)?.has("/data/data/tenant", *id).map(drop)
            })
            .await?;
            for other in TENANTS.iter().filter(|other| *other != id) {
                verb.of(&theirs, other).await?.is(403)?.lacks("/data")?;
            }
        }
    }
    for id in TENANTS {
        let untouched = kv.get(&place(id, "exchanges/binance")).await?;
        untouched.is(200)?.has("/data/data/tenant", id)?.has("/data/metadata/version", 1)?;
    }
    Ok(())
}

pub fn register(cases: &mut Cases) {
    every_verb(cases);
    the_template(cases);
}

fn every_verb(cases: &mut Cases) {
    let verbs = [
        (Verb::Read, "policy/tenants/no-foreign-read", "at no node a tenant reads another tenant's secret"),
        (
            Verb::ReadVersion,
            "policy/tenants/no-foreign-old-version",
            "at no node a tenant reads an old version of another tenant's secret",
        ),
        (
            Verb::Create,
            "policy/tenants/no-foreign-create",
            "at no node a tenant creates a secret below another tenant's path",
        ),
        (
            Verb::Update,
            "policy/tenants/no-foreign-update",
            "at no node a tenant overwrites another tenant's secret",
        ),
        (
            Verb::Patch,
            "policy/tenants/no-foreign-patch",
            "at no node a tenant patches another tenant's secret",
        ),
        (
            Verb::Delete,
            "policy/tenants/no-foreign-delete",
            "at no node a tenant deletes another tenant's secret",
        ),
        (
            Verb::DeleteVersions,
            "policy/tenants/no-foreign-delete-of-versions",
            "at no node a tenant deletes versions of another tenant's secret",
        ),
        (
            Verb::Undelete,
            "policy/tenants/no-foreign-undelete",
            "at no node a tenant undeletes versions of another tenant's secret",
        ),
        (
            Verb::Destroy,
            "policy/tenants/no-foreign-destroy",
            "at no node a tenant destroys versions of another tenant's secret",
        ),
        (
            Verb::ReadMetadata,
            "policy/tenants/no-foreign-metadata",
            "at no node a tenant reads the metadata of another tenant's secret",
        ),
        (
            Verb::WriteMetadata,
            "policy/tenants/no-foreign-settings",
            "at no node a tenant changes the settings of another tenant's secret",
        ),
        (
            Verb::DeleteAll,
            "policy/tenants/no-foreign-delete-all",
            "at no node a tenant deletes another tenant's secret with all its versions",
        ),
        (Verb::List, "policy/tenants/no-foreign-list", "at no node a tenant lists what another tenant has"),
    ];
    for (verb, id, meaning) in verbs {
        cases.add(
            id,
            SOURCE,
            meaning,
            move |lab| async move { every_other_tenant_refused(&lab, verb).await },
        );
    }
}

fn the_template(cases: &mut Cases) {
    cases.add(
        "policy/tenants/template-as-documented",
        SOURCE,
        "with the template `secret/tenants/{tenant_id}/*` a tenant's application reads its own secret",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let secret = place(TENANTS[0], "exchanges/binance");
            kv.quiet_put(&secret, json!({ "tenant": TENANTS[0] })).await?;
            let theirs = kv.by(&lab.as_token(&tenant(&lab, TEMPLATE, TENANTS[0]).await?));
            theirs.get(&secret).await?.is(200)?.has("/data/data/tenant", TENANTS[0])?;
            Ok(())
        },
    );
    cases.add(
        "policy/tenants/template-opens-nothing",
        SOURCE,
        "with KV version 2 that template opens neither values nor metadata: these have paths of their own",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let secret = place(TENANTS[0], "exchanges/binance");
            kv.quiet_put(&secret, json!({ "tenant": TENANTS[0] })).await?;
            let documented = kv.by(&lab.as_token(&tenant(&lab, TEMPLATE, TENANTS[0]).await?));
            documented.get(&secret).await?.is(403)?.lacks("/data")?;
            documented.put(&secret, json!({ "tenant": "other" })).await?.is(403)?;
            documented.read_metadata(&secret).await?.is(403)?.lacks("/data")?;
            documented.list(&place(TENANTS[0], "")).await?.is(403)?.lacks("/data")?;
            kv.get(&secret).await?.is(200)?.has("/data/data/tenant", TENANTS[0])?;
            Ok(())
        },
    );
    cases.add(
        "policy/tenants/own-path-by-every-verb",
        SOURCE,
        "with the paths of KV version 2 a tenant does everything with its own secrets",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let secret = place(TENANTS[0], "exchanges/binance");
            let theirs = kv.by(&lab.as_token(&tenant(&lab, TEMPLATE_FOR_VERSION_2, TENANTS[0]).await?));
            theirs.put(&secret, json!({ "api_key": "1" })).await?.is(200)?.has("/data/version", 1)?;
            theirs.patch(&secret, json!({ "api_key": "2" })).await?.is(200)?.has("/data/version", 2)?;
            theirs.get(&secret).await?.is(200)?.has("/data/data/api_key", "2")?;
            theirs.versions("delete", &secret, &[1]).await?.succeeds()?;
            theirs.versions("undelete", &secret, &[1]).await?.succeeds()?;
            theirs.get_version(&secret, 1).await?.is(200)?.has("/data/data/api_key", "1")?;
            theirs.versions("destroy", &secret, &[1]).await?.succeeds()?;
            theirs.read_metadata(&secret).await?.is(200)?.has("/data/versions/1/destroyed", true)?;
            let names = json!(["binance"]);
            theirs.list(&place(TENANTS[0], "exchanges/")).await?.is(200)?.has("/data/keys", names)?;
            theirs.delete_all(&secret).await?.succeeds()?;
            theirs.get(&secret).await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "policy/tenants/no-list-of-tenants",
        SOURCE,
        "a tenant cannot list who the other tenants are",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            for id in TENANTS {
                kv.quiet_put(&place(id, "a"), json!({ "tenant": id })).await?;
            }
            let theirs = kv.by(&lab.as_token(&tenant(&lab, TEMPLATE_FOR_VERSION_2, TENANTS[0]).await?));
            for folder in ["", "tenants/"] {
                theirs.list(folder).await?.is(403)?.lacks("/data")?;
            }
            theirs.list(&place(TENANTS[0], "")).await?.is(200)?.has("/data/keys", json!(["a"]))?;
            kv.list("tenants/").await?.is(200)?.lists("/data/keys", &format!("{}/", TENANTS[1]))?;
            Ok(())
        },
    );
    cases.add(
        "policy/tenants/no-way-around-by-path",
        SOURCE,
        "a path that climbs out of a tenant's own one, plain or encoded, shows nothing of another tenant",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            for id in TENANTS {
                kv.quiet_put(&place(id, "a"), json!({ "tenant": id })).await?;
            }
            let theirs = kv.by(&lab.as_token(&tenant(&lab, TEMPLATE_FOR_VERSION_2, TENANTS[0]).await?));
            theirs.get(&place(TENANTS[0], "a")).await?.is(200)?.has("/data/data/tenant", TENANTS[0])?;
            for way in ["..", "%2e%2e", "%2E%2E%2F%2E%2E%2Ftenants"] {
                let around = theirs.get(&place(TENANTS[0], &format!("{way}/{}/a", TENANTS[1]))).await?;
                around.is_one_of(&[400, 403, 404])?.lacks("/data/data")?;
            }
            Ok(())
        },
    );
    cases.add(
        "policy/tenants/cannot-widen-their-policy",
        SOURCE,
        "a tenant can neither read nor rewrite the policy that binds it, nor make a token with another's",
        |lab| async move {
            let kv = lab.kv2_at("secret").await?;
            let id = TENANTS[0];
            let rules = TEMPLATE_FOR_VERSION_2.replace("{tenant_id}", id);
            let policy = lab.placed_policy(id, &rules).await?;
            let theirs = lab.as_token(&lab.token(&[&policy]).await?);
            let path = format!("sys/policies/acl/{policy}");
            let wide = json!({ "policy": format!("path \"{}/*\" {{ capabilities = [\"read\"] }}", kv.path) });
            theirs.put(&path, wide).await?.is(403)?;
            theirs.get(&path).await?.is(403)?.lacks("/data")?;
            theirs
                .post("auth/token/create", json!({ "policies": [policy] }))
                .await?
                .is(403)?
                .lacks("/auth")?;
            let kept = lab.get(&path).await?;
            kept.is(200)?.that("/data/policy", "is the narrow one", |text| {
                text.as_str().is_some_and(|text| text.contains(&format!("/data/tenants/{id}/*")))
            })?;
            Ok(())
        },
    );
}
