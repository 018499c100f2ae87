//! Tests that need what a machine may lack: skipped by name, with the reason; with VAULTQUAKE_DENY_SKIPS=1
//! that is a failure. What is broken, rather than missing, always fails.

use libtest_mimic::{Completion, Failed, Trial};
use vaultquake::server::ServerError;

pub enum Unmet {
    /// This machine lacks it.
    Missing(String),
    Broken(String),
}

impl From<ServerError> for Unmet {
    fn from(error: ServerError) -> Self {
        let why = error.to_string();
        if error.is_missing() { Unmet::Missing(why) } else { Unmet::Broken(why) }
    }
}

/// `prepare` gets what `test` needs; it is not called when the tests are only listed.
pub fn trial<T>(
    name: impl Into<String>,
    prepare: impl FnOnce() -> Result<T, Unmet> + Send + 'static,
    test: impl FnOnce(T) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || match prepare() {
        Ok(prepared) => test(prepared).map(|()| Completion::Completed),
        Err(Unmet::Missing(why)) if std::env::var("VAULTQUAKE_DENY_SKIPS").as_deref() == Ok("1") => {
            Err(Failed::from(format!("skipped, and skips are denied: {why}")))
        }
        Err(Unmet::Missing(why)) => Ok(Completion::ignored_with(why)),
        Err(Unmet::Broken(why)) => Err(Failed::from(why)),
    })
}
