//! What each backend can do by design: the one table behind `doctor` and behind `unsupported`.

use super::Ability;
use super::process::CANNOT_LOSE;

/// Whether a backend can do something, whatever this machine or an attach file adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    Yes,
    /// When the attach file gives this.
    With(&'static str),
    /// When root runs us, on the machine where the nodes are.
    AsRoot,
    /// By design not; why.
    No(&'static str),
}

impl Capability {
    /// Why not, as [`super::Cluster::lacks`] says it.
    pub fn lacks(self) -> Option<String> {
        match self {
            Capability::No(why) => Some(why.to_owned()),
            Capability::AsRoot if !rustix::process::geteuid().is_root() => Some("it takes root".to_owned()),
            Capability::Yes | Capability::With(_) | Capability::AsRoot => None,
        }
    }
}

/// `process`: child processes with TCP proxies between them where the scenario disturbs the network.
pub fn of_process(ability: Ability) -> Capability {
    match ability {
        Ability::LosePackets => Capability::No(CANNOT_LOSE),
        Ability::FillDisk => Capability::AsRoot,
        Ability::SlowDisk | Ability::LimitCpu | Ability::LimitMemory => {
            Capability::No("a limit of its own takes a container")
        }
        Ability::Disconnect => Capability::No("child processes share this machine's network"),
        _ => Capability::Yes,
    }
}

/// `docker`: containers on a bridge of their own, their network namespaces open to us.
pub fn of_docker(ability: Ability) -> Capability {
    match ability {
        Ability::FillDisk | Ability::SlowDisk => Capability::AsRoot,
        _ => Capability::Yes,
    }
}

/// `attach`: what hooks and files of an attach file can do to somebody else's cluster.
pub fn of_attach(ability: Ability) -> Capability {
    match ability {
        Ability::Kill => Capability::With("hook kill"),
        Ability::Stop => Capability::With("hook stop"),
        Ability::Pause => Capability::With("hooks pause, resume"),
        Ability::Start => Capability::With("hook start"),
        // A node that was started again is sealed, unless it unseals itself.
        Ability::Unseal => Capability::With("unseal_keys_file"),
        Ability::Operate => Capability::With("token_file"),
        Ability::CutPeers | Ability::CutClients | Ability::SlowPeers | Ability::LosePackets => {
            Capability::No("an attached cluster's network is not ours to disturb")
        }
        Ability::FillDisk
        | Ability::SlowDisk
        | Ability::LimitCpu
        | Ability::LimitMemory
        | Ability::Disconnect
        | Ability::RotateAudit => Capability::No("no hook is known for it"),
        Ability::Replace => Capability::With("hook upgrade"),
        Ability::DisturbKms => Capability::No("an attached cluster's seal is not ours to choose"),
        Ability::ReplaceKeys => Capability::No("an attached cluster's keys are not ours to replace"),
        Ability::Wipe => Capability::No("the stores of an attached cluster are not ours to wipe"),
        Ability::StopDatabase => Capability::No("the database of an attach file is not ours to take away"),
    }
}
