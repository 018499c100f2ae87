//! Mutants of what is encrypted, certified, denied and revoked.

use super::{AUDIT, EXPIRY, Mutant, PKI, TENANTS, TRANSIT};
use crate::bugs::{engines, leases, legal, tenants, tokens};

pub const MUTANTS: &[Mutant] = &[
    mutant!("clean-engines", "engines", legal::clean, "Nothing.", [], []),
    mutant!("clean-denied", "denied", legal::clean, "Nothing.", [], []),
    mutant!("clean-revoked", "revoked", legal::clean, "Nothing.", [], []),
    mutant!(
        "other-plaintext",
        "engines",
        engines::other_plaintext,
        "One in five decryptions brings another text.",
        [TRANSIT],
        []
    ),
    mutant!(
        "one-undecryptable",
        "engines",
        engines::one_undecryptable,
        "At the end one standby cannot decrypt one ciphertext.",
        [TRANSIT],
        []
    ),
    mutant!(
        "ciphertext-corrupted",
        "engines",
        engines::corrupted_ciphertext,
        "One in ten ciphertexts is not what was made.",
        [TRANSIT],
        []
    ),
    mutant!(
        "rotation-forgotten",
        "engines",
        engines::rotation_forgotten,
        "Rotations of the key are acknowledged and not done.",
        [TRANSIT],
        [AUDIT]
    ),
    mutant!(
        "serial-repeated",
        "engines",
        engines::serial_repeated,
        "One in four certificates is the first one again.",
        [PKI],
        []
    ),
    mutant!(
        "certificate-lives-longer",
        "engines",
        engines::certificate_lives_longer,
        "One in four certificates is valid for 700 h where 24 h were asked for.",
        [PKI],
        []
    ),
    mutant!(
        "revocation-forgotten",
        "engines",
        engines::revocation_forgotten,
        "Revocations of certificates are acknowledged and not done.",
        [PKI],
        [AUDIT]
    ),
    mutant!(
        "revoked-unasked",
        "engines",
        engines::revoked_unasked,
        "One in four certificates is revoked as soon as it is issued.",
        [PKI],
        []
    ),
    mutant!(
        "stranger-let-through",
        "denied",
        tenants::let_through,
        "One in twenty requests for another tenant's secrets is served.",
        [TENANTS],
        []
    ),
    mutant!(
        "stranger-told",
        "denied",
        tenants::told_what_is_there,
        "One standby tells strangers now and then that there is no such secret.",
        [TENANTS],
        []
    ),
    mutant!(
        "own-denied",
        "denied",
        tenants::own_denied,
        "One standby denies tenants what is their own.",
        [TENANTS],
        []
    ),
    mutant!(
        "token-revocation-forgotten",
        "revoked",
        tokens::revocation_forgotten,
        "Revocations of tokens are answered with 204 and not done.",
        [EXPIRY],
        []
    ),
    mutant!(
        "lease-revocation-forgotten",
        "revoked",
        leases::revocation_forgotten,
        "Revocations of leases are answered with 204 and not done.",
        [EXPIRY],
        []
    ),
    mutant!(
        "engines-done-and-500",
        "engines",
        engines::done_and_500,
        "One in five encryptions, rotations, certificates and revocations is done and answered with 500.",
        [],
        []
    ),
    mutant!(
        "probes-unserved",
        "denied",
        tenants::some_unserved,
        "One in six requests of tenants and strangers is answered with 503, or not at all.",
        [],
        []
    ),
];
