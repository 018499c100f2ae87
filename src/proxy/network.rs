//! The network as it is now, and what one way of a connection meets in it.

use super::pacer::Pacer;
use super::probe::Registration;
use crate::model::{Cut, Impairment, LinkMap, Party};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

type Link = (Party, Party);

pub struct Network {
    map: watch::Sender<Arc<LinkMap>>,
    pacers: Mutex<BTreeMap<Link, Arc<Pacer>>>,
    /// Open connections, by who dialled whom.
    open: Mutex<BTreeMap<Link, usize>>,
    /// By local port: connections of our own that act as a node's.
    pub probes: Mutex<HashMap<u16, Registration>>,
    /// Why a dialler could not be told. What is not known cannot be cut, so a cut must not be reported then.
    pub trouble: Mutex<Option<String>>,
}

impl Network {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            map: watch::Sender::new(Arc::default()),
            pacers: Mutex::default(),
            open: Mutex::default(),
            probes: Mutex::default(),
            trouble: Mutex::default(),
        })
    }

    /// Puts the map in force. How many open connections it touches, and how many there are.
    pub fn set(&self, map: LinkMap) -> (usize, usize) {
        let map = Arc::new(map);
        let before = self.map.send_replace(map.clone());
        for (link, pacer) in self.pacers.lock().unwrap().iter() {
            if before.between(&link.0, &link.1).bytes_per_s != map.between(&link.0, &link.1).bytes_per_s {
                pacer.forget();
            }
        }
        let open = self.open.lock().unwrap();
        let is_touched =
            |(from, to): &Link| !map.between(from, to).is_none() || !map.between(to, from).is_none();
        let touched = open.iter().filter(|(link, _)| is_touched(link)).map(|(_, count)| count).sum();
        (touched, open.values().sum())
    }

    pub fn between(&self, from: &Party, to: &Party) -> Impairment {
        self.map.borrow().between(from, to)
    }

    fn pacer(&self, link: &Link) -> Arc<Pacer> {
        let mut pacers = self.pacers.lock().unwrap();
        pacers.entry(link.clone()).or_insert_with(|| Arc::new(Pacer::new())).clone()
    }

    /// Counted until it is dropped.
    pub fn count(self: &Arc<Self>, from: &Party, to: &Party) -> Counted {
        let link = (from.clone(), to.clone());
        *self.open.lock().unwrap().entry(link.clone()).or_default() += 1;
        Counted { network: self.clone(), link }
    }
}

pub struct Counted {
    network: Arc<Network>,
    link: Link,
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(count) = self.network.open.lock().unwrap().get_mut(&self.link) {
            *count -= 1;
        }
    }
}

/// What a connection meets from one party to the other. It is a copy, true until [`Way::refresh`] says otherwise.
#[derive(Clone)]
pub struct Way {
    network: Arc<Network>,
    seen: watch::Receiver<Arc<LinkMap>>,
    link: Link,
    pub there: Impairment,
    pub back: Impairment,
    pub pacer: Arc<Pacer>,
    /// Probes act as packets do: what becomes of the way back is nothing to them.
    pub is_one_way: bool,
}

impl Way {
    pub fn new(network: &Arc<Network>, from: &Party, to: &Party, is_one_way: bool) -> Self {
        let link = (from.clone(), to.clone());
        let mut way = Self {
            network: network.clone(),
            seen: network.map.subscribe(),
            pacer: network.pacer(&link),
            link,
            there: Impairment::default(),
            back: Impairment::default(),
            is_one_way,
        };
        way.read();
        way
    }

    /// The same connection, the other way.
    pub fn reversed(&self) -> Self {
        Self::new(&self.network, &self.link.1, &self.link.0, self.is_one_way)
    }

    fn read(&mut self) {
        let map = self.seen.borrow_and_update().clone();
        self.there = map.between(&self.link.0, &self.link.1);
        self.back = match self.is_one_way {
            true => Impairment::default(),
            false => map.between(&self.link.1, &self.link.0),
        };
    }

    /// Looks again; whether the network has changed since the last look.
    pub fn refresh(&mut self) -> bool {
        let has_changed = self.seen.has_changed().unwrap_or(false);
        if has_changed {
            self.read();
        }
        has_changed
    }

    /// Returns when the network has changed, and has looked at it.
    pub async fn changed(&mut self) {
        if self.seen.changed().await.is_err() {
            // The network is gone, and this connection with it.
            std::future::pending::<()>().await;
        }
        self.read();
    }

    pub fn is_cut(&self) -> bool {
        self.there.cut.is_some()
    }

    pub fn is_cut_back(&self) -> bool {
        self.back.cut.is_some()
    }

    pub fn is_rejected(&self) -> bool {
        [self.there.cut, self.back.cut].contains(&Some(Cut::Reject))
    }
}
