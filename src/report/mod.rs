//! Reports for people and for CI: pure functions of the result and the picture that belong to a run.
//! Must not judge, must not read or write anything, and must trust no text: a server may have written it.

mod alerts;
mod chart;
mod compare;
pub mod conformance;
mod figure;
mod html;
mod junit;
mod markdown;
mod network;
mod plain;
mod rehearsal;
mod rows;
mod suite;
mod summary;
mod terminal;
mod trend;
mod view;
mod words;

pub use compare::{comparison, spreads};
pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use suite::{said, suite_markdown, suite_terminal};
pub use terminal::{terminal, terminal_many};
pub use trend::{index, trends};
