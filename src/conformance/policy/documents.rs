//! The policies of the documents, word for word.

use crate::conformance::{Checked, Lab};

pub const WORKFLOW_SERVICE: &str = r#"
# Read OpenAI credentials
path "secret/data/openai" {
  capabilities = ["read"]
}

# Read Anthropic credentials
path "secret/data/anthropic" {
  capabilities = ["read"]
}

# Generate database credentials
path "database/creds/workflow-readwrite" {
  capabilities = ["read"]
}

# Encrypt/decrypt with Transit
path "transit/encrypt/workflow-data" {
  capabilities = ["update"]
}

path "transit/decrypt/workflow-data" {
  capabilities = ["update"]
}

# Issue TLS certificates
path "pki/issue/workflow-service" {
  capabilities = ["create", "update"]
}

# Renew leases
path "sys/leases/renew" {
  capabilities = ["update"]
}

# Deny access to other secrets
path "secret/data/*" {
  capabilities = ["deny"]
}
"#;

pub const WORKFLOW_CI: &str = r#"
path "secret/data/ci/*" {
  capabilities = ["read"]
}
path "database/creds/workflow-readonly" {
  capabilities = ["read"]
}
"#;

pub const LLM_AGENT: &str = r#"
path "secret/data/openai" {
  capabilities = ["read"]
}

path "secret/data/anthropic" {
  capabilities = ["read"]
}

path "database/creds/llm-agent-readwrite" {
  capabilities = ["read"]
}
"#;

pub const NOTIFICATION: &str = r#"
path "secret/data/smtp" {
  capabilities = ["read"]
}

path "secret/data/twilio" {
  capabilities = ["read"]
}

path "database/creds/notification-readwrite" {
  capabilities = ["read"]
}
"#;

pub const AUDIT: &str = r#"
path "database/creds/audit-readonly" {
  capabilities = ["read"]
}

path "database/creds/audit-readwrite" {
  capabilities = ["read"]
}
"#;

pub const CONSCIOUSNESS_ENGINE: &str = r#"
# Consciousness Engine Policy
path "consciousness/data/consciousness-engine/*" {
  capabilities = ["read"]
}

path "database/creds/consciousness-engine" {
  capabilities = ["read"]
}

path "pki-internal/issue/consciousness-services" {
  capabilities = ["create", "update"]
}
"#;

/// Of no document: somebody who is known and may do nothing that a case asks for.
pub const NOTHING: &str = r#"path "nothing" { capabilities = ["read"] }"#;

/// The same rules for mounts of which the name begins with this: what is not below `sys/` is below a mount.
fn placed(rules: &str, prefix: &str) -> String {
    let moved = rules.replace("path \"", &format!("path \"{prefix}"));
    moved.replace(&format!("path \"{prefix}sys/"), "path \"sys/")
}

impl Lab {
    /// A policy with these rules, as they hold for this case's own mounts: `secret/` is the one made by that name.
    pub async fn placed_policy(&self, what: &str, rules: &str) -> Checked<String> {
        self.policy(what, &placed(rules, &self.name(""))).await
    }

    /// Somebody who may do what these rules say and nothing else.
    pub async fn under(&self, rules: &str) -> Checked<Self> {
        let policy = self.placed_policy("policy", rules).await?;
        Ok(self.as_token(&self.token(&[&policy]).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_placed_and_the_system_stays() {
        let placed = placed(WORKFLOW_SERVICE, "vq-1-");
        assert!(
            placed.contains("path \"vq-1-secret/data/*\" {") && placed.contains("path \"sys/leases/renew\"")
        );
        assert_eq!(placed.matches("path \"vq-1-").count(), 7);
    }
}
