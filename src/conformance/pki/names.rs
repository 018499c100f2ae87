//! Which names a role gives certificates for.

use super::mount::{HOST, SERVICE};
use super::x509;
use crate::conformance::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "pki/issue/as-documented",
        source,
        "the document's role, word for word, gives the service the certificate that the document asks it for",
        |lab| async move {
            let pki = lab.pki("pki").await?;
            pki.quietly().generate_root("CA").await?.succeeds()?;
            pki.role(SERVICE, json!({})).await?.succeeds()?;
            pki.issue_to_service().await?.is(200)?.text("/data/certificate").map(drop)
        },
    );
    let refused = [
        ("pki/names/other-domain-refused", "a certificate for another domain is refused", "evil.example"),
        (
            "pki/names/subdomain-refused",
            "a subdomain of the allowed name is refused where subdomains are not allowed",
            "a.workflow-service.production.svc.cluster.local",
        ),
        (
            "pki/names/parent-domain-refused",
            "the domain above the allowed name is refused",
            "production.svc.cluster.local",
        ),
        (
            "pki/names/wildcard-refused",
            "a wildcard of the allowed name is refused where subdomains are not allowed",
            "*.workflow-service.production.svc.cluster.local",
        ),
        (
            "pki/names/sibling-refused",
            "a name that only begins like the allowed one is refused",
            "workflow-service.production.svc.cluster.local.evil.example",
        ),
    ];
    for (id, meaning, name) in refused {
        cases.add(id, source, meaning, move |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let refused = pki.issue(SERVICE, json!({ "common_name": name })).await?;
            refused.is(400)?.error_has("not allowed by this role")?.lacks("/data/certificate")?;
            refused.lacks("/data/private_key")?;
            Ok(())
        });
    }
    cases.add(
        "pki/names/alternative-name-refused",
        source,
        "an alternative name of another domain is refused beside an allowed common name",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let refused =
                pki.issue(SERVICE, json!({ "common_name": HOST, "alt_names": "evil.example" })).await?;
            refused.is(400)?.error_has("not allowed by this role")?.lacks("/data/certificate")?;
            Ok(())
        },
    );
    cases.add(
        "pki/names/exactly-those-asked-for",
        source,
        "a certificate bears the common name that was asked for, and no other name",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let issued = pki.issue_to_service().await?.text("/data/certificate")?;
            let seen = lab.seen("the certificate by x509-parser", x509::read(&issued)?);
            seen.has("/common_names", json!([HOST]))?.has("/alternative_names", json!([HOST]))?;
            seen.has("/authority", false)?;
            Ok(())
        },
    );
    cases.add(
        "pki/issue/unknown-role-refused",
        source,
        "a role that does not exist issues nothing",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki").await?;
            let refused = pki.issue("no-such-role", json!({ "common_name": HOST })).await?;
            refused.is(400)?.error_has("unknown role")?.lacks("/data/certificate")?;
            Ok(())
        },
    );
    cases.add(
        "pki/policy/issue-and-nothing-else",
        Source::Consciousness,
        "who may create and update below issue gets certificates, and neither changes the role nor reads the authority's keys",
        |lab| async move {
            let (pki, _) = lab.pki_with_service("pki-internal").await?;
            let issue = pki.at(&format!("issue/{SERVICE}"));
            let rules = format!("path \"{issue}\" {{\n  capabilities = [\"create\", \"update\"]\n}}\n");
            let policy = lab.policy("services", &rules).await?;
            let service = lab.as_token(&lab.token(&[&policy]).await?);
            let issued = service.post(&issue, json!({ "common_name": HOST })).await?;
            issued.is(200)?.that("/data/certificate", "is a certificate", |it| {
                it.as_str().is_some_and(|it| it.starts_with("-----BEGIN CERTIFICATE-----\n"))
            })?;
            let role = pki.at(&format!("roles/{SERVICE}"));
            service.post(&role, json!({ "allow_any_name": true })).await?.is(403)?;
            service.list(&pki.at("keys")).await?.is(403)?;
            service.delete(&pki.at("root")).await?.is(403)?;
            lab.get(&role).await?.is(200)?.has("/data/allow_any_name", false)?;
            Ok(())
        },
    );
}
