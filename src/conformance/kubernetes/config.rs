//! What the mount knows of the cluster, and its roles.

use super::mount::{ACCOUNT, NAMESPACE, ROLE};
use crate::conformance::{Cases, Source, Stop};
use crate::helper::Kubernetes;
use serde_json::json;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "kubernetes/config/read-back",
        source,
        "the cluster's address and authority can be read back; the token for reviews is in no answer",
        |lab| async move {
            let auth = lab.unconfigured_kubernetes_auth().await?;
            auth.configure(json!({})).await?.succeeds()?;
            let read = lab.get(&auth.at("config")).await?;
            read.is(200)?.has("/data/kubernetes_host", auth.cluster.url.as_str())?;
            read.that("/data/kubernetes_ca_cert", "is the authority", |pem| {
                pem.as_str().is_some_and(|pem| pem.trim() == auth.cluster.ca_pem.trim())
            })?;
            read.lacks("/data/token_reviewer_jwt")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/config/absent",
        source,
        "a mount that knows no cluster lets nobody in",
        |lab| async move {
            let auth = lab.unconfigured_kubernetes_auth().await?;
            auth.quietly().role(ROLE, json!({})).await?.succeeds()?;
            let refused = auth.login(ROLE, &auth.service_token()?).await?;
            refused.is_one_of(&[400, 403, 500])?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/config/authority-is-checked",
        source,
        "a cluster whose certificate the configured authority did not sign is not believed",
        |lab| async move {
            // Never trusted before: a connection that was opened under another authority would be used again.
            let auth = lab.unconfigured_kubernetes_auth().await?;
            auth.quietly().role(ROLE, json!({})).await?.succeeds()?;
            let another = Kubernetes::start(None).await.map_err(Stop::Broken)?;
            auth.configure(json!({ "kubernetes_ca_cert": another.ca_pem })).await?.succeeds()?;
            let refused = auth.login(ROLE, &auth.service_token()?).await?;
            refused.is_one_of(&[400, 403, 500])?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/config/reviewer-needs-the-right",
        source,
        "with a token for reviews that the cluster gives no right to them, nobody is let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            auth.login(ROLE, &auth.service_token()?).await?.is(200)?;
            let weak = auth.service_token()?;
            auth.configure(json!({ "token_reviewer_jwt": weak })).await?.succeeds()?;
            let refused = auth.login(ROLE, &auth.service_token()?).await?;
            refused.is_one_of(&[400, 403, 500])?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/config/cluster-away",
        source,
        "while the cluster's API is away nobody is let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            let gone = Kubernetes::start(None).await.map_err(Stop::Broken)?;
            let config = json!({ "kubernetes_host": gone.url, "kubernetes_ca_cert": gone.ca_pem });
            drop(gone);
            auth.configure(config).await?.succeeds()?;
            let refused = auth.login(ROLE, &auth.service_token()?).await?;
            refused.is_one_of(&[400, 403, 500])?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/role/read-back",
        source,
        "a role can be read back with its bounds, its policies and its hour, and is listed",
        |lab| async move {
            let auth = lab.unconfigured_kubernetes_auth().await?;
            auth.role(ROLE, json!({})).await?.succeeds()?;
            let role = lab.get(&auth.at(&format!("role/{ROLE}"))).await?;
            role.is(200)?.has("/data/bound_service_account_names", json!([ACCOUNT]))?;
            role.has("/data/bound_service_account_namespaces", json!([NAMESPACE]))?;
            role.lists_drawn("/data/token_policies", &auth.policy)?.has("/data/token_ttl", 3600)?;
            lab.list(&auth.at("role")).await?.is(200)?.lists("/data/keys", ROLE)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/role/unbound-refused",
        source,
        "a role that is bound to no service account, or to no namespace, is refused",
        |lab| async move {
            let auth = lab.unconfigured_kubernetes_auth().await?;
            let nameless = json!({ "bound_service_account_names": "" });
            auth.role(ROLE, nameless).await?.is(400)?.error_has("bound_service_account_names")?;
            let everywhere = json!({ "bound_service_account_namespaces": "" });
            auth.role(ROLE, everywhere).await?.is(400)?.error_has("bound_service_account_namespace")?;
            lab.get(&auth.at(&format!("role/{ROLE}"))).await?.is(404)?;
            Ok(())
        },
    );
    cases.add(
        "kubernetes/role/deleted",
        source,
        "after its role was deleted a service account is not let in",
        |lab| async move {
            let auth = lab.kubernetes_auth().await?;
            auth.login(ROLE, &auth.service_token()?).await?.is(200)?;
            lab.delete(&auth.at(&format!("role/{ROLE}"))).await?.succeeds()?;
            let refused = auth.login(ROLE, &auth.service_token()?).await?;
            refused.is_one_of(&[400, 403])?.error_has("invalid role name")?.lacks("/auth/client_token")?;
            Ok(())
        },
    );
}
