//! Whom a symbolic target means at this moment.

use crate::cluster::ClusterView;
use crate::model::{NodeId, Target};
use rand::RngExt;
use rand::rngs::StdRng;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("no node is active at this moment, so there is no leader to aim at")]
    NoLeader,
    #[error("there is no node {0}")]
    NoNode(NodeId),
}

/// The nodes to hit together. `Each` gives all of them, followers first and the leader last.
pub fn resolve(target: &Target, view: &ClusterView, rng: &mut StdRng) -> Result<Vec<NodeId>, TargetError> {
    let ids = view.ids();
    let leader = || view.leader().ok_or(TargetError::NoLeader);
    let without =
        |index: usize| ids.iter().enumerate().filter(move |(i, _)| *i != index).map(|(_, id)| id.clone());
    Ok(match target {
        Target::Leader => vec![view.id(leader()?).clone()],
        Target::Follower => {
            let followers: Vec<_> = without(leader()?).collect();
            if followers.is_empty() {
                return Err(TargetError::NoLeader);
            }
            vec![followers[rng.random_range(0..followers.len())].clone()]
        }
        Target::Each => {
            let leader = leader()?;
            without(leader).chain([view.id(leader).clone()]).collect()
        }
        Target::All => ids.to_vec(),
        Target::Majority => {
            let leader = leader()?;
            [view.id(leader).clone()].into_iter().chain(without(leader)).take(ids.len() / 2 + 1).collect()
        }
        Target::Node(id) => match view.index_of(id) {
            Some(_) => vec![id.clone()],
            None => return Err(TargetError::NoNode(id.clone())),
        },
        Target::Minority => {
            let leader = leader()?;
            let most = ids.len().saturating_sub(1) / 2;
            [view.id(leader).clone()].into_iter().chain(without(leader)).take(most).collect()
        }
        // They are known beforehand: what names them is part of the step.
        Target::Credential(_) | Target::Named => Vec::new(),
        Target::Database | Target::Kms | Target::Leases | Target::Logins => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;
    use rand::SeedableRng;

    fn names(target: &Target, view: &ClusterView) -> Result<Vec<String>, TargetError> {
        let nodes = resolve(target, view, &mut StdRng::seed_from_u64(3))?;
        Ok(nodes.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn targets_follow_the_leader_of_the_moment() {
        let view = ClusterView::new(["n1", "n2", "n3"].map(NodeId::new).to_vec());
        assert_eq!(names(&Target::Leader, &view), Err(TargetError::NoLeader));
        view.saw(1, Role::Active);
        assert_eq!(names(&Target::Leader, &view).unwrap(), ["n2"]);
        assert_eq!(names(&Target::Each, &view).unwrap(), ["n1", "n3", "n2"]);
        assert_eq!(names(&Target::Majority, &view).unwrap(), ["n2", "n1"]);
        assert_eq!(names(&Target::Minority, &view).unwrap(), ["n2"]);
        assert_eq!(names(&Target::All, &view).unwrap().len(), 3);
        assert_ne!(names(&Target::Follower, &view).unwrap(), ["n2"]);
        assert_eq!(names(&Target::from("n9"), &view), Err(TargetError::NoNode(NodeId::new("n9"))));
    }
}
