//! Mutants of clusters that something is done to: cut off, kept from auditing, restored. Each has a cluster of its own.

use super::{AUDIT, LEADER, LOST, MINORITY, Mutant, NEWEST, NOTHING, ORDER, SERVED, SESSION, SNAPSHOT};
use crate::bugs::{legal, read_back, shaken, upgraded};

pub const MUTANTS: &[Mutant] = &[
    mutant!("clean-cut-off", "cut-off", legal::clean, "Nothing.", [], []),
    mutant!("clean-unaudited", "unaudited", legal::clean, "Nothing.", [], []),
    mutant!("clean-restored", "restored", legal::clean, "Nothing.", [], []),
    mutant!("clean-upgraded", "upgraded", legal::clean, "Nothing.", [], []),
    // Who is left of three need not have had the newest.
    mutant!("clean-lost", "lost", legal::clean, "Nothing.", [], [LOST]),
    mutant!(
        "lost-from-the-middle",
        "lost",
        read_back::one_forgotten,
        "After a majority was lost one version of a secret is missing, and newer ones are there.",
        [NEWEST, LOST],
        []
    ),
    mutant!(
        "upgraded-forwards-nothing",
        "upgraded",
        upgraded::forwarding_broken,
        "The first node that is upgraded is healthy, answers reads, and no longer passes writes on to the leader.",
        [SERVED],
        []
    ),
    mutant!(
        "cut-off-acknowledges",
        "cut-off",
        shaken::acknowledged_while_cut_off,
        "A leader that is cut off acknowledges writes, and stores nothing.",
        [MINORITY, LOST],
        [AUDIT, LEADER, ORDER, SESSION]
    ),
    mutant!(
        "cut-off-hands-on",
        "cut-off",
        shaken::handed_on_while_cut_off,
        "A node that is cut off hands writes on to the new leader by a way of its own.",
        [MINORITY],
        []
    ),
    mutant!(
        "unaudited-reads",
        "unaudited",
        shaken::read_unaudited,
        "A node that cannot audit goes on answering reads.",
        [NOTHING],
        []
    ),
    mutant!(
        "unaudited-writes",
        "unaudited",
        shaken::written_unaudited,
        "A leader that cannot audit acknowledges writes that it refuses.",
        [NOTHING, LOST],
        [AUDIT, LEADER, ORDER, SESSION]
    ),
    mutant!(
        "snapshot-old",
        "restored",
        shaken::old_snapshot,
        "A snapshot that was taken when the load began is handed out.",
        [SNAPSHOT],
        []
    ),
    mutant!(
        "restored-corrupted",
        "restored",
        shaken::restored_corrupted,
        "All versions of one secret hold other values after the restore.",
        [SNAPSHOT],
        []
    ),
    mutant!(
        "restored-without-newest",
        "restored",
        shaken::restored_without_newest,
        "The newest version of one secret is missing after the restore.",
        [SNAPSHOT],
        []
    ),
    mutant!(
        "slow-answers-under-cut",
        "cut-off",
        shaken::slow_answers,
        "Answers to writes take 400 ms on their way; what was stored before the cut is acknowledged after it.",
        [],
        []
    ),
    mutant!(
        "upgraded-comes-back-late",
        "upgraded",
        upgraded::slow_to_come_back,
        "For 300 ms after it has come back a node refuses writes.",
        [],
        []
    ),
    mutant!(
        "snapshot-late",
        "restored",
        shaken::late_snapshot,
        "A snapshot takes 1.5 s on its way, while clients go on writing.",
        [],
        []
    ),
];
