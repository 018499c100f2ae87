//! Many runs beside one another: whether a change shows in their figures, and where the last of them lies among the others.
//! Pure: the same results give the same words.

mod conditions;
mod figures;
mod pairs;
mod spreads;
mod trends;

pub use pairs::compare;
pub use spreads::spreads;
pub use trends::trends;
