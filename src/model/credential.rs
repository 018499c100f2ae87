//! What is made to end: tokens, leases and secret ids, each with a rule of its own for its end.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// Of an AppRole login; ends with its time to live.
    #[default]
    Token,
    /// The lease behind such a token.
    Lease,
    /// A token that is renewed again and again, up to the most that its role allows.
    RenewedToken,
    /// A token without such a limit: it lives as long as it is renewed.
    PeriodicToken,
    /// A token for so many uses.
    LimitedToken,
    /// What a role logs in with; ends with its time to live.
    SecretId,
    /// A secret id for so many logins.
    LimitedSecretId,
    /// A token as its accessor names it.
    Accessor,
}

impl Credential {
    pub const ALL: [Credential; 8] = [
        Credential::Token,
        Credential::Lease,
        Credential::RenewedToken,
        Credential::PeriodicToken,
        Credential::LimitedToken,
        Credential::SecretId,
        Credential::LimitedSecretId,
        Credential::Accessor,
    ];
    /// What ends by itself.
    pub const EXPIRING: [Credential; 7] = [
        Credential::Token,
        Credential::Lease,
        Credential::RenewedToken,
        Credential::PeriodicToken,
        Credential::LimitedToken,
        Credential::SecretId,
        Credential::LimitedSecretId,
    ];
    /// What can be ended by request.
    pub const REVOCABLE: [Credential; 3] = [Credential::Token, Credential::Accessor, Credential::Lease];

    pub fn name(self) -> &'static str {
        match self {
            Credential::Token => "token",
            Credential::Lease => "lease",
            Credential::RenewedToken => "renewed-token",
            Credential::PeriodicToken => "periodic-token",
            Credential::LimitedToken => "limited-token",
            Credential::SecretId => "secret-id",
            Credential::LimitedSecretId => "limited-secret-id",
            Credential::Accessor => "accessor",
        }
    }

    /// Whether the documents of a deployment say how long it lives.
    pub fn is_documented(self) -> bool {
        matches!(self, Credential::Token | Credential::Lease | Credential::RenewedToken)
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
