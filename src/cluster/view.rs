//! What was last seen of each node. Written by the observers, read by load routes and fault targets.

use crate::model::{NodeId, Role};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// Lock-free, because the load reads it for every request.
pub struct ClusterView {
    ids: Vec<NodeId>,
    roles: Vec<AtomicU8>,
    ready: Vec<AtomicBool>,
    looks: Vec<AtomicU64>,
    last_leader: AtomicUsize,
}

const ROLES: [Role; 5] = [Role::Active, Role::Standby, Role::Sealed, Role::Confused, Role::Unreachable];

impl ClusterView {
    pub fn new(ids: Vec<NodeId>) -> Self {
        let unreachable = || AtomicU8::new(ROLES.len() as u8 - 1);
        Self {
            roles: ids.iter().map(|_| unreachable()).collect(),
            ready: ids.iter().map(|_| AtomicBool::new(true)).collect(),
            looks: ids.iter().map(|_| AtomicU64::new(0)).collect(),
            last_leader: AtomicUsize::new(0),
            ids,
        }
    }

    pub fn ids(&self) -> &[NodeId] {
        &self.ids
    }

    pub fn id(&self, index: usize) -> &NodeId {
        &self.ids[index]
    }

    pub fn index_of(&self, id: &NodeId) -> Option<usize> {
        self.ids.iter().position(|other| other == id)
    }

    pub fn saw(&self, index: usize, role: Role) {
        let code = ROLES.iter().position(|r| *r == role).unwrap_or(ROLES.len() - 1);
        let before = self.roles[index].swap(code as u8, Ordering::Relaxed);
        // The newest claim wins: an isolated old leader goes on claiming for a while.
        if role == Role::Active && before != code as u8 {
            self.last_leader.store(index, Ordering::Relaxed);
        }
        self.looks[index].fetch_add(1, Ordering::Release);
    }

    /// How many looks at the node have ended. They follow one another, so once two more have ended than at some
    /// moment, the role was seen after that moment.
    pub fn looks(&self, index: usize) -> u64 {
        self.looks[index].load(Ordering::Acquire)
    }

    pub fn role(&self, index: usize) -> Role {
        ROLES[self.roles[index].load(Ordering::Relaxed) as usize]
    }

    /// The node that most recently began to claim being active, if it still does; else any that does.
    pub fn leader(&self) -> Option<usize> {
        let last = self.last_leader();
        if self.role(last) == Role::Active {
            return Some(last);
        }
        (0..self.ids.len()).find(|&index| self.role(index) == Role::Active)
    }

    /// Where a client that follows the leader would send now, even when nobody claims to lead.
    pub fn last_leader(&self) -> usize {
        self.last_leader.load(Ordering::Relaxed)
    }

    pub fn set_ready(&self, index: usize, ready: bool) {
        self.ready[index].store(ready, Ordering::Relaxed);
    }

    /// Whether a readiness probe would keep the node in the service.
    pub fn is_ready(&self, index: usize) -> bool {
        self.ready[index].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_claim_leads_and_the_last_leader_is_remembered() {
        let view = ClusterView::new(["n1", "n2", "n3"].map(NodeId::new).to_vec());
        assert_eq!(view.leader(), None);
        view.saw(1, Role::Active);
        view.saw(2, Role::Active);
        view.saw(1, Role::Active);
        assert_eq!(view.leader(), Some(2));
        assert_eq!((view.looks(0), view.looks(1), view.looks(2)), (0, 2, 1));
        view.saw(2, Role::Unreachable);
        assert_eq!(view.leader(), Some(1));
        view.saw(1, Role::Unreachable);
        assert_eq!((view.leader(), view.last_leader()), (None, 2));
    }
}
