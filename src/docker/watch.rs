//! Whether the engine is still the one that it was: a stopped or restarted one takes its containers with it.

use super::{Engine, Owner};
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tokio::task::JoinHandle;

/// Listens to the engine as long as it lives.
pub struct EngineWatch {
    went: Arc<OnceLock<String>>,
    task: JoinHandle<()>,
}

impl Engine {
    /// From now on; of the engine's events only the end is of interest.
    pub fn watch(&self, owner: &Owner) -> EngineWatch {
        let of_run = owner.labels().into_iter().map(|(label, value)| format!("{label}={value}"));
        let filters = HashMap::from([("label".to_owned(), of_run.collect())]);
        let options = EventsOptions { filters: Some(filters), ..EventsOptions::default() };
        let mut events = Box::pin(self.api.events(Some(options)));
        let went = Arc::new(OnceLock::new());
        let heard = went.clone();
        let task = tokio::spawn(async move {
            let why = loop {
                match events.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break format!(" ({error})"),
                    None => break String::new(),
                }
            };
            let _ = heard.set(format!(
                "the container engine hung up{why}: it was stopped or restarted, which is no fault of this scenario"
            ));
        });
        EngineWatch { went, task }
    }
}

impl EngineWatch {
    /// Since when nothing that happens to the nodes means anything.
    pub fn trouble(&self) -> Option<String> {
        self.went.get().cloned()
    }
}

impl Drop for EngineWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
