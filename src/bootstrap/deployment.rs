//! Engines, policies, AppRole roles and tenants of a blueprint. Every step looks before it writes, so that a
//! second application changes nothing.

use super::made::about_to_make;
use super::{BootstrapError, Made, MadeLog, Progress, engines};
use crate::cluster::{Access, TenantAccess};
use crate::model::{Blueprint, Span};
use crate::vault::{Client, ClientError};
use serde_json::{Value, json};
use std::time::Instant;

const TENANT: &str = "{tenant_id}";

/// The policy's or role's name for one tenant.
pub fn policy_name(pattern: &str, tenant_id: &str) -> String {
    pattern.replace(TENANT, tenant_id)
}

/// Tenant ids look as in the document: UUIDs counted up.
fn tenant_id(number: u16) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

/// `prefix` stands before every name we make on a cluster that is not ours, and `made` lists them there;
/// empty and absent on our own.
pub async fn apply(
    operator: &Client,
    blueprint: &Blueprint,
    prefix: &str,
    made: Option<&MadeLog>,
    access: &mut Access,
    progress: &dyn Progress,
) -> Result<(), BootstrapError> {
    for mount in &blueprint.mounts {
        let began = Instant::now();
        let path = format!("{prefix}{}", mount.path);
        about_to_make(made, Made::Mount { path: path.clone() })?;
        let done = match mount.empty {
            true => engines::enable_empty(operator, &path, &mount.engine).await?,
            false => engines::enable(operator, &path, &mount.engine).await?,
        };
        progress.step(&format!("{} {path}/{done}", mount.engine.name()), began.elapsed());
    }
    let began = Instant::now();
    let approle = format!("{prefix}{}", blueprint.approle.mount);
    about_to_make(made, Made::Auth { path: approle.clone() })?;
    let done = enable_auth(operator, &approle).await?;
    progress.step(&format!("auth {approle}/{done}"), began.elapsed());

    let began = Instant::now();
    let tenants: Vec<_> = (1..=blueprint.tenants).map(tenant_id).collect();
    let mut written = 0;
    for policy in &blueprint.policies {
        let per_tenant = policy.name.contains(TENANT) || policy.rules.contains(TENANT);
        for tenant in tenants.iter().take(if per_tenant { usize::MAX } else { 1 }) {
            let name = format!("{prefix}{}", policy_name(&policy.name, tenant));
            about_to_make(made, Made::Policy { name: name.clone() })?;
            let mut rules = policy.rules.replace(TENANT, tenant);
            for mount in &blueprint.mounts {
                rules = rules.replace(&format!("\"{}/", mount.path), &format!("\"{prefix}{}/", mount.path));
            }
            operator
                .call(
                    reqwest::Method::PUT,
                    &format!("sys/policies/acl/{name}"),
                    Some(&json!({ "policy": rules })),
                )
                .await
                .and_then(|answer| success(answer, "policy"))?;
            written += 1;
        }
    }
    progress.step(&format!("{written} policies"), began.elapsed());

    let began = Instant::now();
    let made = tenants.iter().map(|tenant| make_tenant(operator, blueprint, prefix, &approle, tenant));
    access.tenants = futures_util::future::try_join_all(made).await?;
    progress.step(&format!("{} tenants with AppRole tokens", tenants.len()), began.elapsed());
    Ok(())
}

const OPERATOR: &str = "vaultquake-operator";

/// A token that may do everything and outlives the root token.
pub async fn make_operator(root: &Client) -> Result<String, BootstrapError> {
    let rules = "path \"*\" {\n  capabilities = [\"create\", \"read\", \"update\", \"patch\", \"delete\", \"list\", \"sudo\"]\n}\n";
    let path = format!("sys/policies/acl/{OPERATOR}");
    let answer = root.call(reqwest::Method::PUT, &path, Some(&json!({ "policy": rules }))).await?;
    success(answer, "policy")?;
    let asked = json!({ "policies": [OPERATOR], "period": "24h", "display_name": OPERATOR });
    let made = root.post("auth/token/create-orphan", asked).await?;
    let token = made.body["auth"]["client_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| BootstrapError::Unexpected("an operator's token was made and not named".into()))
}

fn success(answer: crate::vault::Answer, what: &str) -> Result<crate::vault::Answer, ClientError> {
    if answer.is_success() {
        return Ok(answer);
    }
    Err(ClientError::Refused { what: what.to_owned(), status: answer.status, errors: answer.errors() })
}

async fn enable_auth(operator: &Client, mount: &str) -> Result<&'static str, BootstrapError> {
    let there = operator.get("sys/auth").await?;
    if !there.body["data"][format!("{mount}/")].is_null() {
        return Ok(" (was there)");
    }
    operator.post(&format!("sys/auth/{mount}"), json!({ "type": "approle" })).await?;
    Ok("")
}

async fn make_tenant(
    operator: &Client,
    blueprint: &Blueprint,
    prefix: &str,
    mount: &str,
    tenant_id: &str,
) -> Result<TenantAccess, BootstrapError> {
    let name = format!("{prefix}{}", policy_name(&blueprint.approle.role, tenant_id));
    let role = format!("auth/{mount}/role/{name}");
    let policies: Vec<_> = blueprint
        .approle
        .policies
        .iter()
        .map(|policy| format!("{prefix}{}", policy_name(policy, tenant_id)))
        .collect();
    let mut body = json!({ "token_policies": policies, "token_ttl": seconds(blueprint.approle.token_ttl) });
    if let Some(max) = blueprint.approle.token_max_ttl {
        body["token_max_ttl"] = seconds(max);
    }
    operator.post(&role, body).await?;
    let text = |value: &Value, what: &str| -> Result<String, BootstrapError> {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| BootstrapError::Unexpected(format!("{what} is missing in the answer for {role}")))
    };
    let role_id = text(&operator.get(&format!("{role}/role-id")).await?.body["data"]["role_id"], "role_id")?;
    let metadata = json!({ "metadata": json!({ "tenant_id": tenant_id }).to_string() });
    let secret = operator.post(&format!("{role}/secret-id"), metadata).await?;
    let secret_id = text(&secret.body["data"]["secret_id"], "secret_id")?;
    let (token, _) = login(operator, mount, &role_id, &secret_id).await?;
    Ok(TenantAccess { tenant_id: tenant_id.to_owned(), role_id, secret_id, token })
}

pub(super) fn seconds(span: Span) -> Value {
    format!("{}s", span.0.as_secs()).into()
}

/// Logs in; the token and its accessor.
pub async fn login(
    client: &Client,
    mount: &str,
    role_id: &str,
    secret_id: &str,
) -> Result<(String, String), BootstrapError> {
    let body = json!({ "role_id": role_id, "secret_id": secret_id });
    let answer = client.post(&format!("auth/{mount}/login"), body).await?;
    let auth = &answer.body["auth"];
    match (auth["client_token"].as_str(), auth["accessor"].as_str()) {
        (Some(token), Some(accessor)) => Ok((token.to_owned(), accessor.to_owned())),
        _ => Err(BootstrapError::Unexpected("a login was answered without a token".into())),
    }
}
