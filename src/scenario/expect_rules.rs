//! What may be expected: known ids that the blueprint promises, of something that this scenario can show.

use super::checker::Checker;
use super::seal_rules::starts_nodes;
use super::words::expectations;
use super::yaml::Text;
use crate::model::{
    Blueprint, Engine, FaultKind, Load, OBJECTIVE_IDS, RatePlan, Route, Step, Target, Workload,
};
use serde_saphyr::Spanned;

/// Objectives whose bound is the scenario's own, not the blueprint's.
const OF_THE_SCENARIO: [&str; 2] = ["recovery.redundancy", "throughput.knee"];

/// What the rest of the scenario offers; a part that is broken itself is `None`, and nothing is said about
/// it.
pub(super) struct Offer<'a> {
    pub blueprint: Option<&'a Blueprint>,
    pub load: Option<&'a [Load]>,
    pub timeline: Option<&'a [Step]>,
    /// Whether `keys` says how many secrets the loads share.
    pub shares_keys: bool,
    /// Whether `lease_ttl` says how long credentials of the database live.
    pub scales_leases: bool,
    /// Whether `alerts` says which alerts must fire.
    pub watches_alerts: bool,
}

pub(super) fn check(checker: &mut Checker, raw: &Spanned<Vec<Text>>, offer: &Offer) -> Option<Vec<String>> {
    let help = "name what must hold, such as `no-lost-writes`: without it nothing would be judged";
    if !checker.not_empty(raw, "expect", help) {
        return None;
    }
    checker.no_duplicates(&raw.value, "expectation");
    for text in &raw.value {
        let id = text.value.as_str();
        if !expectations().contains(&id) {
            checker.unknown_word(text, "objective or invariant", &expectations());
            continue;
        }
        if is_not_promised(checker, text, offer) {
            continue;
        }
        if let Some((why, help)) = missing(id, offer) {
            checker.error(text, format!("`{id}` cannot be judged here: {why}"), help);
        }
    }
    Some(raw.value.iter().map(|text| text.value.clone()).collect())
}

fn is_not_promised(checker: &mut Checker, text: &Text, offer: &Offer) -> bool {
    let id = text.value.as_str();
    let Some(blueprint) = offer.blueprint else { return false };
    let needs_a_promise =
        OBJECTIVE_IDS.iter().any(|(known, _)| *known == id) && !OF_THE_SCENARIO.contains(&id);
    let missing = needs_a_promise && !blueprint.objectives.iter().any(|objective| objective.id == id);
    if missing {
        let promised: Vec<&str> =
            blueprint.objectives.iter().map(|objective| objective.id.as_str()).collect();
        let message = format!("the blueprint `{}` promises no `{id}`", blueprint.name);
        checker.error(text, message, format!("it promises {}", super::nearest::list(promised)));
    }
    missing
}

/// Why the scenario cannot show `id`, and the way out.
fn missing(id: &str, offer: &Offer) -> Option<(&'static str, &'static str)> {
    let no_load = |fits: fn(&Load) -> bool| offer.load.is_some_and(|load| !load.iter().any(fits));
    let no_fault = |fits: fn(&Step) -> bool| offer.timeline.is_some_and(|steps| !steps.iter().any(fits));
    let has_faults = offer.timeline.is_some_and(|steps| !steps.is_empty());
    let has_ramp = offer.load.is_some_and(|load| load.iter().any(is_ramp));

    let needs_writes = matches!(
        id,
        "failover.mttr" | "failover.rpo" | "no-lost-writes" | "minority-silent" | "snapshot-equal"
    );
    if needs_writes && no_load(|load| load.workload.stores_a_version()) {
        return Some((
            "nothing is written",
            "add a load such as `{ workload: kv2.write, route: leader, rate: 20/s }`",
        ));
    }
    match id {
        "failover.rto" | "failover.mttr" | "failover.rpo" | "recovery.redundancy" if no_fault(hits_nodes) => {
            Some((
                "no node is disturbed",
                "add a `timeline` with a fault such as `kill: leader`, or expect something else",
            ))
        }
        "failover.mttr" if no_fault(changes_leader) => Some((
            "no fault takes the leader away while the others go on",
            "aim a fault at `leader`, `each` or a node id, or expect something else",
        )),
        "read.p50" | "read.p99" | "write.p99" | "throughput.node" | "throughput.knee" if has_faults => {
            Some((
                "there are faults in the timeline",
                "latency and throughput are judged in scenarios of their own, without a `timeline`",
            ))
        }
        "read.p50" | "read.p99" | "write.p99" if has_ramp => Some((
            "a ramp goes on until latency breaks",
            "expect `throughput.knee` here, and latency in a scenario with fixed rates",
        )),
        "read.p50" | "read.p99" if no_load(|load| load.workload == Workload::Kv2Read) => Some((
            "nothing is read",
            "add a load such as `{ workload: kv2.read, route: healthy, rate: 150/s }`",
        )),
        "write.p99" if no_load(|load| load.workload == Workload::Kv2Write) => Some((
            "there is no kv2.write",
            "add a load such as `{ workload: kv2.write, route: leader, rate: 20/s }`",
        )),
        "throughput.knee" if no_load(is_ramp) => Some((
            "no rate grows",
            "give a load a ramp: `rate: { from: 200/s, to: 4000/s, step: 200/s, every: 5s }`",
        )),
        "throughput.node" if no_load(|load| is_ramp(load) && load.route.is_one_node()) => {
            Some(("no ramp goes to one node only", "give a load a ramp and the route `leader` or a node id"))
        }
        "throughput.cluster" if no_load(|load| is_ramp(load) && !load.route.is_one_node()) => {
            Some(("no ramp goes to all nodes", "give a load a ramp and the route `any` or `healthy`"))
        }
        "auth.success" if no_load(|load| load.workload == Workload::ApproleLogin) => Some((
            "nobody logs in",
            "add a load such as `{ workload: approle.login, route: any, rate: 5/s }`",
        )),
        "minority-silent" if no_fault(cuts_off) => Some((
            "no node is cut off from the others",
            "add a step such as `isolate: leader`, healed after 30s",
        )),
        "sealed-silent" if no_fault(|step| step.fault == FaultKind::Seal && !step.target.is_beside()) => {
            Some(("no node is sealed", "add a step such as `seal: leader`, healed after 15s"))
        }
        "audit-or-nothing" if no_fault(|step| step.fault == FaultKind::FillAudit) => Some((
            "no node is kept from auditing",
            "add a step such as `fill-audit: leader`, healed after 10s",
        )),
        "audit-complete" | "audit.coverage" | "audit.fields"
            if offer.blueprint.is_some_and(|b| b.audit.is_empty()) =>
        {
            Some((
                "the blueprint has no audit device",
                "take a blueprint with `audit: [{ kind: file, name: audit }]`",
            ))
        }
        "no-plaintext" | "audit.secrecy" if no_load(|load| load.workload.stores_a_version()) => Some((
            "nothing secret is written",
            "add a load such as `{ workload: kv2.write, route: leader, rate: 20/s }`",
        )),
        "linearizable" | "session" if no_load(|load| load.workload == Workload::Kv2Read) => Some((
            "nothing is read",
            "add a load such as `{ workload: kv2.read, route: leader, rate: 100/s }`",
        )),
        "linearizable" | "session" if no_load(|load| load.workload.stores_a_version()) => Some((
            "nothing is written",
            "add a load such as `{ workload: kv2.write, route: leader, rate: 20/s }`",
        )),
        "session" | "staleness" if no_load(|load| reads_through(load, |route| *route != Route::Leader)) => {
            Some((
                "nothing is read through standbys",
                "add a load such as `{ workload: kv2.read, route: standby, rate: 100/s }`",
            ))
        }
        "linearizable" if no_load(|load| reads_through(load, |route| *route != Route::Standby)) => Some((
            "nothing is read through the leader",
            "add a load such as `{ workload: kv2.read, route: leader, rate: 100/s }`",
        )),
        "cas-exclusive" if no_load(|load| load.workload == Workload::Kv2Cas) => Some((
            "there is no check-and-set",
            "add a load such as `{ workload: kv2.cas, route: leader, rate: 20/s }`, and `keys: 4`",
        )),
        "cas-exclusive" if !offer.shares_keys => Some((
            "no two check-and-sets meet at one secret",
            "let the loads share a few: add `keys: 4` beside `load`",
        )),
        "isolation" if no_load(|load| load.workload == Workload::IsolationProbe) => Some((
            "nobody asks for what is another's",
            "add a load such as `{ workload: isolation.probe, route: any, rate: 130/s }`",
        )),
        "isolation" if offer.blueprint.is_some_and(shares_folders) => Some((
            "tenants have no folders of their own",
            "let every folder of the blueprint's KV mount contain `{tenant_id}`",
        )),
        "isolation" if offer.blueprint.is_some_and(|blueprint| blueprint.tenants < 2) => Some((
            "there is only one tenant",
            "let the blueprint have at least two: it says `tenants: 8` or the like",
        )),
        "alerts" if !offer.watches_alerts => Some((
            "nobody watches the cluster",
            "say which alerts must fire: add `alerts: { fires: [{ alert: VaultDown, within: 90s }] }`, or `fires: []`",
        )),
        "token-expiry" if no_fault(|step| matches!(step.fault, FaultKind::Expire | FaultKind::Revoke)) => {
            Some(("nothing expires", "add a step such as `{ at: 0s, expire: token, ttl: 5s }`"))
        }
        "storm-over" if no_fault(|step| step.fault == FaultKind::Storm) => {
            Some(("there is no storm", "add a step such as `{ at: 0s, storm: leases, count: 10000 }`"))
        }
        "db.ttl" | "lease-expiry" if no_load(|load| load.workload == Workload::DatabaseCreds) => Some((
            "nobody asks for credentials of the database",
            "add a load such as `{ workload: database.creds, route: any, rate: 5/s }`",
        )),
        "db.ttl" if offer.scales_leases => Some((
            "`lease_ttl` puts another time to live in its place",
            "expect `lease-expiry`, which says whether that one is kept, or remove `lease_ttl`",
        )),
        "lease-expiry" if !offer.scales_leases => Some((
            "credentials live longer than the run",
            "say for how short a time it is tested: add `lease_ttl: 5s` beside `load`",
        )),
        "clients-recover" if no_load(|load| load.workload == Workload::Program) => Some((
            "no program is run",
            "add a load such as `{ workload: program, command: [my-client], route: any, rate: 2/s }`",
        )),
        "clients-recover" if no_fault(hits_nodes) => Some((
            "no node is disturbed",
            "add a `timeline` with a fault such as `kill: leader`, or expect something else",
        )),
        "upgrade.rolling" | "served-through-every-node"
            if no_fault(|step| step.fault.installs().is_some()) =>
        {
            Some(("no node is upgraded", "add a step such as `upgrade: each`, with `rest: 10s`"))
        }
        "unseal.auto" if offer.blueprint.is_some_and(|blueprint| !blueprint.seal.kind.opens_itself()) => {
            Some((
                "a person opens the nodes",
                "let them open themselves: add `seal: transit` beside `blueprint`",
            ))
        }
        "unseal.auto" if no_fault(starts_nodes) => {
            Some(("no node is started again", "add a step such as `restart: follower`"))
        }
        "retired-refused" if no_fault(|step| step.fault.replaces_keys()) => Some((
            "nothing is replaced",
            "add a step such as `revoke-root: leader`, or `rekey: leader` and later a restart",
        )),
        "retired-refused" if !no_fault(|step| step.fault == FaultKind::Rekey) && no_fault(starts_nodes) => {
            Some(("no node is started again", "add a step such as `restart: follower` after the `rekey`"))
        }
        "lost-only-newest" if no_load(|load| load.workload.stores_a_version()) => Some((
            "nothing is written",
            "add a load such as `{ workload: kv2.write, route: leader, rate: 20/s }`",
        )),
        "lost-only-newest"
            if no_fault(|step| step.fault == FaultKind::Lose && step.target == Target::Majority) =>
        {
            Some(("no majority is lost", "add a step such as `lose: majority`, healed after 10s"))
        }
        "transit-decrypts" if no_load(|load| load.workload == Workload::TransitEncrypt) => Some((
            "nothing is encrypted",
            "add a load such as `{ workload: transit.encrypt, route: any, rate: 10/s }`",
        )),
        "pki-valid" if no_load(|load| load.workload == Workload::PkiIssue) => Some((
            "no certificate is issued",
            "add a load such as `{ workload: pki.issue, route: any, rate: 1/s }`",
        )),
        "pki-valid" if no_load(|load| load.workload == Workload::PkiRevoke) => Some((
            "no certificate is revoked",
            "add a load such as `{ workload: pki.revoke, route: any, rate: 0.5/s }`",
        )),
        _ => None,
    }
}

fn shares_folders(blueprint: &Blueprint) -> bool {
    let kv = blueprint.mount(|engine| match engine {
        Engine::Kv(kv) => Some(kv),
        _ => None,
    });
    kv.is_some_and(|(_, kv)| !kv.folders.iter().all(|folder| folder.contains("{tenant_id}")))
}

fn reads_through(load: &Load, fits: fn(&Route) -> bool) -> bool {
    load.workload == Workload::Kv2Read && fits(&load.route)
}

fn is_ramp(load: &Load) -> bool {
    matches!(load.rate, RatePlan::Ramp { .. })
}

fn hits_nodes(step: &Step) -> bool {
    !step.fault.disturbs_nobody() && !step.target.is_beside()
}

fn cuts_off(step: &Step) -> bool {
    step.link.as_ref().is_some_and(|link| link.impairment.cut.is_some() && link.between.peers())
}

fn changes_leader(step: &Step) -> bool {
    let keeps_quorums = matches!(step.fault, FaultKind::Bridge | FaultKind::Ring | FaultKind::Degrade);
    let hits_it = matches!(step.target, Target::Leader | Target::Each | Target::Minority | Target::Node(_));
    hits_nodes(step) && hits_it && !keeps_quorums && !step.fault.only_hampers()
}
