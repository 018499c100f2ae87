//! The one rule that hands packets to us: the hold chain's. Kernels have it in one of two shapes.

use super::netlink::{ACK, APPEND, CREATE, Messages, REQUEST, Socket, attribute, nest, text};
use super::rules::{HOLD, TABLE};
use super::table;
use std::io;

/// Of this number, one in each namespace; nobody counts so high by hand.
pub const QUEUE: u16 = 7_201;

const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NF_TABLES: u16 = 10;
const NEW_RULE: u16 = NF_TABLES << 8 | 6;
const INET: u8 = 1;

/// Fills the hold chain, which must be empty. Packets pass when nobody listens. Returns by what means, in words.
pub async fn fill() -> Result<String, String> {
    let rule = format!("add rule {TABLE} {HOLD} queue num {QUEUE} bypass\n");
    let refused = match table::apply(&rule).await {
        Ok(()) => return Ok("nftables queue".to_owned()),
        Err(refused) => refused,
    };
    match fill_by_target() {
        Ok(()) => Ok("NFQUEUE".to_owned()),
        Err(error) => Err(format!(
            "this kernel can hold no packets back: no nftables queue ({refused}) and no NFQUEUE ({error}); \
             it needs CONFIG_NFT_QUEUE or CONFIG_NETFILTER_XT_TARGET_NFQUEUE"
        )),
    }
}

/// The older target as an expression of nftables: the shape in which `iptables` would write it, but in our table.
fn fill_by_target() -> io::Result<()> {
    // Revision 3: number of the queue, how many queues, 1 = pass when nobody listens.
    let details: Vec<u8> = [QUEUE, 1, 1, 0].iter().flat_map(|number| number.to_ne_bytes()).collect();
    let target = [text(1, "NFQUEUE"), attribute(2, &3u32.to_be_bytes()), attribute(3, &details)];
    let expression = nest(1, &[text(1, "target"), nest(2, &target)]);
    let table = TABLE.split_whitespace().last().unwrap_or_default();
    let rule = [text(1, table), text(2, HOLD), nest(4, &[expression])].concat();
    let messages = Messages::default()
        .add(BATCH_BEGIN, REQUEST, 0, NF_TABLES, &[])
        .add(NEW_RULE, REQUEST | ACK | CREATE | APPEND, INET, 0, &rule)
        .add(BATCH_END, REQUEST, 0, NF_TABLES, &[]);
    Socket::open()?.ask(&messages)
}
