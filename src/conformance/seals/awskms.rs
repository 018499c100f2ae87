//! AWS KMS, as the documents configure it, against a local program that speaks its API.

use super::auto;
use crate::conformance::{Cases, Checked, Lab, Source};

pub fn register(cases: &mut Cases) {
    let source = Source::Workflow;
    cases.add(
        "seals/awskms/gives-recovery-keys",
        source,
        "under auto-unseal by AWS KMS initialisation gives recovery keys instead of unseal keys",
        |lab| async move { auto::gives_recovery_keys(&lab, &seal(&lab).await?).await },
    );
    cases.add(
        "seals/awskms/gives-no-unseal-keys",
        source,
        "under auto-unseal by AWS KMS unseal keys cannot be asked for",
        |lab| async move { auto::gives_no_unseal_keys(&lab, &seal(&lab).await?).await },
    );
    cases.add(
        "seals/awskms/says-its-kind",
        source,
        "a server under AWS KMS is unsealed once initialised, and says what seals it",
        |lab| async move { auto::says_its_kind(&lab, &seal(&lab).await?, "awskms").await },
    );
    cases.add(
        "seals/awskms/opens-itself",
        source,
        "under auto-unseal by AWS KMS no manual unsealing is required after a restart",
        |lab| async move { auto::opens_itself(&lab, &seal(&lab).await?).await },
    );
}

/// The documents' stanza; the keys of AWS itself are words that the local program takes from everybody.
async fn seal(lab: &Lab) -> Checked<String> {
    // Whether the server knows such a seal at all comes first: it does not depend on what this machine has.
    let stanza = |endpoint: &str| {
        format!(
            "seal \"awskms\" {{\n  region = \"us-east-1\"\n  kms_key_id = \"alias/vault-unseal-key\"\n  \
             endpoint = \"{endpoint}\"\n  access_key = \"testing\"\n  secret_key = \"testing\"\n}}"
        )
    };
    lab.knows(&stanza("http://127.0.0.1:9")).await?;
    Ok(stanza(&lab.kms().await?))
}
