//! Keeps the tenants' tokens alive through a run that is longer than they live, as their owners would: each
//! renews itself through the leader.

use crate::cluster::{Cluster, ClusterView, TenantAccess};
use crate::model::Event;
use crate::record::Journal;
use crate::vault::Client;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TRY_EVERY: Duration = Duration::from_secs(1);

/// Renews each half of `ttl`. A token that cannot be renewed for the other half is dead; that is journalled as
/// the harness's trouble, and nothing is renewed any more.
pub async fn keep_alive(
    cluster: Arc<dyn Cluster>,
    view: Arc<ClusterView>,
    tenants: Vec<TenantAccess>,
    ttl: Duration,
    journal: Journal,
) {
    loop {
        tokio::time::sleep(ttl / 2).await;
        let due = Instant::now();
        for tenant in &tenants {
            while let Err(why) = renew(cluster.as_ref(), &view, tenant).await {
                if due.elapsed() > ttl / 2 {
                    let tenant = &tenant.tenant_id;
                    let reason = format!("the token of tenant {tenant} could not be renewed: {why}");
                    journal.write(Event::HarnessError { reason });
                    return;
                }
                tokio::time::sleep(TRY_EVERY.min(ttl / 8)).await;
            }
        }
    }
}

async fn renew(cluster: &dyn Cluster, view: &ClusterView, tenant: &TenantAccess) -> Result<(), String> {
    let leader = view.leader().ok_or("no node leads")?;
    let client = Client::new(&cluster.nodes()[leader].endpoint).map_err(|error| error.to_string())?;
    let renewed = client.with_token(&tenant.token).post("auth/token/renew-self", json!({})).await;
    renewed.map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing::{context, journal};
    use crate::model::Role;
    use crate::vault::testing::Scripted;

    async fn renewed(status: u16) -> (usize, Vec<Event>) {
        let server = Scripted::start(move |_, _| Some((status, json!({})))).await;
        let (faults, folder) = context(&[&server], None);
        faults.view.saw(0, Role::Active);
        let tenant = TenantAccess {
            tenant_id: "t1".into(),
            role_id: String::new(),
            secret_id: String::new(),
            token: "token".into(),
        };
        let ttl = Duration::from_millis(200);
        let renewing = keep_alive(
            faults.cluster.clone(),
            faults.view.clone(),
            vec![tenant],
            ttl,
            faults.journal.clone(),
        );
        let _ = tokio::time::timeout(ttl * 4, renewing).await;
        let events = journal(&folder).into_iter().map(|entry| entry.event).collect();
        (server.count("POST auth/token/renew-self"), events)
    }

    #[tokio::test]
    async fn tokens_are_renewed_again_and_again_or_their_death_is_told() {
        let (times, events) = renewed(200).await;
        assert!(times >= 2 && events.is_empty(), "{times} times, {events:?}");
        let (_, events) = renewed(403).await;
        assert!(matches!(&events[..], [Event::HarnessError { reason }] if reason.contains("tenant t1")));
    }
}
