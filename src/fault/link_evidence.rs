//! What packets of our own must show of a network, before, during and after a fault. Sends none itself: whoever
//! has a network at hand does, and what came of it is judged here.

use crate::cluster::LinkSighting;
use crate::model::{DelayMs, Impairment, LinkMap, NodeId, Party, Share};
use std::collections::BTreeMap;

/// One way between two nodes.
pub type Way = (NodeId, NodeId);
pub type Sightings = BTreeMap<Way, LinkSighting>;

/// A median may miss the delay that was asked for by so much, or by [`DELAY_SHARE`] of it where that is more.
const DELAY_SLACK_MS: f64 = 5.0;
const DELAY_SHARE: f64 = 0.1;
/// A loss that so few of a thousand runs would show by chance is not the one that was asked for.
const CHANCE_MIN: f64 = 0.0005;

/// Every way between two nodes.
pub fn ways(nodes: &[NodeId]) -> Vec<Way> {
    let from = |from: &NodeId| {
        let others = nodes.iter().filter(|to| *to != from).cloned().collect::<Vec<_>>();
        others.into_iter().map(|to| (from.clone(), to)).collect::<Vec<_>>()
    };
    nodes.iter().flat_map(from).collect()
}

pub fn asked_of(map: &LinkMap, (from, to): &Way) -> Impairment {
    map.between(&Party::Node(from.clone()), &Party::Node(to.clone()))
}

pub fn add(total: &mut Sightings, round: Sightings) {
    for (way, seen) in round {
        let sum = total.entry(way).or_default();
        sum.sent += seen.sent;
        sum.arrived += seen.arrived;
        sum.delays_ms.extend(seen.delays_ms);
        sum.delays_ms.sort_by(f64::total_cmp);
    }
}

pub fn delay_ms(seen: &LinkSighting) -> Option<DelayMs> {
    let delays = &seen.delays_ms;
    let (min, max) = (*delays.first()?, *delays.last()?);
    Some(DelayMs { min, median: delays[delays.len() / 2], max })
}

/// Whether something arrived where everything is cut: nothing that comes later can excuse it.
pub fn leaks(map: &LinkMap, seen: &Sightings) -> bool {
    seen.iter().any(|(way, seen)| asked_of(map, way).cut.is_some() && seen.arrived > 0)
}

/// Whether the network is just as `map` says; `before` is what the same ways were like untouched. Says how it is
/// known, or what was seen instead.
pub fn shows(map: &LinkMap, before: &Sightings, seen: &Sightings) -> Result<String, String> {
    let (mut cut, mut open, mut slow, mut lossy) =
        (Sum::default(), Sum::default(), Vec::new(), Sum::default());
    let mut loss = 0.0;
    let mut narrow = false;
    for (way, sighting) in seen {
        let (from, to) = way;
        let asked = asked_of(map, way);
        let LinkSighting { sent, arrived, .. } = *sighting;
        let wrong = |why: String| Err(format!("from {from} to {to} {why}"));
        if sent == 0 {
            return wrong("no packet of ours could be sent".into());
        }
        if asked.cut.is_some() {
            if arrived > 0 {
                return wrong(format!("{arrived} of {sent} packets arrived, although it is cut"));
            }
            cut.add(sighting);
            continue;
        }
        let may_lose = asked.loss > 0.0 || asked.bytes_per_s.is_some();
        if arrived < sent && (!may_lose || arrived == 0) {
            return wrong(format!("only {arrived} of {sent} packets arrived"));
        }
        if asked.is_none() {
            open.add(sighting);
        }
        if asked.loss > 0.0 {
            loss = asked.loss;
            lossy.add(sighting);
        }
        narrow |= asked.bytes_per_s.is_some();
        if !asked.delay.0.is_zero() {
            let (Some(now), Some(then)) = (delay_ms(sighting), before.get(way).and_then(delay_ms)) else {
                return wrong("no packet could be timed".into());
            };
            let added_ms = now.median - then.median;
            let asked_ms = asked.delay.as_ms();
            let slack_ms = asked.spread.as_ms() + DELAY_SLACK_MS.max(asked_ms * DELAY_SHARE);
            // A queue before a narrow way may add more.
            let too_late = asked.bytes_per_s.is_none() && added_ms > asked_ms + slack_ms;
            if added_ms < asked_ms - slack_ms || too_late {
                return wrong(format!("packets came {added_ms:.1} ms later, not {asked_ms:.0} ms"));
            }
            slow.push(added_ms);
        }
    }
    let mut found = Vec::new();
    if cut.ways > 0 {
        found.push(format!("0 of {} packets arrived on {} ways that are cut", cut.sent, cut.ways));
    }
    if let (Some(least), Some(most)) =
        (slow.iter().copied().reduce(f64::min), slow.iter().copied().reduce(f64::max))
    {
        found.push(format!("packets came {least:.1} to {most:.1} ms later on {} ways", slow.len()));
    }
    if lossy.ways > 0 {
        let lost = lossy.sent - lossy.arrived;
        if !is_plausible(lossy.sent, lost, loss) {
            let of = lossy.sent;
            return Err(format!("{lost} of {of} packets were lost, which {} does not explain", Share(loss)));
        }
        found.push(format!("{lost} of {} packets were lost on {} ways", lossy.sent, lossy.ways));
    }
    if narrow {
        found.push("the bandwidth was set and not measured".to_owned());
    }
    if open.ways > 0 {
        found.push(format!("all {} arrived on {} ways that are open", open.sent, open.ways));
    }
    Ok(found.join(", "))
}

#[derive(Default)]
struct Sum {
    ways: u32,
    sent: u32,
    arrived: u32,
}

impl Sum {
    fn add(&mut self, seen: &LinkSighting) {
        self.ways += 1;
        self.sent += seen.sent;
        self.arrived += seen.arrived;
    }
}

/// Whether so many lost are within what chance makes of the share that was asked for, and are not none at all.
fn is_plausible(sent: u32, lost: u32, share: f64) -> bool {
    // Binomial, by logarithms: thousands of packets would underflow otherwise.
    let (mut ln_at, mut at_most, mut at_least) = (f64::from(sent) * (1.0 - share).ln(), 0.0, 0.0);
    for k in 0..=sent {
        if k <= lost {
            at_most += ln_at.exp();
        }
        if k >= lost {
            at_least += ln_at.exp();
        }
        ln_at += (f64::from(sent - k) / f64::from(k + 1)).ln() + (share / (1.0 - share)).ln();
    }
    lost > 0 && at_most >= CHANCE_MIN && at_least >= CHANCE_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Between, Cut, LinkFault, Shape, Span};

    fn nodes() -> Vec<NodeId> {
        ["n1", "n2", "n3"].map(NodeId::new).to_vec()
    }

    fn map(shape: Shape, impairment: Impairment) -> LinkMap {
        let fault = LinkFault { shape, between: Between::Peers, impairment, flap: None };
        fault.map(&nodes(), &nodes()[..1])
    }

    fn cut(shape: Shape) -> LinkMap {
        map(shape, Impairment { cut: Some(Cut::BlackHole), ..Impairment::default() })
    }

    /// What is seen of each way, 100 packets.
    fn seen(of: impl Fn(&str, &str) -> (u32, f64)) -> Sightings {
        let sighting = |(from, to): Way| {
            let (arrived, delay) = of(from.as_str(), to.as_str());
            let delays_ms = vec![delay; arrived as usize];
            ((from, to), LinkSighting { sent: 100, arrived, delays_ms })
        };
        ways(&nodes()).into_iter().map(sighting).collect()
    }

    #[test]
    fn a_cut_is_shown_only_when_nothing_arrives_and_the_rest_does() {
        let (map, before) = (cut(Shape::Group), seen(|_, _| (100, 0.1)));
        let isolated = |from: &str, to: &str| from == "n1" || to == "n1";
        let found = shows(&map, &before, &seen(|a, b| if isolated(a, b) { (0, 0.0) } else { (100, 0.1) }));
        let words =
            "0 of 400 packets arrived on 4 ways that are cut, all 200 arrived on 2 ways that are open";
        assert_eq!(found.unwrap(), words);
        let leak = seen(|a, b| if isolated(a, b) { ((a == "n3").into(), 0.1) } else { (100, 0.1) });
        let why = shows(&map, &before, &leak).unwrap_err();
        assert!(why.contains("from n3 to n1 1 of 100 packets arrived, although it is cut"), "{why}");
        assert!(leaks(&map, &leak));
        let too_much = seen(|a, b| if isolated(a, b) || a == "n2" { (0, 0.1) } else { (100, 0.1) });
        let why = shows(&map, &before, &too_much).unwrap_err();
        assert!(why.contains("from n2 to n3 only 0 of 100"), "{why}");
        assert!(!leaks(&map, &too_much));
        assert!(shows(&map, &before, &before).is_err(), "a network that is whole shows no cut");
    }

    #[test]
    fn one_way_is_shown_only_when_the_way_back_stays_open() {
        let (map, before) = (cut(Shape::Deaf), seen(|_, _| (100, 0.1)));
        let during = |back: u32| seen(move |_, to| (if to == "n1" { 0 } else { back }, 0.1));
        let found = shows(&map, &before, &during(100)).unwrap();
        assert!(found.starts_with("0 of 200 packets arrived on 2 ways that are cut, all 400"), "{found}");
        assert!(shows(&map, &before, &during(0)).is_err());
    }

    #[test]
    fn a_delay_is_shown_only_within_its_tolerance() {
        let slow = Impairment { delay: Span::from_ms(50), ..Impairment::default() };
        let (map, before) = (map(Shape::Every, slow), seen(|_, _| (100, 0.4)));
        let later = |ms: f64| seen(move |a, b| (100, if a == "n1" || b == "n1" { ms } else { 0.4 }));
        assert!(shows(&map, &before, &later(52.0)).unwrap().contains("51.6 to 51.6 ms later on 4 ways"));
        for ms in [0.4, 44.0, 57.0] {
            assert!(shows(&map, &before, &later(ms)).is_err(), "{ms}");
        }
    }

    #[test]
    fn a_loss_is_shown_only_when_chance_allows_it() {
        let lossy = Impairment { loss: 0.1, ..Impairment::default() };
        let (map, before) = (map(Shape::Every, lossy), seen(|_, _| (100, 0.1)));
        let arriving =
            |of_each: u32| seen(move |a, b| (if a == "n1" || b == "n1" { of_each } else { 100 }, 0.1));
        assert!(shows(&map, &before, &arriving(91)).unwrap().contains("36 of 400 packets were lost"));
        for of_each in [100, 99, 70] {
            let why = shows(&map, &before, &arriving(of_each)).unwrap_err();
            assert!(why.contains("which 10% does not explain"), "{why}");
        }
        assert!(
            is_plausible(5_000, 500, 0.1) && !is_plausible(5_000, 650, 0.1) && !is_plausible(10, 0, 0.01)
        );
    }

    #[test]
    fn a_network_is_whole_only_when_everything_arrives() {
        let (whole, before) = (LinkMap::default(), seen(|_, _| (100, 0.1)));
        assert_eq!(shows(&whole, &before, &before).unwrap(), "all 600 arrived on 6 ways that are open");
        let lame = seen(|from, _| (if from == "n2" { 99 } else { 100 }, 0.1));
        assert!(shows(&whole, &before, &lame).unwrap_err().contains("only 99 of 100 packets arrived"));
    }
}
