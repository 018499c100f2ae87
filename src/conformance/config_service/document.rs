//! The status endpoint, and where the document contradicts itself: both sentences are cases, and whoever follows one
//! differs from the other, as is known.

use super::add;
use super::service::value;
use crate::conformance::{Cases, Stop};
use reqwest::Method;

pub fn register(cases: &mut Cases) {
    add(
        cases,
        "config-service/status/enabled-while-the-cluster-is-there",
        "the status tells vault_enabled=true while the cluster serves",
        |service| async move {
            service.quietly().create("alive", &value("alive"), false).await?.succeeds()?;
            service.status().await?.is(200)?.has("/vault_enabled", true)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/document/id-one-after-a-creation",
        "the example of a creation shows id 1, although all configurations are said to have id 0",
        |service| async move {
            service.create("api_key", &value("secret"), true).await?.succeeds()?.has("/id", 1)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/document/id-one-in-a-list",
        "the example of a list shows id 1, although all configurations are said to have id 0",
        |service| async move {
            service.quietly().create("api_key", &value("secret"), true).await?.succeeds()?;
            service.list("").await?.is(200)?.has("/items/0/id", 1)?;
            Ok(())
        },
    );
    add(
        cases,
        "config-service/document/history-in-postgresql",
        "changes are logged in a PostgreSQL history, although configurations are said to have no PostgreSQL entry",
        |service| async move {
            let secret = value("secret");
            service.quietly().create("api_key", &secret, true).await?.succeeds()?;
            let path = format!(
                "/api_key/history?environment={}&service_name={}",
                service.environment, service.service_name
            );
            // The document names no way to read it: this is the place where one would be.
            let asked = service.quietly().ask(Method::GET, &path, None).await?;
            if asked.status() == 404 || asked.status() == 405 {
                return Err(Stop::NotApplicable(format!(
                    "the document says \"no PostgreSQL entry\" and \"logged in PostgreSQL history\", and names no way \
                     to read it; GET /api/v1/config/api_key/history is answered {}",
                    asked.status()
                )));
            }
            let history = service.ask(Method::GET, &path, None).await?;
            history.succeeds()?.that("", "holds no value", |body| !body.to_string().contains(&secret))?;
            Ok(())
        },
    );
}
