//! Bugs that can be planted: each is one that a service of this kind really has.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Broken {
    /// The cache does not ask whether a value is encrypted.
    CachesEncrypted,
    /// What is cached stays there when the value changes or goes.
    StaleAfterPut,
    /// A read that was under way during a write puts the older value into the cache after it.
    FillsLate,
    /// The cache is written first and the cluster second.
    HalfWritten,
    /// What is cached is served whether or not the cluster is there.
    ServesWithoutCluster,
    /// The status endpoint tells what was configured, not what is.
    StatusLies,
}
