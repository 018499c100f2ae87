//! Where a server keeps what it stores.

mod postgresql;
mod raft;

use super::{Cases, Source, SpareConfig, Storage};
use serde_json::json;

pub fn register(cases: &mut Cases) {
    raft::register(cases);
    postgresql::register(cases);
    cases.add(
        "storage/consul/known",
        Source::Consciousness,
        "a server can store in an external Consul cluster",
        |lab| async move {
            let stanza = "storage \"consul\" {\n  address = \"127.0.0.1:8500\"\n  path = \"vault/\"\n}";
            let spare = lab.spare_if_known(SpareConfig::new(Storage::Stanza(stanza.into()))).await?;
            let seen = lab.seen("server with Consul", json!({ "runs": spare.pid().is_some() }));
            seen.has("/runs", true)?;
            Ok(())
        },
    );
}
