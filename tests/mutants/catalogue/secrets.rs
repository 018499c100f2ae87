//! Mutants of what is stored, of who leads and who is sealed, of ends that come by themselves, and of audit trails.

use super::{AGREE, AUDIT, CAS, EXPIRY, LEADER, LOST, Mutant, ORDER, PLAIN, SEALED, SESSION};
use crate::audit;
use crate::bugs::{leases, legal, nodes, read_back, reads, removals, tokens, writes};

pub const MUTANTS: &[Mutant] = &[
    mutant!("clean-contended", "contended", legal::clean, "Nothing.", [], []),
    mutant!("clean-removed", "removed", legal::clean, "Nothing.", [], []),
    mutant!("clean-settled", "settled", legal::clean, "Nothing.", [], []),
    mutant!("clean-sealed", "sealed", legal::clean, "Nothing.", [], []),
    mutant!("clean-token", "token", legal::clean, "Nothing.", [], []),
    mutant!("clean-lease", "lease", legal::clean, "Nothing.", [], []),
    mutant!(
        "write-dropped",
        "contended",
        writes::dropped,
        "One in five writes is acknowledged and not done.",
        [LOST, ORDER],
        [CAS, LEADER, SESSION, AUDIT]
    ),
    mutant!(
        "version-used-again",
        "contended",
        writes::version_used_again,
        "One in five writes is acknowledged under the number of the version before.",
        [LOST, ORDER],
        [CAS, LEADER, SESSION]
    ),
    mutant!(
        "version-skipped",
        "contended",
        writes::version_skipped,
        "One in five writes is acknowledged under the number after its own.",
        [LOST, ORDER, CAS],
        [LEADER, SESSION]
    ),
    mutant!(
        "other-secret-written",
        "contended",
        writes::other_secret,
        "Half of the writes to one secret are stored in another.",
        [LOST, ORDER],
        [CAS, LEADER, SESSION]
    ),
    mutant!(
        "write-stored-twice",
        "contended",
        writes::stored_twice,
        "One in four writes becomes two versions; the second is acknowledged.",
        [ORDER],
        []
    ),
    mutant!(
        "wrong-cas-accepted",
        "contended",
        writes::wrong_cas_accepted,
        "Check-and-set is ignored.",
        [CAS, ORDER],
        []
    ),
    mutant!(
        "right-cas-refused",
        "contended",
        writes::right_cas_refused,
        "One in four check-and-sets is refused, whatever the version.",
        [ORDER],
        []
    ),
    mutant!(
        "cas-refused-and-applied",
        "contended",
        writes::cas_refused_and_applied,
        "One in three check-and-sets is stored and refused.",
        [ORDER, CAS],
        []
    ),
    mutant!(
        "losing-cas-acknowledged",
        "contended",
        writes::losing_cas_acknowledged,
        "A check-and-set that came too late is told that it won.",
        [CAS, ORDER, LOST],
        [SESSION, LEADER, AUDIT]
    ),
    mutant!(
        "read-from-the-past",
        "contended",
        reads::from_the_past,
        "One in five reads of the leader is half a second old.",
        [ORDER],
        []
    ),
    mutant!(
        "standby-stands-still",
        "contended",
        reads::long_ago,
        "One standby answers what it knew 1.8 s ago; 1 s is promised.",
        [SESSION],
        []
    ),
    mutant!(
        "secrets-swapped",
        "contended",
        reads::swapped,
        "Reads of two secrets are answered with one another's values.",
        [ORDER],
        [SESSION]
    ),
    mutant!(
        "value-corrupted",
        "contended",
        reads::one_value_corrupted,
        "One in three reads of one secret has another last character.",
        [ORDER],
        []
    ),
    mutant!(
        "value-never-written",
        "contended",
        reads::never_written,
        "One in ten reads tells a version and a value that nobody wrote.",
        [ORDER],
        [SESSION]
    ),
    mutant!(
        "version-mislabelled",
        "contended",
        reads::wrong_version,
        "One in ten reads tells the right value under the number of the version before.",
        [ORDER],
        []
    ),
    mutant!(
        "gone-for-a-moment",
        "contended",
        reads::gone_for_a_moment,
        "One in ten reads says that there is no such secret.",
        [ORDER],
        [SESSION]
    ),
    mutant!(
        "refused-value-read",
        "contended",
        reads::refused_value,
        "Values of refused check-and-sets are read as if they had been stored.",
        [ORDER, CAS],
        [SESSION]
    ),
    mutant!(
        "two-caches",
        "contended",
        reads::two_caches,
        "Half of the leader's reads are answered from a cache that is 0.2 s behind.",
        [ORDER],
        []
    ),
    mutant!(
        "newest-undone",
        "contended",
        read_back::newest_undone,
        "At the end the newest version of one secret is gone, as after a restore.",
        [LOST],
        []
    ),
    mutant!(
        "version-forgotten",
        "contended",
        read_back::one_forgotten,
        "At the end an older version of one secret is missing.",
        [LOST],
        []
    ),
    mutant!("secret-gone", "contended", read_back::secret_gone, "At the end one secret is gone.", [LOST], []),
    mutant!(
        "corrupted-at-rest",
        "contended",
        read_back::corrupted_at_rest,
        "At the end all versions of one secret hold other values.",
        [LOST],
        []
    ),
    mutant!(
        "delete-lost",
        "removed",
        removals::delete_lost,
        "Deletions are acknowledged and not done.",
        [ORDER],
        [AUDIT]
    ),
    mutant!(
        "undelete-lost",
        "removed",
        removals::undelete_lost,
        "Deleted versions are said to be back, and are not.",
        [ORDER],
        [AUDIT]
    ),
    mutant!(
        "destroy-lost",
        "removed",
        removals::destroy_lost,
        "Destructions are acknowledged and not done.",
        [ORDER],
        [AUDIT]
    ),
    mutant!(
        "deleted-revived",
        "removed",
        removals::revived,
        "What was deleted is read as it was before.",
        [ORDER],
        []
    ),
    mutant!(
        "deleted-unasked",
        "removed",
        removals::deleted_unasked,
        "One in ten reads finds a version deleted that nobody deleted.",
        [ORDER],
        []
    ),
    mutant!(
        "two-leaders",
        "contended",
        nodes::two_leaders,
        "A standby says that it leads, and acknowledges writes beside the leader.",
        [LEADER],
        []
    ),
    mutant!(
        "split-brain",
        "contended",
        nodes::split_brain,
        "A standby says that it leads, and stores by itself what it is sent.",
        [LEADER, LOST],
        [ORDER, CAS, SESSION, AUDIT]
    ),
    mutant!(
        "policy-old",
        "settled",
        nodes::old_policy,
        "One standby has an older text of the policies.",
        [AGREE],
        []
    ),
    mutant!(
        "role-missing",
        "settled",
        nodes::role_missing,
        "One standby does not know the roles.",
        [AGREE],
        []
    ),
    mutant!(
        "list-shorter",
        "settled",
        nodes::shorter_list,
        "One standby's list of roles lacks one.",
        [AGREE],
        []
    ),
    mutant!(
        "secret-old",
        "settled",
        nodes::old_secret,
        "One standby answers another value of a secret for good.",
        [AGREE],
        []
    ),
    mutant!(
        "sealed-node-reads",
        "sealed",
        nodes::sealed_node_reads,
        "A sealed node goes on answering reads.",
        [SEALED],
        []
    ),
    mutant!(
        "sealed-node-writes",
        "sealed",
        nodes::sealed_node_writes,
        "A sealed node goes on acknowledging writes.",
        [SEALED],
        [ORDER]
    ),
    mutant!(
        "token-outlives",
        "token",
        tokens::outlives,
        "A token lives three seconds longer on one standby.",
        [EXPIRY],
        []
    ),
    mutant!(
        "token-comes-back",
        "token",
        tokens::comes_back,
        "A dead token lives again for a moment, 1.4 s after its end.",
        [EXPIRY],
        []
    ),
    mutant!(
        "token-dies-early",
        "token",
        tokens::dies_early,
        "A token is dead on one standby after half of its time.",
        [EXPIRY],
        []
    ),
    mutant!(
        "lease-forgotten",
        "lease",
        leases::forgotten,
        "A lease lives three seconds longer on one standby.",
        [EXPIRY],
        []
    ),
    mutant!(
        "lease-dropped",
        "lease",
        leases::dropped,
        "A lease is gone on one standby after half of its time.",
        [EXPIRY],
        []
    ),
    mutant!(
        "applied-and-500",
        "contended",
        legal::applied_and_500,
        "One in five writes is stored and answered with 500.",
        [],
        []
    ),
    mutant!(
        "applied-and-closed",
        "contended",
        legal::applied_and_closed,
        "One in five writes is stored, and the connection is closed.",
        [],
        []
    ),
    mutant!(
        "closed-unapplied",
        "contended",
        legal::closed_unapplied,
        "For one in five writes the connection is closed, and nothing is done.",
        [],
        []
    ),
    mutant!(
        "applied-late",
        "contended",
        legal::applied_late,
        "One in five writes is answered with 500, and stored a second later.",
        [],
        []
    ),
    mutant!(
        "acknowledged-without-words",
        "contended",
        legal::acknowledged_without_words,
        "One in five writes is stored and answered with 200 and an empty object.",
        [],
        []
    ),
    mutant!(
        "delayed",
        "contended",
        legal::delayed,
        "One in four answers comes up to two seconds late.",
        [],
        []
    ),
    mutant!(
        "reordered",
        "contended",
        legal::reordered,
        "Requests overtake one another on their way, by up to 60 ms.",
        [],
        []
    ),
    mutant!(
        "hung-up-after-each",
        "contended",
        legal::hung_up_after_each,
        "The connection is closed after each answer.",
        [],
        []
    ),
    mutant!(
        "headers-doubled",
        "contended",
        legal::headers_doubled,
        "Each header of an answer stands in it twice.",
        [],
        []
    ),
    mutant!(
        "some-refused",
        "contended",
        legal::some_refused,
        "One in four requests is answered with 412, 429, 472, 473, 502 or 503, and not done.",
        [],
        []
    ),
    mutant!(
        "standby-redirects",
        "contended",
        legal::standby_redirects,
        "Half of the writes through standbys are answered with 307, some after the leader took them.",
        [],
        []
    ),
    mutant!(
        "standby-behind",
        "contended",
        legal::standby_behind,
        "Standbys are 0.3 s behind; 1 s is promised.",
        [],
        []
    ),
    mutant!(
        "watchers-blind",
        "contended",
        legal::watchers_blind,
        "For half a second in three nobody can see who leads.",
        [],
        []
    ),
    mutant!(
        "only-a-claim",
        "contended",
        nodes::only_a_claim,
        "A standby says that it leads, and refuses every write with 500.",
        [],
        []
    ),
    mutant!(
        "delayed-removals",
        "removed",
        legal::delayed,
        "One in four answers comes up to two seconds late.",
        [],
        []
    ),
    mutant!(
        "policy-late",
        "settled",
        nodes::old_policy_for_a_second,
        "One standby has the older text of the policies for one second more.",
        [],
        []
    ),
    mutant!(
        "slow-answers-under-seal",
        "sealed",
        legal::slow_answers,
        "Each answer takes 250 ms on its way; what was read before the seal arrives after it.",
        [],
        []
    ),
    mutant!(
        "token-not-heard-of",
        "token",
        tokens::not_heard_of_yet,
        "One standby does not know a new token for half a second.",
        [],
        []
    ),
    mutant!(
        "token-slow-to-tell",
        "token",
        tokens::slow_to_tell,
        "Whether a token lives is told 0.7 s after it was so.",
        [],
        []
    ),
    mutant!("clean-audited", "audited", legal::clean, "Nothing.", [], []),
    mutant!("audit-entry-dropped", audit audit::one_dropped,
        "One in ten entries about secrets is missing from the audit files.", [AUDIT]),
    mutant!("audit-value-in-plain", audit audit::value_in_plain,
        "Now and then a value stands readable in an audit file.", [PLAIN]),
    mutant!("audit-entries-twice", audit audit::each_twice,
        "Each entry stands in the audit file twice.", []),
];
