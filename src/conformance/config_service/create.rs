//! Creating a configuration: the answer, and the one place where it is stored.

use super::add;
use super::service::value;
use crate::conformance::{Answer, Cases, Checked};
use reqwest::Method;
use serde_json::{Value, json};

pub fn register(cases: &mut Cases) {
    add(
        cases,
        "config-service/create/answers-as-documented",
        "a creation is answered with the configuration, in version 1, with the times of its creation",
        |service| async move {
            let value = value("plain");
            let created = service.create("retries", &value, false).await?;
            created.succeeds()?.has("/key", "retries")?.has("/value", value)?.has("/is_encrypted", false)?;
            created.has("/environment", service.environment.as_str())?;
            created.has("/service_name", service.service_name.as_str())?.has("/version", 1)?;
            has_times(&created)
        },
    );
    add(
        cases,
        "config-service/create/encrypted-value-returned",
        "the answer to the creation of an encrypted configuration holds its value",
        |service| async move {
            let value = value("secret");
            let created = service.create("api_key", &value, true).await?;
            created
                .succeeds()?
                .has("/value", value.as_str())?
                .has("/is_encrypted", true)?
                .has("/version", 1)?;
            Ok(())
        },
    );
    for (id, meaning, is_encrypted) in [
        (
            "config-service/create/plain-stored-at-the-documented-path",
            "a configuration that is not encrypted is stored at {mount}/data/{environment}/{service_name}/{key}",
            false,
        ),
        (
            "config-service/create/encrypted-stored-at-the-documented-path",
            "an encrypted configuration is stored at {mount}/data/{environment}/{service_name}/{key}",
            true,
        ),
    ] {
        add(cases, id, meaning, move |service| async move {
            let value = value("value");
            service.quietly().create("api_key", &value, is_encrypted).await?.succeeds()?;
            let stored = service.stored("api_key").await?;
            stored.is(200)?.that("/data/data", "holds the value", |data| has_leaf(data, &value))?;
            Ok(())
        });
    }
    add(
        cases,
        "config-service/create/stored-nowhere-else",
        "a creation makes one secret in the cluster, in one version, and nothing beside it",
        |service| async move {
            service.quietly().create("api_key", &value("secret"), true).await?.succeeds()?;
            let mount = service.kv_path("metadata", "")?;
            let of_environment = mount.trim_end_matches('/').rsplit_once('/').map_or("", |(start, _)| start);
            let services = service.lab.list(of_environment).await?;
            services.is(200)?.has("/data/keys", json!([format!("{}/", service.service_name)]))?;
            let keys = service.lab.list(mount.trim_end_matches('/')).await?;
            keys.is(200)?.has("/data/keys", json!(["api_key"]))?;
            service.stored_versions("api_key").await?.is(200)?.has("/data/current_version", 1)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/create/services-are-apart",
        "the same key of another service is another configuration",
        |service| async move {
            let other = service.of_another();
            let (ours, theirs) = (value("ours"), value("theirs"));
            service.quietly().create("api_key", &ours, false).await?.succeeds()?;
            other.get("api_key").await?.is(404)?;
            other.quietly().create("api_key", &theirs, false).await?.succeeds()?;
            service.get("api_key").await?.is(200)?.has("/value", ours)?;
            other.get("api_key").await?.is(200)?.has("/value", theirs)?;
            Ok(())
        },
    );
    for (field, id, meaning) in [
        (
            "value",
            "config-service/create/without-a-value-refused",
            "a creation without a value is refused, and there is no configuration",
        ),
        (
            "service_name",
            "config-service/create/without-a-service-refused",
            "a creation that names no service is refused, and there is no configuration",
        ),
    ] {
        add(cases, id, meaning, move |service| async move {
            let mut body = service.creation("half", &value("half"), false);
            if let Some(body) = body.as_object_mut() {
                body.remove(field);
            }
            service.will_make("half");
            let refused = service.ask(Method::POST, "", Some(&body)).await?;
            refused.is_one_of(&[400, 422])?;
            service.get("half").await?.is(404)?;
            Ok(())
        });
    }
    add(
        cases,
        "config-service/create/stays-in-its-path",
        "no key leads into the path of another service",
        |service| async move {
            let (ours, theirs) = (value("ours"), value("theirs"));
            let other = service.of_another();
            other.quietly().create("api_key", &theirs, false).await?.succeeds()?;
            let leads_out = format!("../{}/api_key", other.service_name);
            // Refused, or stored under that very name: both keep to the path.
            service.quietly().create(&leads_out, &ours, false).await?;
            other.get("api_key").await?.is(200)?.has("/value", theirs)?.has("/version", 1)?;
            Ok(())
        },
    );
}

/// Both times, as the document writes them.
pub fn has_times(answer: &Answer) -> Checked {
    for time in ["/created_at", "/updated_at"] {
        answer.that(time, "is a time like 2024-01-01T00:00:00Z", |value| {
            value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok())
        })?;
    }
    Ok(())
}

/// Whether any text in it is this one: the document says where the secret is, not how its fields are called.
pub fn has_leaf(data: &Value, text: &str) -> bool {
    match data {
        Value::String(there) => there.contains(text),
        Value::Array(items) => items.iter().any(|item| has_leaf(item, text)),
        Value::Object(fields) => fields.values().any(|field| has_leaf(field, text)),
        _ => false,
    }
}
