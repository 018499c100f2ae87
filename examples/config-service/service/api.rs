//! The HTTP API, as documented: `/api/v1/config`.

use super::configurations::{Configuration, Configurations, Failure, Place};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Names the endpoint, which a key of that name would hide behind.
const STATUS: &str = "status";
const LIMIT: usize = 50;
const LIMIT_AT_MOST: usize = 500;

pub fn router(configurations: Arc<Configurations>) -> Router {
    Router::new()
        .route("/api/v1/config", get(list).post(create))
        .route("/api/v1/config/status", get(status))
        .route("/api/v1/config/{key}", get(read).put(update).delete(delete))
        .with_state(configurations)
}

type Service = State<Arc<Configurations>>;

#[derive(Deserialize)]
struct Owner {
    environment: String,
    service_name: String,
}

#[derive(Deserialize)]
struct Listing {
    environment: String,
    service_name: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

#[derive(Deserialize)]
struct Creation {
    key: String,
    value: String,
    environment: String,
    service_name: String,
    #[serde(default)]
    is_encrypted: bool,
}

#[derive(Deserialize)]
struct Change {
    value: String,
    is_encrypted: Option<bool>,
}

/// What a request is answered that did not succeed.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "detail": self.1 }))).into_response()
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, rejection.body_text())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        // Its text may repeat what was sent, which may be a secret.
        Self(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("the body is not as documented ({})", rejection.status()),
        )
    }
}

impl Refusal {
    fn of(failure: Failure, doing: &str) -> Self {
        let (status, detail) = match failure {
            Failure::NotFound => (StatusCode::NOT_FOUND, "Configuration not found".to_owned()),
            Failure::Exists => (StatusCode::CONFLICT, "Configuration already exists".to_owned()),
            Failure::Away => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("Cannot {doing} configuration: Vault is not available"),
            ),
            Failure::CacheAway => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("Cannot {doing} configuration: the cache is not available"),
            ),
            Failure::Unknown => (
                StatusCode::GATEWAY_TIMEOUT,
                format!(
                    "Vault was lost while it was asked to {doing} the configuration: ask again what it is"
                ),
            ),
            Failure::Contended => {
                (StatusCode::CONFLICT, format!("Cannot {doing} configuration: others change it all the time"))
            }
        };
        Self(status, detail)
    }
}

/// Every part is one step of a path in the cluster: none may lead elsewhere.
fn place(environment: String, service_name: String, key: String) -> Result<Place, Refusal> {
    let is_plain = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        !part.is_empty() && part.len() <= 128 && part.chars().all(plain) && !part.chars().all(|c| c == '.')
    };
    if !is_plain(&environment) || !is_plain(&service_name) || !is_plain(&key) || key == STATUS {
        let detail = "environment, service_name and key take letters, digits, `_`, `-` and `.`";
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, detail.to_owned()));
    }
    Ok(Place { environment, service_name, key })
}

async fn create(
    State(service): Service,
    body: Result<Json<Creation>, JsonRejection>,
) -> Result<(StatusCode, Json<Configuration>), Refusal> {
    let Json(Creation { key, value, environment, service_name, is_encrypted }) = body?;
    let place = place(environment, service_name, key)?;
    let created = service.create(&place, &value, is_encrypted).await;
    created.map(|it| (StatusCode::CREATED, Json(it))).map_err(|failure| Refusal::of(failure, "create"))
}

async fn read(
    State(service): Service,
    Path(key): Path<String>,
    owner: Result<Query<Owner>, QueryRejection>,
) -> Result<Json<Configuration>, Refusal> {
    let Query(Owner { environment, service_name }) = owner?;
    let place = place(environment, service_name, key)?;
    service.get(&place).await.map(Json).map_err(|failure| Refusal::of(failure, "read"))
}

async fn update(
    State(service): Service,
    Path(key): Path<String>,
    owner: Result<Query<Owner>, QueryRejection>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Configuration>, Refusal> {
    let Query(Owner { environment, service_name }) = owner?;
    let Json(Change { value, is_encrypted }) = body?;
    let place = place(environment, service_name, key)?;
    let updated = service.update(&place, &value, is_encrypted).await;
    updated.map(Json).map_err(|failure| Refusal::of(failure, "update"))
}

async fn delete(
    State(service): Service,
    Path(key): Path<String>,
    owner: Result<Query<Owner>, QueryRejection>,
) -> Result<StatusCode, Refusal> {
    let Query(Owner { environment, service_name }) = owner?;
    let place = place(environment, service_name, key)?;
    let deleted = service.delete(&place).await;
    deleted.map(|()| StatusCode::NO_CONTENT).map_err(|failure| Refusal::of(failure, "delete"))
}

async fn list(
    State(service): Service,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<serde_json::Value>, Refusal> {
    let Query(Listing { environment, service_name, limit, offset }) = listing?;
    let name = service_name.clone().unwrap_or_else(|| "any".to_owned());
    let owner = place(environment, name, "any".to_owned())?;
    let limit = limit.unwrap_or(LIMIT).min(LIMIT_AT_MOST);
    let offset = offset.unwrap_or(0);
    let listed = service.list(&owner.environment, service_name.as_deref(), limit, offset).await;
    let (items, total) = listed.map_err(|failure| Refusal::of(failure, "list"))?;
    Ok(Json(json!({ "items": items, "total": total, "limit": limit, "offset": offset })))
}

async fn status(State(service): Service) -> Json<serde_json::Value> {
    Json(json!({
        "vault_enabled": service.is_connected().await,
        // Beside what is documented: who this is.
        "service": "config-service-reference",
        "version": env!("CARGO_PKG_VERSION"),
    }))
}
