//! Shares of a key in the hands of people.

use crate::conformance::{Cases, Source, SpareConfig, Stop, Storage};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    cases.add(
        "seals/shamir/status",
        Source::Workflow,
        "a server without another seal is sealed by shares, five of which three are needed",
        |lab| async move {
            let status = lab.anonymous().get("sys/seal-status").await?;
            status
                .is(200)?
                .has("/type", "shamir")?
                .has("/n", 5)?
                .has("/t", 3)?
                .has("/recovery_seal", false)?;
            Ok(())
        },
    );
    cases.add(
        "seals/shamir/gives-unseal-keys",
        Source::Workflow,
        "without auto-unseal initialisation gives unseal keys and no recovery keys",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Memory)).await?;
            let body = json!({ "secret_shares": 5, "secret_threshold": 3 });
            let init = lab.of(&spare).put("sys/init", body).await?;
            init.is(200)?
                .that("/keys", "are five", |keys| keys.as_array().is_some_and(|keys| keys.len() == 5))?;
            init.lacks("/recovery_keys")?;
            Ok(())
        },
    );
    cases.add(
        "seals/shamir/restart-stays-sealed",
        Source::Workflow,
        "after a restart a server stays sealed until it is given three of its five keys",
        |lab| async move {
            let spare = lab.spare(SpareConfig::new(Storage::Raft)).await?;
            let keyed = lab.keyed(&spare, 5, 3).await?;
            keyed.open().await?;
            spare.kill();
            spare.start().await.map_err(Stop::Broken)?;
            keyed.lab.get("sys/health").await?.is(503)?.has("/initialized", true)?.has("/sealed", true)?;
            let root = keyed.open().await?;
            root.get("auth/token/lookup-self").await?.is(200)?.lists("/data/policies", "root")?;
            Ok(())
        },
    );
}
