//! One connection through a link, from its handshake to its end.

use super::network::{Network, Way};
use super::pump::{Broken, Pump};
use crate::model::Party;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// Who dialled whom, and where the dialled one really listens.
pub struct Line {
    pub network: Arc<Network>,
    pub from: Party,
    pub to: Party,
    pub behind: SocketAddr,
    /// A connection of our own that acts as packets one way do: no handshake, no acknowledgements.
    pub is_probe: bool,
}

enum End {
    /// Both have said all they had to say.
    Closed,
    Reset,
    /// This end is gone; the other is told when the way there is open.
    Gone(Box<Way>),
}

pub async fn carry(line: Line, mut accepted: TcpStream) {
    let _counted = (!line.is_probe).then(|| line.network.count(&line.from, &line.to));
    let way = Way::new(&line.network, &line.from, &line.to, line.is_probe);
    let mut there = Pump::new(way.clone());
    if !line.is_probe && !shake_hands(way.clone(), &mut there, &mut accepted).await {
        return reset(&[&accepted]);
    }
    let Ok(mut dialled) = TcpStream::connect(line.behind).await else {
        return reset(&[&accepted]);
    };
    // Else the kernel would wait for more before it sends little, and every round trip would pay for it.
    let _ = (accepted.set_nodelay(true), dialled.set_nodelay(true));
    match exchange(way, there, &mut accepted, &mut dialled).await {
        End::Closed => {}
        End::Reset => reset(&[&accepted, &dialled]),
        End::Gone(mut way) => {
            way.refresh();
            while way.is_cut() && !way.is_rejected() {
                way.changed().await;
            }
            reset(&[&accepted, &dialled]);
        }
    }
}

/// Waits until a handshake could have been made: both ways open, for one round trip. False when it was rejected, or
/// given up by the dialler.
async fn shake_hands(mut way: Way, there: &mut Pump, accepted: &mut TcpStream) -> bool {
    let (source, _) = accepted.split();
    let mut shaken_at = None;
    loop {
        way.refresh();
        if way.is_rejected() {
            return false;
        }
        if way.is_cut() || way.is_cut_back() {
            shaken_at = None;
            // What is held until the heal would only be a dead dialler's.
            if there.has_ended() {
                return false;
            }
            tokio::select! {
                () = way.changed() => {}
                read = there.read(&source) => if read.is_err() { return false },
            }
            continue;
        }
        let now = Instant::now();
        let until = *shaken_at.get_or_insert(now + way.there.delay.0 + way.back.delay.0);
        if until <= now {
            return true;
        }
        tokio::select! {
            () = way.changed() => shaken_at = None,
            () = sleep_until(until) => {}
        }
    }
}

async fn exchange(way: Way, mut there: Pump, accepted: &mut TcpStream, dialled: &mut TcpStream) -> End {
    let mut watched = way.clone();
    let reversed = way.reversed();
    let mut back = Pump::new(reversed.clone());
    let (from_dialler, mut to_dialler) = accepted.split();
    let (from_dialled, mut to_dialled) = dialled.split();
    let both = async {
        tokio::try_join!(
            async { there.run(&from_dialler, &mut to_dialled).await.map_err(|end| end == Broken::Source) },
            async { back.run(&from_dialled, &mut to_dialler).await.map_err(|end| end == Broken::Target) },
        )
    };
    let rejected = async {
        watched.refresh();
        while !watched.is_rejected() {
            watched.changed().await;
        }
    };
    tokio::select! {
        biased;
        () = rejected => End::Reset,
        ended = both => match ended {
            Ok(_) => End::Closed,
            Err(is_dialler_gone) => End::Gone(Box::new(if is_dialler_gone { way } else { reversed })),
        },
    }
}

/// Dropped with unsent bytes discarded, the ends are told that the connection broke.
fn reset(streams: &[&TcpStream]) {
    for stream in streams {
        let _ = stream.set_zero_linger();
    }
}
