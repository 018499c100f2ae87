//! Metrics as Prometheus reads them, by the names that the documents give.

use crate::conformance::{Answer, Cases, Checked, Lab, Source, SpareConfig, Storage};
use serde_json::{Value, json};
use std::time::Duration;

const SCRAPE: &str = "sys/metrics?format=prometheus";
/// Gauges are set once a second.
const SOON: Duration = Duration::from_secs(3);
/// So many names that are most like the one that was looked for are shown.
const ALIKE: usize = 3;

/// Case, source, meaning, and the name.
const DOCUMENTED: [(&str, Source, &str, &str); 9] = [
    (
        "sys/metrics/core-unsealed",
        Source::Workflow,
        "there is a metric `vault_core_unsealed`",
        "vault_core_unsealed",
    ),
    (
        "sys/metrics/core-active",
        Source::Workflow,
        "there is a metric `vault_core_active`",
        "vault_core_active",
    ),
    (
        "sys/metrics/runtime-alloc-bytes",
        Source::Workflow,
        "there is a metric `vault_runtime_alloc_bytes`",
        "vault_runtime_alloc_bytes",
    ),
    (
        "sys/metrics/runtime-sys-bytes",
        Source::Workflow,
        "there is a metric `vault_runtime_sys_bytes`",
        "vault_runtime_sys_bytes",
    ),
    (
        "sys/metrics/expire-num-leases",
        Source::Workflow,
        "there is a metric `vault_expire_num_leases`",
        "vault_expire_num_leases",
    ),
    (
        "sys/metrics/audit-request-duration",
        Source::Workflow,
        "there is a metric `vault_audit_log_request_duration_seconds`",
        "vault_audit_log_request_duration_seconds",
    ),
    (
        "sys/metrics/audit-request-errors",
        Source::Workflow,
        "there is a metric `vault_audit_log_request_errors`, on which an alert depends",
        "vault_audit_log_request_errors",
    ),
    (
        "sys/metrics/raft-leader",
        Source::AlphaPulse,
        "there is a metric `vault_raft_leader`",
        "vault_raft_leader",
    ),
    (
        "sys/metrics/secret-kv-count",
        Source::AlphaPulse,
        "there is a metric `vault_secret_kv_count`",
        "vault_secret_kv_count",
    ),
];

pub fn register(cases: &mut Cases) {
    for (id, source, meaning, name) in DOCUMENTED {
        cases.add(id, source, meaning, move |lab| async move {
            lab.eventually(SOON, || async { names(&lab, name).await?.lists("/names", name).map(drop) }).await
        });
    }
    let source = Source::Workflow;
    cases.add(
        "sys/metrics/prometheus-format",
        source,
        "metrics come in the format of Prometheus, each with its type",
        |lab| async move {
            let scraped = lab.get(SCRAPE).await?;
            scraped.is(200)?.header("content-type", "is Prometheus' text format", |kind| {
                kind.starts_with("text/plain") && kind.contains("version=0.0.4")
            })?;
            scraped.that("", "has samples and their types", |text| {
                let text = text.as_str().unwrap_or_default();
                text.contains("# TYPE vault_runtime_alloc_bytes gauge")
                    && sample(text, "vault_runtime_alloc_bytes").is_some()
            })?;
            Ok(())
        },
    );
    cases.add(
        "sys/metrics/unsealed-is-1",
        source,
        "`vault_core_unsealed` is 1 on an unsealed server",
        |lab| async move { value(&lab, "vault_core_unsealed", 1.0).await },
    );
    cases.add(
        "sys/metrics/sealed-is-0",
        source,
        "`vault_core_unsealed` is 0 on a sealed server, on which an alert depends",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let keyed = lab.keyed(&spare, 5, 3).await?;
            keyed.lab.get(SCRAPE).await?.is(200)?.that("", "says that it is sealed", |text| {
                sample(text.as_str().unwrap_or_default(), "vault_core_unsealed") == Some(0.0)
            })?;
            Ok(())
        },
    );
    cases.add(
        "sys/metrics/active-is-1",
        source,
        "`vault_core_active` is 1 on the active node",
        |lab| async move { value(&lab, "vault_core_active", 1.0).await },
    );
    cases.add(
        "sys/metrics/no-host-name",
        source,
        "with `disable_hostname` no metric bears the host's name",
        |lab| async move {
            let scraped = lab.get(SCRAPE).await?.is(200)?.text("")?;
            let host = lab.quietly().get("sys/ha-status").await?.text("/data/nodes/0/hostname")?;
            let named = scraped.lines().any(|line| line.starts_with(&format!("vault_{host}_")));
            let plain = scraped.lines().any(|line| line.starts_with("vault_runtime_"));
            let seen = lab.seen("names of metrics", json!({ "with_host": named, "without": plain }));
            seen.has("/with_host", false)?.has("/without", true)?;
            Ok(())
        },
    );
    cases.add("sys/metrics/needs-a-right", source, "metrics are not for everybody", |lab| async move {
        lab.anonymous().get(SCRAPE).await?.is(403)?;
        let token = lab.powerless_token().await?;
        lab.as_token(&token).get(SCRAPE).await?.is(403)?;
        Ok(())
    });
    cases.add(
        "sys/metrics/a-policy-is-enough",
        source,
        "a token that may read metrics, and nothing else, is enough for a scrape",
        |lab| async move {
            let policy = lab.policy("scrape", "path \"sys/metrics\" { capabilities = [\"read\"] }").await?;
            let scraper = lab.as_token(&lab.token(&[&policy]).await?);
            scraper.get(SCRAPE).await?.is(200)?;
            scraper.get("sys/mounts").await?.is(403)?;
            Ok(())
        },
    );
    cases.add(
        "sys/metrics/every-node",
        source,
        "each node can be scraped, a standby too",
        |lab| async move {
            for number in [0, 1] {
                let scraped = lab.standby(number)?.get(SCRAPE).await?;
                scraped.is(200)?.that("", "has the standby's own memory", |text| {
                    sample(text.as_str().unwrap_or_default(), "vault_runtime_alloc_bytes").is_some()
                })?;
            }
            Ok(())
        },
    );
}

/// Of the names that there are, those that are most like this one.
async fn names(lab: &Lab, wanted: &str) -> Checked<Answer> {
    let scraped = lab.quietly().get(SCRAPE).await?.is(200)?.text("")?;
    let mut names: Vec<_> =
        scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    // Stable, so that names that are as much alike stay in their order.
    names.sort_by_key(|name| std::cmp::Reverse(alike(name, wanted)));
    names.truncate(ALIKE);
    Ok(lab.seen("names of metrics most like it", json!({ "names": names })))
}

/// So many characters are the same from the beginning on; nothing is more alike than the same.
fn alike(name: &str, wanted: &str) -> (bool, usize) {
    (name == wanted, name.chars().zip(wanted.chars()).take_while(|(one, other)| one == other).count())
}

async fn value(lab: &Lab, name: &str, expected: f64) -> Checked {
    let scraped = || async {
        let scraped = lab.quietly().get(SCRAPE).await?.is(200)?.text("")?;
        let seen = lab.seen("metric", json!({ name: sample(&scraped, name) }));
        seen.has(&format!("/{name}"), Value::from(expected)).map(drop)
    };
    lab.eventually(SOON, scraped).await
}

/// The sample of this name; the one of this cluster where there are several. What was set before a server knew its
/// cluster has an empty name of one, and is shown until the retention time is over: for half a minute after the unsealing
/// `vault_core_unsealed` is both 0 and 1.
fn sample(text: &str, name: &str) -> Option<f64> {
    let rest = |line| str::strip_prefix(line, name).filter(|rest| rest.starts_with(['{', ' ']));
    let samples: Vec<_> = text.lines().filter_map(rest).collect();
    let sample = samples.iter().find(|rest| !rest.contains("cluster=\"\"")).or(samples.first())?;
    sample.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_found_by_its_whole_name() {
        let text = "# TYPE vault_a gauge\nvault_ab 7\nvault_a{cluster=\"\"} 0\nvault_a{cluster=\"x\"} 1\n";
        assert_eq!(sample(text, "vault_a"), Some(1.0));
        assert_eq!(sample(text, "vault_ab"), Some(7.0));
        assert_eq!(sample(text, "vault_"), None);
        assert!(alike("vault_ab", "vault_ab") > alike("vault_abc", "vault_ab"));
    }
}
