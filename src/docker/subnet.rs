//! A subnet for a run's network: one that neither the engine nor this machine knows yet.

use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// The addresses of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet(Ipv4Net);

/// The bridge itself has the first address.
const FIRST_NODE: u32 = 11;

impl Subnet {
    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }

    /// This machine, as containers reach it.
    pub fn gateway(&self) -> Ipv4Addr {
        self.host(1)
    }

    /// The fixed address of a node, counted from 0; what comes back after a fault has it again.
    pub fn node(&self, index: usize) -> Ipv4Addr {
        self.host(FIRST_NODE + index as u32)
    }

    fn host(&self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0.network().to_bits() + number)
    }

    pub(super) fn is_free(&self, taken: &[Ipv4Net]) -> bool {
        // A route to half the world (a VPN) is no obstacle: the bridge's own is narrower, and wins.
        !taken
            .iter()
            .any(|other| other.contains(&self.0) && other.prefix_len() > 12 || self.0.contains(other))
    }
}

/// What may be tried, in this order: parts of the private ranges that are seldom in use. `seed` varies where it
/// begins, so that two runs seldom try the same.
pub fn candidates(seed: u8) -> Vec<Subnet> {
    let ranges = [[10, 222], [172, 30], [192, 168]];
    let thirds = (0..=255u8).map(|third| third.wrapping_add(seed));
    let thirds: Vec<_> = thirds.collect();
    let subnet = |[a, b]: [u8; 2], third| Ipv4Net::new_assert(Ipv4Addr::new(a, b, third, 0), 24);
    ranges
        .into_iter()
        .flat_map(|range| thirds.iter().map(move |third| Subnet(subnet(range, *third))))
        .collect()
}

/// Where this machine's routes lead, the default one left out. Of the kernel's table, whose columns are
/// interface, destination, gateway, flags, reference count, use, metric and mask; addresses are hexadecimal,
/// as they lie in memory.
pub(super) fn routed(table: &str) -> Vec<Ipv4Net> {
    let address = |text: &str| {
        let bits = u32::from_str_radix(text, 16).ok()?;
        Some(Ipv4Addr::from(bits.to_ne_bytes()))
    };
    let route = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (to, mask) = (address(columns.get(1)?)?, address(columns.get(7)?)?);
        Ipv4Net::with_netmask(to, mask).ok()
    };
    table.lines().skip(1).filter_map(route).filter(|net| net.prefix_len() > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn each_candidate_is_another_and_begins_where_the_seed_says() {
        let all = candidates(7);
        assert_eq!(all[0].text(), "10.222.7.0/24");
        assert_eq!(all[249].text(), "10.222.0.0/24");
        let distinct: std::collections::BTreeSet<_> = all.iter().map(Subnet::text).collect();
        assert_eq!((all.len(), distinct.len()), (768, 768));
        assert_eq!(all[0].gateway().to_string(), "10.222.7.1");
        assert_eq!(all[0].node(2).to_string(), "10.222.7.13");
    }

    #[test]
    fn what_overlaps_is_not_free_but_for_a_route_to_half_the_world() {
        let subnet = candidates(7)[0];
        for (taken, free) in [
            ("10.222.8.0/24", true),
            ("10.222.7.0/24", false),
            ("10.222.7.128/25", false),
            ("10.222.0.0/16", false),
            ("10.0.0.0/8", true),
        ] {
            assert_eq!(subnet.is_free(&[net(taken)]), free, "{taken}");
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_table_is_read() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(routed(table), [net("172.17.0.0/16")]);
    }
}
