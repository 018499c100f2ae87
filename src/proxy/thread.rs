//! The thread that all links run in, and how others reach it.

use super::front::{Front, serve};
use super::network::Network;
use super::probe::{Sighting, probe};
use crate::machine::priority;
use crate::model::{LinkMap, Party};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// All links of a cluster. Dropping it closes them.
pub struct Proxy {
    network: Arc<Network>,
    runtime: Handle,
    fronts: Mutex<HashMap<SocketAddr, JoinHandle<()>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// A map that is in force.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// It held on every link from then on.
    pub at: Instant,
    /// Open connections that it disturbs.
    pub disturbed: usize,
    /// Open connections, these included.
    pub open: usize,
}

impl Proxy {
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("proxy".into()).spawn(move || {
            priority::be_prompt();
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self {
            network: Network::new(),
            runtime: handle,
            fronts: Mutex::default(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Listens for a party. Nothing happens when its port is open already.
    ///
    /// # Errors
    /// The port is somebody else's.
    pub fn open(&self, front: &Front) -> io::Result<()> {
        let mut fronts = self.fronts.lock().unwrap();
        if fronts.contains_key(&front.listen) {
            return Ok(());
        }
        let listener = std::net::TcpListener::bind(front.listen)?;
        listener.set_nonblocking(true)?;
        let _entered = self.runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let serving = self.runtime.spawn(serve(front.clone(), listener, self.network.clone()));
        fronts.insert(front.listen, serving);
        Ok(())
    }

    /// New connections are refused from now on. Open ones go on.
    pub async fn close(&self, listen: SocketAddr) {
        let serving = self.fronts.lock().unwrap().remove(&listen);
        if let Some(serving) = serving {
            serving.abort();
            let _ = serving.await;
        }
    }

    /// Makes the network as `map` says, on all links at once.
    ///
    /// # Errors
    /// It is not known of every connection whose it is, or the thread has ended.
    pub async fn set(&self, map: LinkMap) -> io::Result<Applied> {
        if let Some(trouble) = self.network.trouble.lock().unwrap().clone() {
            return Err(io::Error::other(trouble));
        }
        let network = self.network.clone();
        // In the thread of the pumps: while this runs, none of them does.
        let applied = self.runtime.spawn(async move {
            let (disturbed, open) = network.set(map);
            Applied { at: Instant::now(), disturbed, open }
        });
        applied.await.map_err(io::Error::other)
    }

    /// Packets of our own from one party through the front at `listen`, which is of the other.
    pub async fn probe(&self, from: &Party, to: &Party, listen: SocketAddr) -> io::Result<Sighting> {
        probe(&self.network, from, to, listen).await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
