//! Who is not let in.

use super::mount::{ACCOUNT, HOUR_S, KubernetesAuth, NAMESPACE, ROLE};
use crate::conformance::{Cases, Checked, Source, Stop};
use crate::helper::Kubernetes;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// No token was given, whatever the answer was.
async fn is_refused(auth: &KubernetesAuth, jwt: &str, statuses: &[u16], words: &str) -> Checked {
    let refused = auth.login(ROLE, jwt).await?;
    refused.is_one_of(statuses)?.error_has(words)?.lacks("/auth/client_token")?.lacks("/auth")?;
    Ok(())
}

/// A token with another claim, and the signature that it had.
fn with_claims(jwt: &str, change: impl FnOnce(&mut Value)) -> Option<String> {
    let mut parts = jwt.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    change(&mut claims);
    Some(format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string())))
}

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "kubernetes/refused/wrong-service-account",
        source,
        "another service account of the same namespace is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            auth.cluster.add_account(NAMESPACE, "another");
            is_refused(&auth, &auth.token(NAMESPACE, "another", HOUR_S)?, &[403], "not authorized").await
        },
    );
    cases.add(
        "kubernetes/refused/wrong-namespace",
        source,
        "the service account of the same name in another namespace is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            auth.cluster.add_account("staging", ACCOUNT);
            is_refused(&auth, &auth.token("staging", ACCOUNT, HOUR_S)?, &[403], "not authorized").await
        },
    );
    cases.add(
        "kubernetes/refused/expired",
        source,
        "an expired token of the right service account is not let in; a fresh one is",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let expired = auth.token(NAMESPACE, ACCOUNT, -HOUR_S)?;
            let refused = auth.login(ROLE, &expired).await?;
            refused.is_one_of(&[400, 403])?.lacks("/auth/client_token")?;
            auth.login(ROLE, &auth.service_token()?).await?.is(200)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/refused/forged",
        source,
        "a token for the right service account that another key signed is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let forger = Kubernetes::start(None).await.map_err(Stop::Broken)?;
            let forged = forger.token(NAMESPACE, ACCOUNT, HOUR_S).map_err(Stop::Broken)?;
            let refused = auth.login(ROLE, &forged).await?;
            refused.is_one_of(&[400, 403])?.lacks("/auth/client_token")?;
            auth.login(ROLE, &auth.service_token()?).await?.is(200)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/refused/changed-claims",
        source,
        "a token of another service account whose claims were changed to the right one is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            auth.cluster.add_account(NAMESPACE, "another");
            let jwt = auth.token(NAMESPACE, "another", HOUR_S)?;
            let changed = with_claims(&jwt, |claims| {
                claims["sub"] = json!(format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}"));
                claims["kubernetes.io"]["serviceaccount"]["name"] = json!(ACCOUNT);
            });
            let changed = changed.ok_or_else(|| Stop::broken("a token of ours has no claims"))?;
            let refused = auth.login(ROLE, &changed).await?;
            refused.is_one_of(&[400, 403])?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/refused/unsigned",
        source,
        "a token that says that it needs no signature is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let jwt = auth.service_token()?;
            let claims = jwt.split('.').nth(1).unwrap_or_default();
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
            let refused = auth.login(ROLE, &format!("{header}.{claims}.")).await?;
            refused.is_one_of(&[400, 403, 500])?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/refused/no-token-at-all",
        source,
        "what is no token, and nothing at all, is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let garbage = auth.login(ROLE, "garbage").await?;
            garbage.is_one_of(&[400, 403, 500])?.lacks("/auth/client_token")?;
            is_refused(&auth, "", &[400], "missing jwt").await
        },
    );
    cases.add(
        "kubernetes/refused/unknown-role",
        source,
        "the right token with a role that does not exist, or with none, is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let jwt = auth.service_token()?;
            let unknown = auth.login("no-such-role", &jwt).await?;
            unknown.is_one_of(&[400, 403])?.error_has("invalid role name")?.lacks("/auth/client_token")?;
            let none = auth.login("", &jwt).await?;
            none.is(400)?.error_has("missing role")?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/refused/deleted-account",
        source,
        "the token of a service account that was deleted is not let in, however long it would still live",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            // Of its own: the cluster is shared.
            let account = lab.name("gone");
            auth.cluster.add_account(NAMESPACE, &account);
            let role = json!({ "bound_service_account_names": account });
            auth.quietly().role(ROLE, role).await?.succeeds()?;
            let jwt = auth.token(NAMESPACE, &account, HOUR_S)?;
            auth.login(ROLE, &jwt).await?.is(200)?;
            auth.cluster.delete_account(NAMESPACE, &account);
            let refused = auth.login(ROLE, &jwt).await?;
            refused.is_one_of(&[400, 403])?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/refused/as-a-server-token",
        source,
        "a service account's token is no token of the server's",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let service = lab.as_token(&auth.service_token()?);
            service.get("auth/token/lookup-self").await?.is(403)?.lacks("/data")?;
            Ok(())
        },
    );
}
