//! AWS credentials, which the workflow document names among the dynamic engines.

use super::{Cases, Source};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    cases.add(
        "aws/mount",
        Source::Workflow,
        "the engine for AWS credentials can be mounted, and gives none before it is configured",
        |lab| async move {
            // A server without the engine refuses the mount, which ends the case as not applicable, in its own words.
            let path = lab.mount("aws", "aws", json!({})).await?;
            lab.get(&format!("{path}/creds/no-such-role"))
                .await?
                .is_one_of(&[400, 404])?
                .lacks("/data/access_key")?;
            Ok(())
        },
    );
}
