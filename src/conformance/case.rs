//! The cases and their catalogue.

use super::{Checked, Lab};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// The document that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    AlphaPulse,
    Workflow,
    VoiceCore,
    Consciousness,
    ConfigService,
}

impl Source {
    pub fn file(self) -> &'static str {
        match self {
            Source::AlphaPulse => "003_4302cd6b1a3b9c83.txt",
            Source::Workflow => "002_c46dab1ce569bcb3.txt",
            Source::VoiceCore => "001_8b37fc9644bc5655.txt",
            Source::Consciousness => "000_24be6ac746054ca5.txt",
            Source::ConfigService => "004_7bf4d41b81c39853.txt",
        }
    }
}

/// What a case does to others beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Keeps to names of its own.
    Any,
    /// Disturbs the whole cluster: runs after the others, alone, and only where that is allowed.
    Alone,
}

type Run = Arc<dyn Fn(Lab) -> BoxFuture<'static, Checked> + Send + Sync>;

/// One documented behaviour.
#[derive(Clone)]
pub struct Case {
    /// `kv2/cas/wrong-version-refused`: engine, topic, behaviour.
    pub id: &'static str,
    pub source: Source,
    /// One line, as a statement of what is documented.
    pub meaning: &'static str,
    pub company: Company,
    pub(super) run: Run,
}

/// Cases, in the order in which they were added.
#[derive(Default)]
pub struct Cases {
    cases: Vec<Case>,
}

impl Cases {
    /// Adds a case that runs beside others.
    pub fn add<F>(
        &mut self,
        id: &'static str,
        source: Source,
        meaning: &'static str,
        run: impl Fn(Lab) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Checked> + Send + 'static,
    {
        let run: Run = Arc::new(move |lab| Box::pin(run(lab)));
        self.cases.push(Case { id, source, meaning, company: Company::Any, run });
    }

    /// Adds a case that disturbs the whole cluster.
    pub fn add_alone<F>(
        &mut self,
        id: &'static str,
        source: Source,
        meaning: &'static str,
        run: impl Fn(Lab) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Checked> + Send + 'static,
    {
        self.add(id, source, meaning, run);
        if let Some(last) = self.cases.last_mut() {
            last.company = Company::Alone;
        }
    }
}

impl Cases {
    pub(super) fn into_cases(self) -> Vec<Case> {
        self.cases
    }
}

/// The whole catalogue, of the server's own behaviour.
pub fn all() -> Vec<Case> {
    let mut cases = Cases::default();
    super::kv2::register(&mut cases);
    super::database::register(&mut cases);
    super::pki::register(&mut cases);
    super::kubernetes::register(&mut cases);
    super::ssh::register(&mut cases);
    super::aws::register(&mut cases);
    super::agent::register(&mut cases);
    super::transit::register(&mut cases);
    super::policy::register(&mut cases);
    super::approle::register(&mut cases);
    super::token::register(&mut cases);
    super::sys::register(&mut cases);
    super::tls::register(&mut cases);
    super::storage::register(&mut cases);
    super::seals::register(&mut cases);
    cases.cases
}

/// Those whose id contains one of the words; all when there are none.
pub fn matching(cases: Vec<Case>, words: &[String]) -> Vec<Case> {
    let wanted = |case: &Case| words.is_empty() || words.iter().any(|word| case.id.contains(word.as_str()));
    cases.into_iter().filter(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_id_stands_once_and_has_an_engine_and_a_behaviour() {
        let mut seen = HashSet::new();
        for case in all().into_iter().chain(crate::conformance::config_service::cases()) {
            assert!(seen.insert(case.id), "{} stands there twice", case.id);
            let parts: Vec<_> = case.id.split('/').collect();
            let kebab = |part: &&str| {
                !part.is_empty()
                    && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            };
            assert!((2..=3).contains(&parts.len()) && parts.iter().all(kebab), "{}", case.id);
            assert!(
                !case.meaning.ends_with('.') && case.meaning.len() >= 20,
                "{}: {}",
                case.id,
                case.meaning
            );
        }
    }
}
