//! After the load: what only a cluster that has settled can tell. Everything found is journalled; nothing is judged.

use super::Stop;
use crate::cluster::{ClusterView, Node};
use crate::load::{DatabasePlan, LoadEngine, Mounts};
use crate::model::{Event, RestoreInto, Scenario};
use crate::observe::{self, Configuration};
use crate::record::Journal;
use crate::vault::Wire;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Load that is still unanswered at the end is waited for until its own deadline.
const DRAIN_WITHIN: Duration = Duration::from_secs(12);
/// Leases that live longer than this are not waited for.
const LEASES_WITHIN: Duration = Duration::from_secs(5 * 60);
/// A server that could not reach the database waits so long between its second and its third attempt.
const SERVER_TRIES_AGAIN_WITHIN: Duration = Duration::from_secs(65);
pub(super) const NODE_AGREEMENT: &str = "node-agreement";

pub(super) struct Collecting<'a> {
    pub scenario: &'a Scenario,
    pub nodes: &'a [Node],
    pub view: &'a ClusterView,
    /// One per node, in their order.
    pub wires: &'a [Arc<Wire>],
    pub engine: &'a LoadEngine,
    pub mounts: &'a Mounts,
    pub operator_token: &'a str,
    /// Where credentials of a database were asked for.
    pub leases: Option<&'a DatabasePlan>,
    /// What the server said before an upgrade, where there was one.
    pub configured: Option<Configuration>,
    pub journal: &'a Journal,
    pub stop: &'a Stop,
}

impl Collecting<'_> {
    pub async fn collect(&self) {
        self.drain().await;
        self.outlive_leases().await;
        self.read_back().await;
        self.decrypt_everywhere().await;
        self.note_certificates().await;
        self.compare_nodes().await;
        self.compare_configuration().await;
    }

    async fn drain(&self) {
        let drain = Instant::now();
        while self.engine.in_flight() > 0 && drain.elapsed() < DRAIN_WITHIN {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let unanswered = self.engine.in_flight();
        if unanswered > 0 {
            let reason = format!("{unanswered} operations were never recorded: they outlived their deadline");
            self.journal.write(Event::HarnessError { reason });
        }
    }

    /// Waits until the leases of credentials have had their time, as far as that is near, and asks the database what is
    /// left.
    async fn outlive_leases(&self) {
        let Some(DatabasePlan { database, leases, .. }) = self.leases else { return };
        let left = match leases.longest_left() {
            left if left <= LEASES_WITHIN => left + SERVER_TRIES_AGAIN_WITHIN,
            _ => Duration::ZERO,
        };
        tokio::select! {
            () = observe::wait_for_no_roles(database, left, self.journal) => {}
            () = self.stop.asked() => {}
        }
    }

    async fn read_back(&self) {
        let Some(leader) = self.view.leader() else { return };
        let node = &self.nodes[leader].id;
        let written = self.engine.written_keys();
        let was_asked = self.stop.is_asked();
        let (keys, wire) = (&self.engine.keys, &self.wires[leader]);
        let read = observe::read_back(keys, &written, node, wire, self.operator_token, self.journal);
        tokio::select! {
            () = read => {}
            // A run that was stopped before this still says what became of its writes.
            () = self.stop.asked(), if !was_asked => {}
        }
    }

    async fn decrypt_everywhere(&self) {
        if self.engine.ciphertexts.all().is_empty() || self.stop.is_asked() {
            return;
        }
        let (mount, token) = (&self.mounts.transit, self.operator_token);
        let asked =
            observe::decrypt_everywhere(self.nodes, self.wires, mount, self.engine, token, self.journal);
        tokio::select! {
            () = asked => {}
            () = self.stop.asked() => {}
        }
    }

    async fn note_certificates(&self) {
        let certificates = &self.engine.certificates;
        if certificates.all().is_empty() || self.stop.is_asked() {
            return;
        }
        let noted =
            observe::note_certificates(self.nodes, self.wires, &self.mounts.pki, certificates, self.journal);
        tokio::select! {
            () = noted => {}
            () = self.stop.asked() => {}
        }
    }

    async fn compare_configuration(&self) {
        let (Some(before), Some(leader), false) =
            (&self.configured, self.view.leader(), self.stop.is_asked())
        else {
            return;
        };
        match before.read_again(&self.nodes[leader], self.operator_token).await {
            Ok(after) => before.journal_changes(&after, self.journal),
            Err(error) => {
                let reason = format!("the configuration could not be read again: {error}");
                self.journal.write(Event::HarnessError { reason });
            }
        }
    }

    /// Takes hundreds of requests: only where somebody wants to know.
    async fn compare_nodes(&self) {
        // After a total loss it is about those that were restored.
        let is_lost = self.scenario.recovery.restore_into == RestoreInto::All;
        if self.scenario.expects(NODE_AGREEMENT) && !is_lost && !self.stop.is_asked() {
            let compared = observe::compare_nodes(self.nodes, self.operator_token, self.journal).await;
            if let Err(error) = compared {
                let reason = format!("the nodes could not be compared: {error}");
                self.journal.write(Event::HarnessError { reason });
            }
        }
    }
}
