//! `sys/health`: what load balancers and probes ask.

use crate::conformance::{Cases, Checked, Keyed, Lab, Source, SpareConfig, Stop, Storage};
use serde_json::json;
use std::time::Instant;

/// So many answers are timed; the one in the middle counts.
const TIMED: usize = 11;

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "sys/health/active-200",
        source,
        "the active node answers its health with 200, initialised, unsealed and no standby",
        |lab| async move {
            let health = lab.anonymous().get("sys/health").await?;
            health.is(200)?.has("/initialized", true)?.has("/sealed", false)?.has("/standby", false)?;
            Ok(())
        },
    );
    cases.add(
        "sys/health/standby-429",
        source,
        "a standby answers its health with 429 and says that it is one",
        |lab| async move {
            for number in [0, 1] {
                let health = lab.standby(number)?.anonymous().get("sys/health").await?;
                health.is(429)?.has("/standby", true)?.has("/sealed", false)?;
            }
            Ok(())
        },
    );
    cases.add(
        "sys/health/liveness-probe",
        source,
        "the liveness probe `sys/health?standbyok=true` finds 200 on every unsealed node",
        |lab| async move {
            let path = "sys/health?standbyok=true";
            lab.anonymous().get(path).await?.is(200)?.has("/standby", false)?;
            for number in [0, 1] {
                lab.standby(number)?.anonymous().get(path).await?.is(200)?.has("/standby", true)?;
            }
            Ok(())
        },
    );
    cases.add(
        "sys/health/readiness-probe",
        source,
        "the readiness probe `sys/health?standbyok=true&perfstandbyok=true` finds 200 on every unsealed node",
        |lab| async move {
            let path = "sys/health?standbyok=true&perfstandbyok=true";
            lab.anonymous().get(path).await?.is(200)?.has("/sealed", false)?;
            for number in [0, 1] {
                lab.standby(number)?.anonymous().get(path).await?.is(200)?.has("/sealed", false)?;
            }
            Ok(())
        },
    );
    cases.add(
        "sys/health/ok-on-all-nodes",
        Source::AlphaPulse,
        "health checks, `GET /v1/sys/health`, return 200 OK on all nodes",
        |lab| async move {
            lab.anonymous().get("sys/health").await?.is(200)?;
            for number in [0, 1] {
                lab.standby(number)?.anonymous().get("sys/health").await?.is(200)?;
            }
            Ok(())
        },
    );
    cases.add(
        "sys/health/not-initialised-501",
        source,
        "a server that is not initialised answers its health with 501",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let health = lab.of(&spare).get("sys/health").await?;
            health.is(501)?.has("/initialized", false)?.has("/sealed", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/health/sealed-503",
        source,
        "a sealed server answers its health with 503",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            keyed.lab.get("sys/health").await?.is(503)?.has("/initialized", true)?.has("/sealed", true)?;
            Ok(())
        },
    );
    cases.add(
        "sys/health/probes-find-sealed",
        source,
        "the probes' parameters do not make a sealed server look healthy",
        |lab| async move {
            let keyed = sealed(&lab).await?;
            keyed.lab.get("sys/health?standbyok=true").await?.is(503)?;
            keyed.lab.get("sys/health?standbyok=true&perfstandbyok=true").await?.is(503)?;
            Ok(())
        },
    );
    cases.add(
        "sys/health/one-cluster",
        source,
        "all nodes say in their health that they are of the same cluster",
        |lab| async move {
            let cluster = lab.quietly().get("sys/health").await?.text("/cluster_id")?;
            for number in [0, 1] {
                let health = lab.standby(number)?.anonymous().get("sys/health").await?;
                health.has("/cluster_id", cluster.as_str())?;
            }
            Ok(())
        },
    );
    cases.add(
        "sys/health/active-under-100-ms",
        Source::AlphaPulse,
        "the active node answers a health check in less than 100 ms",
        |lab| async move { in_time(&lab, 200).await },
    );
    cases.add(
        "sys/health/first-standby-under-100-ms",
        Source::AlphaPulse,
        "the first standby answers a health check in less than 100 ms",
        |lab| async move { in_time(&lab.standby(0)?, 429).await },
    );
    cases.add(
        "sys/health/second-standby-under-100-ms",
        Source::AlphaPulse,
        "the second standby answers a health check in less than 100 ms",
        |lab| async move { in_time(&lab.standby(1)?, 429).await },
    );
}

/// The median counts, because the machine is shared with everything else that runs beside the cases.
async fn in_time(lab: &Lab, status: u16) -> Checked {
    let quiet = lab.anonymous().quietly();
    let mut took_ms = Vec::new();
    for _ in 0..TIMED {
        let asked = Instant::now();
        quiet.get("sys/health").await?.is(status)?;
        took_ms.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    took_ms.sort_by(f64::total_cmp);
    let median = took_ms.get(TIMED / 2).copied().ok_or_else(|| Stop::broken("nothing was timed"))?;
    let seen = lab.seen("health check", json!({ "median_ms": median }));
    seen.that("/median_ms", "is between 0 and 100", |ms| {
        ms.as_f64().is_some_and(|ms| ms > 0.0 && ms < 100.0)
    })?;
    Ok(())
}

async fn sealed(lab: &Lab) -> Checked<Keyed> {
    let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
    lab.keyed(&spare, 1, 1).await
}
