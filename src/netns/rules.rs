//! A node's part of the network as rules of nftables: text for `nft -f`, applied as one transaction.

use super::part::{Part, Peer};
use crate::model::{Cut, Impairment};
use std::fmt::Write;
use std::net::IpAddr;

/// Ours alone; nobody else's table is read or written.
pub const TABLE: &str = "inet vaultquake";
/// Where packets are sent that are to be held back. A regular chain, so that what it holds outlives the rules.
pub const HOLD: &str = "hold";

/// Packets are lost by chance in parts of a million.
const CHANCES: u32 = 1_000_000;

/// Makes our table anew and empty, whatever an agent before us left in it.
pub fn prepare() -> String {
    format!(
        "add table {TABLE}\n\
         delete table {TABLE}\n\
         add table {TABLE}\n\
         add chain {TABLE} {HOLD}\n\
         add chain {TABLE} input {{ type filter hook input priority filter; policy accept; }}\n\
         add chain {TABLE} output {{ type filter hook output priority filter; policy accept; }}\n"
    )
}

pub fn remove() -> String {
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

/// Rules of this part alone. `can_hold`: the hold chain works; without it a part that needs it must not be asked for
/// (see [`needs_hold`]).
pub fn set(part: &Part, can_hold: bool) -> String {
    let mut input = Vec::new();
    let mut output = Vec::new();
    for Peer { address, ways } in &part.peers {
        let (from, to) = match address {
            IpAddr::V4(address) => (format!("ip saddr {address}"), format!("ip daddr {address}")),
            IpAddr::V6(address) => (format!("ip6 saddr {address}"), format!("ip6 daddr {address}")),
        };
        match ways.incoming.cut {
            // What was on its way before the sender was refused.
            Some(_) => input.push(format!("{from} counter drop")),
            None => input.extend(slowed(&from, &ways.incoming)),
        }
        if ways.outgoing.cut == Some(Cut::Reject) {
            output.extend(refused(&to));
        }
        // What follows is about clients.
        input.push(format!("{from} accept"));
        output.push(format!("{to} accept"));
    }
    let clients = &part.clients;
    match clients.incoming.cut {
        Some(Cut::BlackHole) => input.push("counter drop".to_owned()),
        Some(Cut::Reject) => input.extend(refused("")),
        None => input.extend(slowed("", &clients.incoming)),
    }
    match clients.outgoing.cut {
        Some(Cut::Reject) => {
            // The refusals above are on their way to the clients, too.
            output.push("tcp flags & rst == rst accept".to_owned());
            output.extend(refused(""));
        }
        // A drop here is reported to the sender, who would send again soon: lost packets are lost by the holder.
        _ if can_hold && !clients.outgoing.is_none() => output.push(format!("counter goto {HOLD}")),
        Some(Cut::BlackHole) => output.push("counter drop".to_owned()),
        None => output.extend(slowed("", &clients.outgoing)),
    }

    let mut text = format!("flush chain {TABLE} input\nflush chain {TABLE} output\n");
    for (chain, rules, lo) in [("input", input, "iif"), ("output", output, "oif")] {
        let ours = [
            // A node always hears itself; refusals to its own sockets come this way too.
            format!("{lo} lo accept"),
            // Without neighbours there is no link at all, for nobody.
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept"
                .to_owned(),
        ];
        for rule in ours.iter().chain(&rules) {
            let _ = writeln!(text, "add rule {TABLE} {chain} {}", rule.trim_start());
        }
    }
    text
}

/// Whether packets must be held back to do this.
pub fn needs_hold(part: &Part) -> bool {
    let held = |way: &Impairment| way.cut.is_none() && is_slow(way);
    part.peers.iter().any(|peer| held(&peer.ways.incoming))
        || held(&part.clients.incoming)
        || held(&part.clients.outgoing)
}

fn is_slow(way: &Impairment) -> bool {
    !way.delay.0.is_zero() || !way.spread.0.is_zero() || way.bytes_per_s.is_some()
}

fn refused(who: &str) -> [String; 2] {
    [
        format!("{who} meta l4proto tcp counter reject with tcp reset"),
        format!("{who} meta l4proto != tcp counter reject"),
    ]
}

fn slowed(who: &str, way: &Impairment) -> Vec<String> {
    let mut rules = Vec::new();
    if is_slow(way) {
        // Loss too is the holder's, which knows the whole way.
        rules.push(format!("{who} counter goto {HOLD}"));
    } else if way.loss > 0.0 {
        let chances = (way.loss.min(1.0) * f64::from(CHANCES)).round() as u32;
        rules.push(format!("{who} numgen random mod {CHANCES} < {chances} counter drop"));
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::super::part::Ways;
    use super::*;
    use crate::model::Span;

    fn peer(incoming: Impairment, outgoing: Impairment) -> Part {
        let peers = vec![Peer { address: IpAddr::from([10, 0, 0, 2]), ways: Ways { incoming, outgoing } }];
        Part { peers, clients: Ways::default() }
    }

    fn cut(cut: Cut) -> Impairment {
        Impairment { cut: Some(cut), ..Impairment::default() }
    }

    #[test]
    fn a_black_hole_is_where_it_arrives_and_a_refusal_where_it_is_sent() {
        let deaf = set(&peer(cut(Cut::BlackHole), Impairment::default()), true);
        assert!(deaf.contains("input ip saddr 10.0.0.2 counter drop\n"), "{deaf}");
        assert!(!deaf.contains("daddr 10.0.0.2 counter"), "{deaf}");
        let silenced = set(&peer(Impairment::default(), cut(Cut::BlackHole)), true);
        assert!(!silenced.contains("drop"), "{silenced}");
        let refused = set(&peer(Impairment::default(), cut(Cut::Reject)), true);
        assert!(
            refused.contains("output ip daddr 10.0.0.2 meta l4proto tcp counter reject with tcp reset\n")
        );
    }

    #[test]
    fn peers_are_let_through_before_anything_is_done_to_clients() {
        let mut part = peer(Impairment::default(), Impairment::default());
        part.clients = Ways { incoming: cut(Cut::BlackHole), outgoing: cut(Cut::BlackHole) };
        let text = set(&part, false);
        let at = |rule: &str| text.find(rule).unwrap_or_else(|| panic!("{rule} in {text}"));
        assert!(at("input ip saddr 10.0.0.2 accept") < at("input counter drop"));
        assert!(at("output ip daddr 10.0.0.2 accept") < at("output counter drop"));
        assert!(set(&part, true).contains("output counter goto hold"));
    }

    #[test]
    fn only_what_must_wait_is_held() {
        let loss = Impairment { loss: 0.25, ..Impairment::default() };
        let part = peer(loss.clone(), Impairment::default());
        assert!(!needs_hold(&part));
        assert!(set(&part, true).contains("numgen random mod 1000000 < 250000 counter drop"));
        let slow = peer(Impairment { delay: Span::from_ms(5), ..loss }, Impairment::default());
        assert!(needs_hold(&slow));
        assert!(!set(&slow, true).contains("numgen"));
        assert!(!needs_hold(&peer(
            Impairment { delay: Span::from_ms(5), ..cut(Cut::Reject) },
            Impairment::default()
        )));
    }
}
