//! Requests that a policy must refuse, and those it must not: who asks for whose secrets, and how.

use std::fmt;
use std::str::FromStr;

/// Who asks. Tenants are numbered from 1 in the order of the blueprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asker {
    Tenant(u16),
    /// Without any token.
    Nobody,
    /// With a token that no server ever gave to anybody.
    Invented,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    Create,
    Update,
    Read,
    List,
    Patch,
    ReadSubkeys,
    ReadMetadata,
    UpdateMetadata,
    Delete,
    Undelete,
    DeleteVersions,
    Destroy,
    DeleteMetadata,
}

impl Verb {
    pub const ALL: [Verb; 13] = [
        Verb::Create,
        Verb::Update,
        Verb::Read,
        Verb::List,
        Verb::Patch,
        Verb::ReadSubkeys,
        Verb::ReadMetadata,
        Verb::UpdateMetadata,
        Verb::Delete,
        Verb::Undelete,
        Verb::DeleteVersions,
        Verb::Destroy,
        Verb::DeleteMetadata,
    ];

    /// Whatever a policy says of the rest, no tenant's application would run without them.
    pub fn is_indispensable(self) -> bool {
        matches!(self, Verb::Create | Verb::Update | Verb::Read)
    }

    pub fn name(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Read => "read",
            Verb::List => "list",
            Verb::Patch => "patch",
            Verb::ReadSubkeys => "read-subkeys",
            Verb::ReadMetadata => "read-metadata",
            Verb::UpdateMetadata => "update-metadata",
            Verb::Delete => "delete",
            Verb::Undelete => "undelete",
            Verb::DeleteVersions => "delete-versions",
            Verb::Destroy => "destroy",
            Verb::DeleteMetadata => "delete-metadata",
        }
    }
}

/// One request that tells whether tenants are kept apart, as the history's `subject` names it: `t3→t5 update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Probe {
    pub asker: Asker,
    pub owner: u16,
    pub verb: Verb,
}

impl Probe {
    /// Of more tenants than this the first ones speak for all: every pair of many could not be asked in any run.
    const TENANTS_MAX: u16 = 16;

    /// Every asker for every tenant's secrets with every verb, the tenants for their own among them.
    pub fn all(tenants: u16) -> impl Iterator<Item = Probe> {
        let tenants = tenants.min(Self::TENANTS_MAX);
        let askers = move || (1..=tenants).map(Asker::Tenant).chain([Asker::Nobody, Asker::Invented]);
        let of_owner =
            move |owner| askers().flat_map(move |asker| Verb::ALL.map(|verb| Probe { asker, owner, verb }));
        (1..=tenants).flat_map(of_owner)
    }

    /// Whether tenants ask for what is their own.
    pub fn is_own(self) -> bool {
        self.asker == Asker::Tenant(self.owner)
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asker::Tenant(number) => write!(f, "t{number}"),
            Asker::Nobody => f.write_str("nobody"),
            Asker::Invented => f.write_str("invented"),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}→t{} {}", self.asker, self.owner, self.verb.name())
    }
}

impl FromStr for Probe {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let tenant = |text: &str| text.strip_prefix('t').and_then(|number| number.parse().ok()).ok_or(());
        let (asker, rest) = text.split_once('→').ok_or(())?;
        let (owner, verb) = rest.split_once(' ').ok_or(())?;
        let asker = match asker {
            "nobody" => Asker::Nobody,
            "invented" => Asker::Invented,
            other => Asker::Tenant(tenant(other)?),
        };
        let verb = Verb::ALL.into_iter().find(|known| known.name() == verb).ok_or(())?;
        Ok(Probe { asker, owner: tenant(owner)?, verb })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_read_as_it_is_written() {
        let all: Vec<_> = Probe::all(8).collect();
        assert_eq!(all.len(), 8 * 10 * Verb::ALL.len());
        assert!(all.iter().all(|probe| probe.to_string().parse() == Ok(*probe)));
        assert_eq!(all.iter().filter(|probe| probe.is_own()).count(), 8 * Verb::ALL.len());
        assert_eq!(Probe::all(1000).count(), Probe::all(16).count());
        for text in ["t1 read", "t1→t2", "t1→2 read", "who→t2 read", "t1→t2 admire", ""] {
            assert_eq!(text.parse::<Probe>(), Err(()), "{text}");
        }
    }
}
