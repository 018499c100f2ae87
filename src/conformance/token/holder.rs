//! A token of a case's own and whoever holds it.

use crate::conformance::policy::NOTHING;
use crate::conformance::{Answer, Checked, Lab};
use serde_json::{Value, json};

/// Whoever holds a token that the operator made.
pub struct Holder {
    /// Asks with the token.
    pub lab: Lab,
    pub token: String,
    pub accessor: String,
    operator: Lab,
}

impl Lab {
    /// Makes a token; the operator's answer.
    pub async fn create_token(&self, settings: Value) -> Checked<Answer> {
        self.post("auth/token/create", settings).await
    }

    /// Somebody with a token of these settings, which was a preparation.
    pub async fn holder(&self, settings: Value) -> Checked<Holder> {
        let made = self.quietly().create_token(settings).await?;
        let token = made.text("/auth/client_token")?;
        let accessor = made.text("/auth/accessor")?;
        Ok(Holder { lab: self.as_token(&token), token, accessor, operator: self.clone() })
    }

    /// The name of a policy that opens nothing, for tokens of which only the life matters.
    pub async fn poor_policy(&self) -> Checked<String> {
        self.policy("poor", NOTHING).await
    }
}

impl Holder {
    /// Looks itself up.
    pub async fn look_at_itself(&self) -> Checked<Answer> {
        self.lab.get("auth/token/lookup-self").await
    }

    /// It is known, and says of itself what the default policy lets it see.
    pub async fn lives(&self) -> Checked {
        self.look_at_itself().await?.is(200)?.has("/data/type", "service").map(drop)
    }

    /// It opens nothing any more.
    pub async fn is_dead(&self) -> Checked {
        let refused = self.look_at_itself().await?;
        refused.is(403)?.error_has("permission denied")?.lacks("/data").map(drop)
    }

    /// What the operator is told about it, or does with it: `lookup`, `renew`, `revoke`, `revoke-orphan`.
    pub async fn operator(&self, verb: &str) -> Checked<Answer> {
        self.operator.post(&format!("auth/token/{verb}"), json!({ "token": self.token })).await
    }

    /// The same by its accessor, which opens nothing itself.
    pub async fn operator_by_accessor(&self, verb: &str) -> Checked<Answer> {
        let body = json!({ "accessor": self.accessor });
        self.operator.post(&format!("auth/token/{verb}-accessor"), body).await
    }

    /// Renews it, as the operator, by so many seconds.
    pub async fn renew_by(&self, seconds: u32) -> Checked<Answer> {
        let body = json!({ "token": self.token, "increment": seconds });
        self.operator.post("auth/token/renew", body).await
    }
}

/// So many seconds, of which a minute may have gone by.
pub fn is_about(seconds: i64) -> impl Fn(&Value) -> bool {
    move |value| value.as_i64().is_some_and(|found| (seconds - 60..=seconds).contains(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_is_never_more_and_at_most_a_minute_less() {
        assert!(is_about(3600)(&json!(3600)) && is_about(3600)(&json!(3540)));
        assert!(!is_about(3600)(&json!(3601)) && !is_about(3600)(&json!(3539)));
        assert!(!is_about(3600)(&json!("3600")));
    }
}
