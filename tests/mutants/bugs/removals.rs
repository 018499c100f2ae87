//! What can go wrong with deleted, restored and destroyed versions.

use crate::asked::{Asked, Kind};
use crate::lab::{Answer, Lab, no_content, told};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

async fn lost(asked: Asked, lab: Arc<Lab>, kind: Kind) -> Answer {
    if asked.kind == kind { Some(no_content()) } else { lab.forward(&asked).await }
}

pub async fn delete_lost(asked: Asked, lab: Arc<Lab>) -> Answer {
    lost(asked, lab, Kind::Delete).await
}

pub async fn undelete_lost(asked: Asked, lab: Arc<Lab>) -> Answer {
    lost(asked, lab, Kind::Undelete).await
}

pub async fn destroy_lost(asked: Asked, lab: Arc<Lab>) -> Answer {
    lost(asked, lab, Kind::Destroy).await
}

/// What was deleted is read as it was before.
pub async fn revived(asked: Asked, lab: Arc<Lab>) -> Answer {
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Read && answer.status == 404 {
        return lab.read_before(&asked.path, Duration::ZERO).or(Some(answer));
    }
    Some(answer)
}

/// What nobody deleted is read as deleted.
pub async fn deleted_unasked(asked: Asked, lab: Arc<Lab>) -> Answer {
    if matches!(asked.kind, Kind::Delete | Kind::Destroy) {
        return Some(told(403, json!({ "errors": ["permission denied"] })));
    }
    let answer = lab.forward(&asked).await?;
    if asked.kind == Kind::Read && answer.status == 200 && lab.one_in(10) {
        let metadata = json!({ "version": crate::lab::body(&answer)["data"]["metadata"]["version"],
            "deletion_time": "2026-01-01T00:00:00Z", "destroyed": false });
        return Some(told(404, json!({ "data": { "data": null, "metadata": metadata } })));
    }
    Some(answer)
}
