//! What the load is told of the ground that a run stands on.

use super::{Ground, RunError};
use crate::cluster::Access;
use crate::helper::Database;
use crate::load::{DatabasePlan, ProgramPlan};
use crate::model::Scenario;
use crate::record::RunFolder;
use std::sync::Arc;

pub(super) fn database_plan(
    scenario: &Scenario,
    ground: &Ground,
    database: Arc<Database>,
    access: &Access,
) -> Option<DatabasePlan> {
    let (path, engine) = scenario.blueprint.database()?;
    Some(DatabasePlan {
        mount: format!("{}{path}", ground.prefix),
        roles: engine.roles.iter().map(|role| role.name.clone()).collect(),
        database,
        operator_token: access.root_token.clone(),
        leases: Arc::default(),
    })
}

/// What programs of somebody else's are told of the cluster; `None` where a scenario runs none.
pub(super) fn program_plan(
    scenario: &Scenario,
    ground: &Ground,
    folder: &RunFolder,
) -> Result<Option<ProgramPlan>, RunError> {
    if scenario.load.iter().all(|load| load.program.is_none()) {
        return Ok(None);
    }
    let urls = ground.cluster.nodes().iter();
    let urls = urls.map(|node| (node.endpoint.address, node.endpoint.url.clone())).collect();
    let plan = std::path::absolute(folder.private()).and_then(|private| ProgramPlan::new(&private, urls));
    let plan = plan.map_err(|error| RunError::SetUp(format!("the folder of programs: {error}")))?;
    let (ca, identity) = ground.trust();
    Ok(Some(plan.trusting(ca, identity)))
}
