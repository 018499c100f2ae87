//! Nodes without servers: processes in network namespaces of their own, joined by a bridge in one more. All of it
//! vanishes with the processes, and they with us.

use libtest_mimic::Failed;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vaultquake::machine::children::die_with_parent;
use vaultquake::model::NodeId;
use vaultquake::netns::{Controller, Member, NamespaceOf};

/// This program, as it is tested.
pub const EXE: &str = env!("CARGO_BIN_EXE_vaultquake");
pub const NODES: [&str; 3] = ["n1", "n2", "n3"];
pub const CLIENT: &str = "client";
const WITHIN: Duration = Duration::from_secs(5);

/// A process in a network namespace of its own.
pub struct Place {
    process: Child,
    pub address: IpAddr,
}

impl Place {
    fn new(address: IpAddr) -> Result<Self, Failed> {
        let ours = namespace(std::process::id())?;
        let mut command = Command::new("unshare");
        command.args(["--net", "sleep", "600"]).stdin(Stdio::null());
        die_with_parent(&mut command);
        let place = Self { process: command.spawn()?, address };
        let until = Instant::now() + WITHIN;
        while namespace(place.pid())? == ours {
            assert!(Instant::now() < until, "no namespace of its own");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(place)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Runs a program in there; what it printed.
    pub fn run(&self, line: &str) -> Result<String, Failed> {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid().to_string(), "-n"]).args(line.split_whitespace());
        printed(line, command.output()?)
    }

    /// Does something in there, such as opening sockets, which stay in there.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/proc/{}/ns/net", self.pid())).unwrap();
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Process ids of the agents in there.
    pub fn agents(&self) -> Vec<u32> {
        let here = namespace(self.pid()).unwrap();
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let is_agent = |pid: &u32| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.contains("link-agent") && namespace(*pid).is_ok_and(|namespace| namespace == here)
        };
        pids.filter(is_agent).collect()
    }

    pub fn entrance(&self) -> Arc<NamespaceOf> {
        Arc::new(NamespaceOf::process(self.pid(), Path::new(EXE)).unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub struct Lab {
    hub: Place,
    places: BTreeMap<&'static str, Place>,
}

impl Lab {
    pub fn new() -> Result<Self, Failed> {
        let hub = Place::new(Ipv4Addr::UNSPECIFIED.into())?;
        hub.run("ip link add br0 type bridge")?;
        hub.run("ip link set br0 up")?;
        let mut lab = Self { hub, places: BTreeMap::new() };
        for (name, last) in NODES.into_iter().zip(1u8..).chain([(CLIENT, 100)]) {
            lab.place(name, last)?;
        }
        Ok(lab)
    }

    /// A place on the bridge; one that has the name already is gone then, as when a node is started anew.
    fn place(&mut self, name: &'static str, last: u8) -> Result<(), Failed> {
        self.places.remove(name);
        let place = Place::new(IpAddr::from([10, 213, 7, last]))?;
        let Self { hub, .. } = self;
        let pid = place.pid();
        hub.run(&format!("ip link add v{pid} type veth peer name eth0 netns {pid}"))?;
        hub.run(&format!("ip link set v{pid} master br0 up"))?;
        place.run("ip link set lo up")?;
        place.run(&format!("ip addr add {}/24 dev eth0", place.address))?;
        place.run("ip link set eth0 up")?;
        self.places.insert(name, place);
        Ok(())
    }

    pub fn restart(&mut self, name: &'static str) -> Result<(), Failed> {
        let IpAddr::V4(address) = self.at(name).address else { return Err("it has no such address".into()) };
        self.place(name, address.octets()[3])
    }

    pub fn at(&self, name: &str) -> &Place {
        &self.places[name]
    }

    /// Agents in all nodes.
    pub async fn controller(&self) -> Result<Controller, Failed> {
        let members = NODES.map(|name| Member { id: NodeId::new(name), address: self.at(name).address });
        let controller = Controller::new(members);
        for name in NODES {
            controller.attend(&NodeId::new(name), self.at(name).entrance()).await?;
        }
        Ok(controller)
    }
}

pub fn printed(line: &str, output: Output) -> Result<String, Failed> {
    if !output.status.success() {
        return Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until it holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < until, "{what}: not within {WITHIN:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn namespace(pid: u32) -> std::io::Result<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/net"))
}
