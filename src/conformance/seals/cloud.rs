//! Seals of other clouds, whose configuration is accepted where they are built in; and one that exists nowhere.

use crate::conformance::{Cases, Source, SpareConfig, Storage};
use serde_json::json;

/// Case, source, meaning, and the documents' stanza.
const CLOUDS: [(&str, Source, &str, &str); 2] = [
    (
        "seals/gcpckms/accepted",
        Source::AlphaPulse,
        "a server accepts the configuration of GCP Cloud KMS",
        "seal \"gcpckms\" {\n  project    = \"my-gcp-project\"\n  region     = \"us-east1\"\n  \
         key_ring   = \"vault-keyring\"\n  crypto_key = \"vault-key\"\n}",
    ),
    (
        "seals/azurekeyvault/accepted",
        Source::Consciousness,
        "a server accepts the configuration of Azure Key Vault",
        "seal \"azurekeyvault\" {\n  tenant_id  = \"00000000-0000-0000-0000-000000000001\"\n  \
         vault_name = \"vault-unseal\"\n  key_name   = \"vault-unseal-key\"\n}",
    ),
];

pub fn register(cases: &mut Cases) {
    for (id, source, meaning, seal) in CLOUDS {
        cases.add(id, source, meaning, move |lab| async move {
            let said = lab.knows(seal).await?;
            // Without an account of that cloud it gets as far as looking for one.
            let refused =
                ["unknown", "invalid", "parse"].iter().any(|word| said.to_lowercase().contains(word));
            lab.seen("server start", json!({ "refuses_the_configuration": refused }))
                .has("/refuses_the_configuration", false)?;
            Ok(())
        });
    }
    cases.add(
        "seals/file/opens-itself",
        Source::AlphaPulse,
        "for development `seal \"file\"` with the path of a key unseals a server",
        |lab| async move {
            let key = lab.folder()?.join("unseal-key");
            let seal = format!("seal \"file\" {{\n  path = {:?}\n}}", key.display().to_string());
            let spare = lab.prepare_spare(SpareConfig::new(Storage::Memory).with(&seal))?;
            let outcome = match spare.start().await {
                Ok(()) => "it listens".to_owned(),
                Err(_) => spare.last_line(),
            };
            let seen = lab.seen("server start", json!({ "outcome": outcome }));
            seen.has("/outcome", "it listens")?;
            Ok(())
        },
    );
}
