//! Links carry real connections between real sockets, and are cut, slowed and healed meanwhile.

use super::*;
use crate::model::{Cut, Impairment, LinkMap, NodeId, Party, Span};
use proptest::prelude::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// Longer than anything here takes that is not held back.
const SOON: Duration = Duration::from_secs(5);
/// Long enough for what is not held back to arrive.
const MEANWHILE: Duration = Duration::from_millis(150);

/// A proxy in front of n1, dialled by clients.
struct Bench {
    proxy: Proxy,
    front: Front,
    behind: TcpListener,
}

fn n1() -> Party {
    Party::Node(NodeId::new("n1"))
}

impl Bench {
    async fn new(dialers: Dialers) -> Self {
        let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = reserved.local_addr().unwrap();
        drop(reserved);
        let front = Front { listen, party: n1(), behind: behind.local_addr().unwrap(), dialers };
        let proxy = Proxy::start().unwrap();
        proxy.open(&front).unwrap();
        Self { proxy, front, behind }
    }

    async fn clients() -> Self {
        Self::new(Dialers::Clients).await
    }

    async fn connect(&self) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(self.front.listen).await.unwrap();
        let (far, _) = timeout(SOON, self.behind.accept()).await.expect("it comes through").unwrap();
        near.set_nodelay(true).unwrap();
        (near, far)
    }

    async fn set(&self, there: Impairment, back: Impairment) -> Applied {
        let links = [((Party::Clients, n1()), there), ((n1(), Party::Clients), back)];
        self.proxy.set(LinkMap(links.into())).await.unwrap()
    }

    async fn heal(&self) -> Applied {
        self.proxy.set(LinkMap::default()).await.unwrap()
    }
}

fn cut(cut: Cut) -> Impairment {
    Impairment { cut: Some(cut), ..Impairment::default() }
}

fn open() -> Impairment {
    Impairment::default()
}

async fn says(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
}

async fn hears(stream: &mut TcpStream, text: &[u8]) {
    let mut heard = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut heard)).await.expect("it arrives").unwrap();
    assert_eq!(heard, text);
}

async fn hears_nothing(stream: &mut TcpStream) {
    let heard = timeout(MEANWHILE, stream.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// Whether the connection was reset, and not closed in order.
async fn is_reset(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match timeout(SOON, stream.read_to_end(&mut rest)).await.expect("it ends") {
        Ok(_) => false,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[tokio::test]
async fn bytes_and_ends_pass_both_ways() {
    let bench = Bench::clients().await;
    let (mut near, mut far) = bench.connect().await;
    says(&mut near, b"hello").await;
    hears(&mut far, b"hello").await;
    near.shutdown().await.unwrap();
    assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
    says(&mut far, b"still here").await;
    hears(&mut near, b"still here").await;
    drop(far);
    assert!(!is_reset(&mut near).await);
}

#[tokio::test]
async fn a_black_hole_holds_back_and_the_heal_delivers() {
    let bench = Bench::clients().await;
    let (mut near, mut far) = bench.connect().await;
    let applied = bench.set(cut(Cut::BlackHole), cut(Cut::BlackHole)).await;
    assert_eq!((applied.disturbed, applied.open), (1, 1));
    says(&mut near, b"lost?").await;
    says(&mut far, b"me too?").await;
    hears_nothing(&mut far).await;
    hears_nothing(&mut near).await;
    says(&mut near, b" no").await;
    assert_eq!(bench.heal().await.disturbed, 0);
    hears(&mut far, b"lost? no").await;
    hears(&mut near, b"me too?").await;
}

#[tokio::test]
async fn what_an_end_gave_up_while_it_was_cut_off_is_closed_after_the_heal() {
    let bench = Bench::clients().await;
    let (mut near, mut far) = bench.connect().await;
    bench.set(cut(Cut::BlackHole), cut(Cut::BlackHole)).await;
    says(&mut near, b"last words").await;
    drop(near);
    hears_nothing(&mut far).await;
    bench.heal().await;
    hears(&mut far, b"last words").await;
    assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_new_connection_hangs_while_either_way_is_cut_and_goes_on_after_the_heal() {
    for (there, back) in [(cut(Cut::BlackHole), open()), (open(), cut(Cut::BlackHole))] {
        let bench = Bench::clients().await;
        bench.set(there, back).await;
        let mut given_up = TcpStream::connect(bench.front.listen).await.unwrap();
        says(&mut given_up, b"anybody?").await;
        let mut patient = TcpStream::connect(bench.front.listen).await.unwrap();
        says(&mut patient, b"hello").await;
        assert!(timeout(MEANWHILE, bench.behind.accept()).await.is_err());
        drop(given_up);
        hears_nothing(&mut patient).await;
        bench.heal().await;
        let (mut far, _) = timeout(SOON, bench.behind.accept()).await.unwrap().unwrap();
        hears(&mut far, b"hello").await;
        assert!(timeout(MEANWHILE, bench.behind.accept()).await.is_err(), "the other gave up");
    }
}

#[tokio::test]
async fn one_way_cut_the_other_goes_on_for_a_window() {
    let bench = Bench::clients().await;
    let (mut near, mut far) = bench.connect().await;
    bench.set(cut(Cut::BlackHole), open()).await;
    says(&mut near, b"unheard").await;
    says(&mut far, b"heard").await;
    hears(&mut near, b"heard").await;
    hears_nothing(&mut far).await;
    let much = vec![7; 4 * WINDOW];
    let (mut reader, mut writer) = far.into_split();
    let writing = tokio::spawn(async move { writer.write_all(&much).await.map(|()| writer) });
    let mut arrived = vec![0; WINDOW - b"heard".len()];
    timeout(SOON, near.read_exact(&mut arrived)).await.unwrap().unwrap();
    hears_nothing(&mut near).await;
    bench.heal().await;
    let mut rest = vec![0; 4 * WINDOW - arrived.len()];
    timeout(SOON, near.read_exact(&mut rest)).await.unwrap().unwrap();
    let mut unheard = [0; 7];
    timeout(SOON, reader.read_exact(&mut unheard)).await.unwrap().unwrap();
    assert_eq!(&unheard, b"unheard");
    writing.await.unwrap().unwrap();
}

#[tokio::test]
async fn reject_resets_old_and_new_connections() {
    let bench = Bench::clients().await;
    let (mut near, mut far) = bench.connect().await;
    bench.set(cut(Cut::Reject), open()).await;
    assert!(is_reset(&mut near).await && is_reset(&mut far).await);
    // The reset may come before the dial is done.
    if let Ok(mut new) = TcpStream::connect(bench.front.listen).await {
        assert!(is_reset(&mut new).await);
    }
    bench.heal().await;
    let (mut near, mut far) = bench.connect().await;
    says(&mut near, b"again").await;
    hears(&mut far, b"again").await;
}

#[tokio::test]
async fn nobody_behind_and_a_closed_port_are_told_apart() {
    let Bench { proxy, front, behind } = Bench::clients().await;
    drop(behind);
    if let Ok(mut near) = TcpStream::connect(front.listen).await {
        assert!(is_reset(&mut near).await);
    }
    proxy.close(front.listen).await;
    let refused = TcpStream::connect(front.listen).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.open(&front).unwrap();
    // The reset may come before the dial is done.
    let opened = TcpStream::connect(front.listen).await.map_err(|error| error.kind());
    assert_ne!(opened.err(), Some(std::io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn memory_is_bounded_while_nothing_flows() {
    let bench = Bench::clients().await;
    let (mut near, _far) = bench.connect().await;
    bench.set(cut(Cut::BlackHole), open()).await;
    let (piece, mut taken) = ([1; 64 << 10], 0);
    // The kernel's own buffers on both sides of the proxy come on top of the queue.
    while timeout(Duration::from_millis(500), near.write_all(&piece)).await.is_ok() {
        taken += piece.len();
        assert!(taken < 64 << 20, "it takes whatever comes");
    }
    assert!(taken >= QUEUE_MAX, "{taken}");
}

#[tokio::test]
async fn a_narrow_way_is_as_narrow_as_asked_for_all_its_connections_together() {
    let bench = Bench::clients().await;
    let (rate, each) = (2_000_000, 1_000_000);
    let pairs = [bench.connect().await, bench.connect().await];
    bench.set(Impairment { bytes_per_s: Some(rate), ..open() }, open()).await;
    let began = Instant::now();
    let moved = pairs.map(|(mut near, mut far)| async move {
        let sending = tokio::spawn(async move {
            near.write_all(&vec![3; each]).await.unwrap();
            near
        });
        far.read_exact(&mut vec![0; each]).await.unwrap();
        sending.await.unwrap();
    });
    futures_util::future::join_all(moved).await;
    let measured = 2.0 * each as f64 / began.elapsed().as_secs_f64();
    let ratio = measured / rate as f64;
    assert!((0.85..1.15).contains(&ratio), "{measured:.0} of {rate} bytes/s");
}

fn median(sighting: &Sighting) -> f64 {
    sighting.delays_ms[sighting.delays_ms.len() / 2]
}

#[tokio::test]
async fn a_probe_measures_the_delay_of_one_way() {
    let bench = Bench::clients().await;
    let probe = || bench.proxy.probe(&Party::Clients, &bench.front.party, bench.front.listen);
    let before = probe().await.unwrap();
    assert_eq!((before.sent, before.delays_ms.len()), (20, 20));
    assert!(median(&before) < 3.0, "{before:?}");
    let delay = Impairment { delay: Span::from_ms(50), ..open() };
    bench.set(delay.clone(), Impairment { delay: Span::from_ms(400), ..open() }).await;
    let slow = probe().await.unwrap();
    assert_eq!(slow.delays_ms.len(), 20);
    assert!((50.0..53.0).contains(&median(&slow)), "{slow:?}");
    bench.set(Impairment { spread: Span::from_ms(20), ..delay }, open()).await;
    let spread = probe().await.unwrap();
    let (least, most) = (spread.delays_ms[0], spread.delays_ms[19]);
    assert!(least >= 30.0 && most < 78.0 && most - least > 5.0, "{spread:?}");
}

#[tokio::test]
async fn a_probe_sees_which_way_is_cut() {
    let bench = Bench::clients().await;
    let probe = || bench.proxy.probe(&Party::Clients, &bench.front.party, bench.front.listen);
    for how in [Cut::BlackHole, Cut::Reject] {
        bench.set(cut(how), open()).await;
        let sighting = probe().await.unwrap();
        assert!(sighting.sent > 0 && sighting.delays_ms.is_empty(), "{how:?}: {sighting:?}");
        bench.set(open(), cut(how)).await;
        assert_eq!(probe().await.unwrap().delays_ms.len(), 20, "{how:?} the other way");
    }
}

#[tokio::test]
async fn a_delay_counts_for_the_handshake_too_and_ends_with_the_heal() {
    let bench = Bench::clients().await;
    let delay = |ms| Impairment { delay: Span::from_ms(ms), ..open() };
    bench.set(delay(30), delay(20)).await;
    let began = Instant::now();
    let (mut near, mut far) = {
        let mut near = TcpStream::connect(bench.front.listen).await.unwrap();
        says(&mut near, b"x").await;
        let (far, _) = bench.behind.accept().await.unwrap();
        (near, far)
    };
    hears(&mut far, b"x").await;
    let took_ms = began.elapsed().as_secs_f64() * 1e3;
    assert!((80.0..88.0).contains(&took_ms), "{took_ms} ms");
    bench.set(delay(60_000), open()).await;
    says(&mut near, b"late").await;
    hears_nothing(&mut far).await;
    bench.heal().await;
    hears(&mut far, b"late").await;
}

#[tokio::test]
async fn the_process_that_dials_is_known_by_its_socket() {
    let n2 = Party::Node(NodeId::new("n2"));
    let own = std::process::id();
    let bench = Bench::new(Dialers::Nodes(Arc::new(move || vec![(NodeId::new("n2"), own)]))).await;
    let (mut near, mut far) = bench.connect().await;
    bench.set(cut(Cut::BlackHole), cut(Cut::BlackHole)).await;
    says(&mut near, b"not a client").await;
    hears(&mut far, b"not a client").await;
    let map = LinkMap([((n2, n1()), cut(Cut::BlackHole))].into());
    assert_eq!(bench.proxy.set(map).await.unwrap().disturbed, 1);
    says(&mut near, b"held").await;
    hears_nothing(&mut far).await;
}

#[tokio::test]
async fn who_is_no_node_is_a_client() {
    let bench = Bench::new(Dialers::Nodes(Arc::new(Vec::new))).await;
    let (_near, _far) = bench.connect().await;
    assert_eq!(bench.set(cut(Cut::BlackHole), open()).await.disturbed, 1);
}

fn network() -> impl Strategy<Value = (Impairment, Impairment)> {
    let one = || {
        let cut = prop_oneof![2 => Just(None), 1 => Just(Some(Cut::BlackHole))];
        let rate = prop_oneof![Just(None), (200_000u64..5_000_000).prop_map(Some)];
        (cut, 0u64..8, 0u64..4, rate).prop_map(|(cut, delay, spread, bytes_per_s)| Impairment {
            cut,
            delay: Span::from_ms(delay),
            spread: Span::from_ms(spread),
            loss: 0.0,
            bytes_per_s,
        })
    };
    (one(), one())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the network does, as long as it is healed in the end: every byte once, in order, both ways.
    #[test]
    fn nothing_is_lost_doubled_or_reordered(
        networks in proptest::collection::vec((network(), 0u64..15), 1..8),
        lengths in (1usize..400_000, 1usize..400_000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::clients().await;
            let (near, far) = bench.connect().await;
            let content = |length: usize| (0..length).map(|at| (at * 31 % 251) as u8).collect::<Vec<_>>();
            let sides = [(near, lengths.0, lengths.1), (far, lengths.1, lengths.0)];
            let moving = sides.map(|(stream, sends, hears)| tokio::spawn(async move {
                let (mut reader, mut writer) = stream.into_split();
                let sending = async {
                    for piece in content(sends).chunks(30_011) {
                        writer.write_all(piece).await.unwrap();
                    }
                    writer.shutdown().await.unwrap();
                };
                let mut heard = Vec::new();
                let ((), read) = tokio::join!(sending, reader.read_to_end(&mut heard));
                read.unwrap();
                assert!(heard == content(hears), "{} bytes of {hears}", heard.len());
            }));
            for ((there, back), lasts_ms) in networks {
                bench.set(there, back).await;
                tokio::time::sleep(Duration::from_millis(lasts_ms)).await;
            }
            bench.heal().await;
            for side in moving {
                timeout(SOON, side).await.expect("it ends").unwrap();
            }
        });
    }
}

#[test]
fn dropped_it_closes_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listen: SocketAddr = runtime.block_on(async {
        let bench = Bench::clients().await;
        let (mut near, _far) = bench.connect().await;
        let listen = bench.front.listen;
        drop(bench.proxy);
        assert!(timeout(SOON, near.read(&mut [0; 1])).await.is_ok());
        listen
    });
    assert!(std::net::TcpStream::connect(listen).is_err());
}
