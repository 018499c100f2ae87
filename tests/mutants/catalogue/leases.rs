//! Mutants of credentials of a database.

use super::{LEASES, Mutant};
use crate::bugs::{leases, legal, roles};

pub const MUTANTS: &[Mutant] = &[
    mutant!("clean-leased", "leased", legal::clean, "Nothing.", [], []),
    mutant!(
        "role-outlives-lease",
        "leased",
        roles::outlives_its_lease,
        "One in three roles lives five seconds longer than its lease says.",
        [LEASES],
        []
    ),
    mutant!(
        "role-dropped-early",
        "leased",
        roles::dropped_early,
        "One in three roles is dropped 1.5 s after it was made; its lease has 4 s.",
        [LEASES],
        []
    ),
    mutant!(
        "renewal-forgotten",
        "leased",
        roles::renewal_forgotten,
        "Renewals are granted, and the leases end as if nobody had asked.",
        [LEASES],
        []
    ),
    mutant!(
        "renewal-refused",
        "leased",
        roles::renewal_refused,
        "Half of the renewals of living leases are refused.",
        [LEASES],
        []
    ),
    mutant!(
        "role-survives-revocation",
        "leased",
        leases::revocation_forgotten,
        "Revocations of leases are answered with 204 and not done.",
        [LEASES],
        []
    ),
    mutant!(
        "roles-survive-revocation",
        "leased",
        roles::prefix_revocation_forgotten,
        "Revocations of all leases of a role are answered with 204 and not done.",
        [LEASES],
        []
    ),
    mutant!(
        "password-of-another",
        "leased",
        roles::other_password,
        "Half of the passwords that are given out are not those that were set.",
        [LEASES],
        []
    ),
    mutant!(
        "user-of-nobody",
        "leased",
        roles::of_nobody,
        "One in four users that are given out is not in the database, and another is.",
        [LEASES],
        []
    ),
    mutant!(
        "role-unasked",
        "leased",
        roles::made_twice,
        "One in four requests for credentials makes two roles, and tells of one.",
        [LEASES],
        []
    ),
    mutant!(
        "leases-done-and-unsaid",
        "leased",
        roles::done_and_unsaid,
        "One in five requests about credentials is done and answered with 500, or not at all.",
        [],
        []
    ),
    mutant!(
        "leases-told-late",
        "leased",
        roles::told_late,
        "One in three answers about credentials comes up to 1.4 s late.",
        [],
        []
    ),
    mutant!(
        "leases-unserved",
        "leased",
        roles::unserved,
        "One in four requests about credentials is answered with 429, 502 or 503, or not at all, and not done.",
        [],
        []
    ),
];
