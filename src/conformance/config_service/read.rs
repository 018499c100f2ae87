//! Reading one configuration, and lists of them.

use super::add;
use super::create::has_times;
use super::service::{Service, value};
use crate::conformance::{Cases, Checked};
use reqwest::Method;
use serde_json::{Value, json};

pub fn register(cases: &mut Cases) {
    one(cases);
    lists(cases);
}

fn one(cases: &mut Cases) {
    for (id, meaning, is_encrypted) in [
        (
            "config-service/get/plain-as-documented",
            "a configuration that is not encrypted is read with its value, id 0, version and times",
            false,
        ),
        (
            "config-service/get/encrypted-as-documented",
            "an encrypted configuration is read with its value, id 0, version and times",
            true,
        ),
    ] {
        add(cases, id, meaning, move |service| async move {
            let value = value("value");
            service.quietly().create("api_key", &value, is_encrypted).await?.succeeds()?;
            // The second answer may come from a cache, and is the same.
            for _ in 0..2 {
                let read = service.get("api_key").await?;
                read.is(200)?.has("/id", 0)?.has("/key", "api_key")?.has("/value", value.as_str())?;
                read.has("/environment", service.environment.as_str())?.has("/version", 1)?;
                read.has("/service_name", service.service_name.as_str())?;
                read.has("/is_encrypted", is_encrypted)?;
                has_times(&read)?;
            }
            Ok(())
        });
    }
    add(
        cases,
        "config-service/get/unknown-is-404",
        "a configuration that is not there is answered 404",
        |service| async move {
            service.get("nowhere").await?.is(404)?;
            Ok(())
        },
    );
    for (id, meaning, query) in [
        (
            "config-service/get/without-a-service-refused",
            "a read that names no service is refused and shows no value",
            "environment={environment}",
        ),
        (
            "config-service/get/without-an-environment-refused",
            "a read that names no environment is refused and shows no value",
            "service_name=auth-service",
        ),
    ] {
        add(cases, id, meaning, move |service| async move {
            service.quietly().create("api_key", &value("value"), false).await?.succeeds()?;
            let query = query.replace("{environment}", &service.environment);
            let refused = service.ask(Method::GET, &format!("/api_key?{query}"), None).await?;
            refused.is_one_of(&[400, 404, 422])?.lacks("/value")?;
            Ok(())
        });
    }
    add(
        cases,
        "config-service/get/encrypted-is-always-fresh",
        "every read of an encrypted configuration brings what the cluster holds at that moment",
        |service| async move {
            let (before, after) = (value("before"), value("after"));
            service.quietly().create("api_key", &before, true).await?.succeeds()?;
            service.get("api_key").await?.is(200)?.has("/value", before.as_str())?;
            behind_its_back(&service, "api_key", &before, &after).await?;
            service.get("api_key").await?.is(200)?.has("/value", after.as_str())?.has("/version", 2)?;
            Ok(())
        },
    );
}

/// Changes a value in the cluster without the service, leaving everything beside it as the service wrote it.
async fn behind_its_back(service: &Service, key: &str, before: &str, after: &str) -> Checked {
    let quiet = service.quietly();
    let data = quiet.stored(key).await?.is(200)?.value("/data/data")?;
    let data = replaced(data, before, after);
    quiet.lab.post(&quiet.kv_path("data", key)?, json!({ "data": data })).await?.succeeds()?;
    Ok(())
}

fn replaced(data: Value, before: &str, after: &str) -> Value {
    match data {
        Value::String(text) => Value::String(text.replace(before, after)),
        Value::Array(items) => items.into_iter().map(|item| replaced(item, before, after)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, field)| (name, replaced(field, before, after))).collect()
        }
        other => other,
    }
}

fn lists(cases: &mut Cases) {
    add(
        cases,
        "config-service/list/answers-as-documented",
        "a list holds each configuration in full, how many there are, and limit 50 and offset 0",
        |service| async move {
            let (plain, secret) = (value("plain"), value("secret"));
            service.quietly().create("a", &plain, false).await?.succeeds()?;
            service.quietly().create("b", &secret, true).await?.succeeds()?;
            let listed = service.list("").await?;
            listed.is(200)?.has("/total", 2)?.has("/limit", 50)?.has("/offset", 0)?;
            listed.that("/items", "are the two configurations", |items| {
                holds_exactly(items, &[("a", &plain, false), ("b", &secret, true)])
            })?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/list/ids-are-zero",
        "all configurations of a list have id 0",
        |service| async move {
            service.quietly().create("a", &value("plain"), false).await?.succeeds()?;
            service.list("").await?.is(200)?.has("/items/0/id", 0)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/list/limit-and-offset",
        "limit and offset cut pages that are all of it together, each with the total",
        |service| async move {
            let keys = ["a", "b", "c", "d", "e"];
            for key in keys {
                service.quietly().create(key, &value(key), false).await?.succeeds()?;
            }
            let mut seen = Vec::new();
            for (offset, length) in [(0, 2), (2, 2), (4, 1)] {
                let page = service.list(&format!("&limit=2&offset={offset}")).await?;
                page.is(200)?.has("/total", 5)?.has("/limit", 2)?.has("/offset", offset)?;
                page.that("/items", &format!("are {length}"), |items| {
                    items.as_array().is_some_and(|items| items.len() == length)
                })?;
                let items = page.value("/items")?;
                let items = items.as_array().into_iter().flatten();
                seen.extend(items.filter_map(|item| item["key"].as_str().map(str::to_owned)));
            }
            seen.sort();
            service.lab.seen("keys of all pages", json!({ "keys": seen })).has("/keys", json!(keys))?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/list/beyond-the-end",
        "a page beyond the end is empty and still tells the total",
        |service| async move {
            service.quietly().create("a", &value("plain"), false).await?.succeeds()?;
            let page = service.list("&limit=10&offset=10").await?;
            page.is(200)?.has("/total", 1)?.has("/items", json!([]))?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/list/only-of-that-service",
        "a list of one service holds nothing of another",
        |service| async move {
            let other = service.of_another();
            service.quietly().create("ours", &value("ours"), false).await?.succeeds()?;
            other.quietly().create("theirs", &value("theirs"), false).await?.succeeds()?;
            let listed = service.list("").await?;
            listed.is(200)?.has("/total", 1)?.has("/items/0/key", "ours")?;
            Ok(())
        },
    );
}

/// The items are these, each with its key, value and encryption, in any order.
fn holds_exactly(items: &Value, expected: &[(&str, &str, bool)]) -> bool {
    let Some(items) = items.as_array() else { return false };
    let is = |item: &Value, (key, value, is_encrypted): &(&str, &str, bool)| {
        item["key"] == *key
            && item["value"] == *value
            && item["is_encrypted"] == *is_encrypted
            && item["version"] == 1
    };
    items.len() == expected.len() && expected.iter().all(|one| items.iter().any(|item| is(item, one)))
}
