//! Certificates as they were handed out, who signs them, and the lists of revoked ones that the nodes serve. Parsed only to
//! know whether a list is complete yet; what they are worth is judged later.

use crate::cluster::Node;
use crate::load::{Certificates, PkiMount};
use crate::model::{Event, RevocationList};
use crate::record::Journal;
use crate::vault::{RawAnswer, Wire, request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
/// A standby hears of a new list a little later; one that lacks an acknowledged revocation is asked for again so often, so
/// far apart.
const AGAIN: u32 = 20;
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Before the load: whom the certificates of this run are to be signed by.
pub async fn note_authority(wire: &Wire, mount: &PkiMount, journal: &Journal) -> Result<(), String> {
    let answer = get(wire, &format!("{}/ca", mount.path)).await?;
    journal.write(Event::CertificateAuthority { der: STANDARD.encode(&answer.body) });
    Ok(())
}

/// After everything has settled. What a node does not serve is not journalled.
pub async fn note_certificates(
    nodes: &[Node],
    wires: &[Arc<Wire>],
    mount: &PkiMount,
    certificates: &Certificates,
    journal: &Journal,
) {
    for certificate in certificates.all() {
        let (serial, der) = (certificate.serial.to_string(), STANDARD.encode(&certificate.der));
        journal.write(Event::Certificate { serial, der });
    }
    let revoked = certificates.revoked();
    let lists = nodes.iter().zip(wires).map(|(node, wire)| {
        let (revoked, path) = (&revoked, format!("{}/crl", mount.path));
        async move {
            let Some(list) = settled_list(wire, &path, revoked).await else { return };
            let (node, der) = (node.id.clone(), STANDARD.encode(list));
            journal.write(Event::RevocationList { node, der });
        }
    });
    futures_util::future::join_all(lists).await;
}

/// The first list that names all of `revoked`; the last one if none does.
async fn settled_list(wire: &Wire, path: &str, revoked: &BTreeSet<Box<str>>) -> Option<Bytes> {
    let mut last = None;
    for attempt in 0..=AGAIN {
        if attempt > 0 {
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        let Ok(answer) = get(wire, path).await else { continue };
        let is_complete = RevocationList::parse(&answer.body)
            .is_ok_and(|list| revoked.iter().all(|serial| list.serials.contains(&**serial)));
        last = Some(answer.body);
        if is_complete {
            break;
        }
    }
    last
}

/// These paths need no token.
async fn get(wire: &Wire, path: &str) -> Result<RawAnswer, String> {
    let asked = request("GET", path, None, Bytes::new());
    let answer = wire.send(asked, DEADLINE).await.map_err(|failure| format!("no answer: {failure:?}"))?;
    match answer.status {
        200 => Ok(answer),
        status => Err(format!("status {status}")),
    }
}
