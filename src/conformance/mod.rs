//! Documented behaviour, case by case, asked of a real server.
//!
//! A case is a sentence of a document as a small function: it asks, and looks at the answers through expectations
//! only. That keeps cases short, gives every divergence its two texts, and lets a proof edit each answer that a case
//! looks at to see that the case turns red.

mod agent;
mod answer;
mod approle;
mod aws;
mod case;
pub mod config_service;
mod database;
mod divergence;
mod keyed;
mod kubernetes;
mod kv2;
mod lab;
mod look;
mod pki;
mod policy;
mod proof;
mod seals;
mod spare;
mod ssh;
mod stop;
mod storage;
mod subject;
mod suite;
mod sys;
mod tls;
mod token;
mod transit;

pub use answer::Answer;
pub use case::{Case, Cases, Company, Source, all, matching};
pub use divergence::Divergences;
pub use keyed::Keyed;
pub use lab::Lab;
pub use proof::Proof;
pub use proof::prove;
pub use spare::{Spare, SpareConfig, Storage};
pub use stop::{Checked, Stop};
pub use subject::{Subject, SubjectChoice, SubjectError};
pub use suite::{Limits, run};
