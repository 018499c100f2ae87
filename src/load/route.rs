//! Which node a request goes to: what a real client or balancer of that kind would know, and no more.

use crate::cluster::ClusterView;
use crate::model::{Role, Route};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Router {
    route: Route,
    view: Arc<ClusterView>,
    turn: AtomicUsize,
}

impl Router {
    pub fn new(route: Route, view: Arc<ClusterView>) -> Self {
        Self { route, view, turn: AtomicUsize::new(0) }
    }

    /// Index of the node, or `None` when none fits the route right now.
    pub fn pick(&self) -> Option<usize> {
        match &self.route {
            Route::Leader => Some(self.view.leader().unwrap_or_else(|| self.view.last_leader())),
            Route::Any => self.next_where(|_| true),
            Route::Standby => self.next_where(|index| self.view.role(index) == Role::Standby),
            Route::Healthy => self.next_where(|index| self.view.is_ready(index)),
            Route::Node(id) => self.view.index_of(id),
        }
    }

    fn next_where(&self, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let fitting = || (0..self.view.ids().len()).filter(|&index| fits(index));
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        // Counted and picked in two looks: a node that changes in between costs one turn, not a wrong answer.
        fitting().nth(turn % fitting().count().max(1)).or_else(|| fitting().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NodeId;

    fn view() -> Arc<ClusterView> {
        let view = ClusterView::new(["n1", "n2", "n3"].map(NodeId::new).to_vec());
        for (index, role) in [Role::Standby, Role::Active, Role::Standby].into_iter().enumerate() {
            view.saw(index, role);
        }
        Arc::new(view)
    }

    #[test]
    fn each_route_picks_its_nodes() {
        let view = view();
        let picks = |route| -> Vec<_> {
            let router = Router::new(route, view.clone());
            (0..4).map(|_| router.pick()).collect()
        };
        assert_eq!(picks(Route::Leader), vec![Some(1); 4]);
        assert_eq!(picks(Route::Any), vec![Some(0), Some(1), Some(2), Some(0)]);
        assert_eq!(picks(Route::Standby), vec![Some(0), Some(2), Some(0), Some(2)]);
        assert_eq!(picks(Route::Node(NodeId::new("n3"))), vec![Some(2); 4]);
        view.set_ready(0, false);
        assert_eq!(picks(Route::Healthy), vec![Some(1), Some(2), Some(1), Some(2)]);
    }

    #[test]
    fn a_dead_leader_is_still_asked_and_an_empty_route_is_none() {
        let view = view();
        (0..3).for_each(|index| view.saw(index, Role::Unreachable));
        assert_eq!(Router::new(Route::Leader, view.clone()).pick(), Some(1));
        assert_eq!(Router::new(Route::Standby, view).pick(), None);
    }
}
