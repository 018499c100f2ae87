//! Reports of sample runs: what they must contain, what they must never contain, and how the text ones look.

mod build;
mod conformance;
mod fixtures;
mod html;
mod suite;
mod text;
