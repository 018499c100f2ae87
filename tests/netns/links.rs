//! What each kind of disturbance does to real connections and to our own packets.

use super::lab::{CLIENT, Lab, Place};
use libtest_mimic::Failed;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use vaultquake::model::{Cut, Grudge, Impairment, LinkMap, NodeId, Party, Span};
use vaultquake::netns::{Controller, Effect, Seen};

const PORT: u16 = 8201;
/// Long enough for a packet between namespaces of a busy machine, short enough to wait for what never comes.
const PATIENCE: Duration = Duration::from_millis(400);
const SENT: u32 = 50;

fn id(name: &str) -> NodeId {
    NodeId::new(name)
}

fn node(name: &str) -> Party {
    Party::Node(id(name))
}

fn links(links: impl IntoIterator<Item = (Party, Party, Impairment)>) -> LinkMap {
    LinkMap(links.into_iter().map(|(from, to, impairment)| ((from, to), impairment)).collect())
}

fn cut(cut: Cut) -> Impairment {
    Impairment { cut: Some(cut), ..Impairment::default() }
}

pub fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn listen(place: &Place) -> TcpListener {
    place.inside(|| TcpListener::bind((place.address, PORT)).unwrap())
}

fn connect(from: &Place, to: &Place) -> io::Result<TcpStream> {
    let to = SocketAddr::new(to.address, PORT);
    from.inside(|| TcpStream::connect_timeout(&to, PATIENCE))
}

/// Both ends of a new connection.
fn connection(from: &Place, to: &Place) -> (TcpStream, TcpStream) {
    let listener = listen(to);
    let near = connect(from, to).unwrap();
    let (far, _) = listener.accept().unwrap();
    for end in [&near, &far] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
        end.set_nodelay(true).unwrap();
    }
    (near, far)
}

/// Whether something that is written here arrives there.
fn arrives(from: &mut TcpStream, to: &mut TcpStream) -> bool {
    from.write_all(b"x").is_ok() && to.read(&mut [0; 8]).is_ok_and(|bytes| bytes > 0)
}

async fn arrived(controller: &Controller, from: &str, to: &str) -> Result<u32, Failed> {
    Ok(controller.probe(&id(from), &id(to)).await?.arrived)
}

pub fn black_hole(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        let (mut one, mut two) = connection(lab.at("n1"), lab.at("n2"));
        assert!(arrives(&mut one, &mut two) && arrives(&mut two, &mut one));
        assert_eq!(arrived(&controller, "n2", "n1").await?, SENT);

        let deaf = Grudge::from([(id("n1"), [id("n2")].into())]);
        controller.set(&LinkMap::of_grudge(&deaf, Cut::BlackHole)).await?;
        assert_eq!(arrived(&controller, "n2", "n1").await?, 0);
        for (from, to) in [("n1", "n2"), ("n3", "n1"), ("n1", "n3"), ("n2", "n3")] {
            assert_eq!(arrived(&controller, from, to).await?, SENT, "{from} to {to}");
        }
        assert!(arrives(&mut one, &mut two), "the open way of the old connection");
        assert!(!arrives(&mut two, &mut one), "the cut way of the old connection");
        let _listener = listen(lab.at("n1"));
        assert_eq!(connect(lab.at("n2"), lab.at("n1")).unwrap_err().kind(), ErrorKind::TimedOut);
        connect(lab.at(CLIENT), lab.at("n1"))?;

        controller.set(&LinkMap::default()).await?;
        assert_eq!(arrived(&controller, "n2", "n1").await?, SENT);
        one.set_read_timeout(Some(Duration::from_secs(5)))?;
        assert!(one.read(&mut [0; 8]).is_ok_and(|bytes| bytes > 0), "what was lost is sent again");
        controller.leave().await;
        Ok(())
    })
}

pub fn refusal(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        let (mut one, _two) = connection(lab.at("n1"), lab.at("n2"));
        let map = links([(node("n1"), node("n2"), cut(Cut::Reject))]);
        controller.set(&map).await?;
        let began = Instant::now();
        let _ = one.write_all(b"x");
        assert_eq!(one.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let _listener = lab.at("n2").inside(|| TcpListener::bind((lab.at("n2").address, PORT + 1)));
        assert_eq!(connect(lab.at("n1"), lab.at("n2")).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert!(began.elapsed() < PATIENCE / 2, "at once");
        assert_eq!(arrived(&controller, "n1", "n2").await?, 0);
        assert_eq!(arrived(&controller, "n2", "n1").await?, SENT);
        controller.leave().await;
        Ok(())
    })
}

pub fn clients(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        let (mut client, mut served) = connection(lab.at(CLIENT), lab.at("n1"));
        let both =
            |how| links([(Party::Clients, node("n1"), cut(how)), (node("n1"), Party::Clients, cut(how))]);
        controller.set(&both(Cut::BlackHole)).await?;
        assert!(!arrives(&mut client, &mut served) && !arrives(&mut served, &mut client));
        let _listener = listen(lab.at("n1"));
        assert_eq!(connect(lab.at(CLIENT), lab.at("n1")).unwrap_err().kind(), ErrorKind::TimedOut);
        connect(lab.at("n2"), lab.at("n1"))?;
        assert_eq!(arrived(&controller, "n1", "n2").await?, SENT);

        // Only one way: the node hears its clients, and they do not hear it.
        let silent = links([(node("n1"), Party::Clients, cut(Cut::BlackHole))]);
        controller.set(&LinkMap::default()).await?;
        let (mut client, mut served) = connection(lab.at(CLIENT), lab.at("n2"));
        assert!(arrives(&mut client, &mut served));
        let silent_two =
            LinkMap(silent.0.into_values().map(|way| ((node("n2"), Party::Clients), way)).collect());
        controller.set(&silent_two).await?;
        assert!(arrives(&mut client, &mut served));
        assert!(!arrives(&mut served, &mut client));
        controller.leave().await;
        Ok(())
    })
}

pub fn clients_refused(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        let (mut client, _served) = connection(lab.at(CLIENT), lab.at("n1"));
        let map = links([
            (Party::Clients, node("n1"), cut(Cut::Reject)),
            (node("n1"), Party::Clients, cut(Cut::Reject)),
        ]);
        controller.set(&map).await?;
        let _listener = listen(lab.at("n1"));
        assert_eq!(connect(lab.at(CLIENT), lab.at("n1")).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let _ = client.write_all(b"x");
        assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        connect(lab.at("n2"), lab.at("n1"))?;
        controller.leave().await;
        Ok(())
    })
}

pub fn loss(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        for slow in [Span::default(), Span::from_ms(5)] {
            let lossy = Impairment { loss: 0.3, delay: slow, ..Impairment::default() };
            controller.set(&links([(node("n1"), node("n2"), lossy)])).await?;
            let (mut sent, mut came) = (0, 0);
            for _ in 0..4 {
                let Seen { sent: packets, arrived, .. } = controller.probe(&id("n1"), &id("n2")).await?;
                (sent, came) = (sent + packets, came + arrived);
            }
            let lost = f64::from(sent - came) / f64::from(sent);
            // Five standard deviations of 200 packets.
            assert!((0.14..0.46).contains(&lost), "{lost} of {sent}, delayed by {slow}");
            assert_eq!(arrived(&controller, "n2", "n1").await?, SENT);
        }
        controller.leave().await;
        Ok(())
    })
}

pub fn delay(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        eprintln!("packets are held back by {}", controller.holds().await?);
        let before = controller.probe(&id("n1"), &id("n2")).await?;
        let slow = Impairment { delay: Span::from_ms(50), ..Impairment::default() };
        controller.set(&links([(node("n1"), node("n2"), slow.clone())])).await?;
        let seen = controller.probe(&id("n1"), &id("n2")).await?;
        let middle = |seen: &Seen| seen.delays_ms[seen.delays_ms.len() / 2];
        eprintln!(
            "50 ms asked: p50 {:.2} ms, {:.2} to {:.2} ms; {:.3} ms undisturbed",
            middle(&seen),
            seen.delays_ms[0],
            seen.delays_ms[seen.delays_ms.len() - 1],
            middle(&before)
        );
        assert_eq!(seen.arrived, SENT);
        assert!(seen.delays_ms[0] >= 50.0 && middle(&seen) < 60.0, "{seen:?}");
        let back = controller.probe(&id("n2"), &id("n1")).await?;
        assert!(middle(&back) < 20.0, "the other way: {back:?}");

        let (mut one, mut two) = connection(lab.at("n1"), lab.at("n2"));
        let began = Instant::now();
        assert!(arrives(&mut one, &mut two));
        assert!(began.elapsed() >= Duration::from_millis(49), "{:?}", began.elapsed());

        let spread = Impairment { spread: Span::from_ms(30), ..slow };
        controller.set(&links([(node("n1"), node("n2"), spread)])).await?;
        let seen = controller.probe(&id("n1"), &id("n2")).await?;
        let range = seen.delays_ms[seen.delays_ms.len() - 1] - seen.delays_ms[0];
        assert!(seen.delays_ms[0] >= 20.0 && range > 15.0, "{seen:?}");
        controller.set(&LinkMap::default()).await?;
        assert!(middle(&controller.probe(&id("n1"), &id("n2")).await?) < 20.0);
        controller.leave().await;
        Ok(())
    })
}

pub fn delay_to_clients(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        let (mut client, mut served) = connection(lab.at(CLIENT), lab.at("n1"));
        let slow = Impairment { delay: Span::from_ms(60), ..Impairment::default() };
        controller.set(&links([(node("n1"), Party::Clients, slow)])).await?;
        let began = Instant::now();
        assert!(arrives(&mut client, &mut served));
        let there = began.elapsed();
        assert!(arrives(&mut served, &mut client));
        let back = began.elapsed() - there;
        assert!(
            there < Duration::from_millis(50) && back >= Duration::from_millis(59),
            "{there:?}, {back:?}"
        );
        controller.leave().await;
        Ok(())
    })
}

pub fn bandwidth(lab: Lab) -> Result<(), Failed> {
    const BYTES: usize = 600_000;
    const PER_S: u64 = 400_000;
    on_runtime(async {
        let controller = lab.controller().await?;
        let (mut one, mut two) = connection(lab.at("n1"), lab.at("n2"));
        let narrow = Impairment { bytes_per_s: Some(PER_S), ..Impairment::default() };
        controller.set(&links([(node("n1"), node("n2"), narrow)])).await?;
        two.set_read_timeout(Some(Duration::from_secs(20)))?;
        let began = Instant::now();
        let sender = std::thread::spawn(move || one.write_all(&vec![7; BYTES]));
        two.read_exact(&mut vec![0; BYTES])?;
        let took = began.elapsed();
        sender.join().unwrap()?;
        let rate = BYTES as f64 / took.as_secs_f64();
        eprintln!("{PER_S} B/s asked: {rate:.0} B/s of contents");
        // Headers take their share, and so does what was lost and sent again.
        assert!((0.6..=1.02).contains(&(rate / PER_S as f64)), "{rate} B/s");
        controller.leave().await;
        Ok(())
    })
}

pub fn effect(lab: Lab) -> Result<(), Failed> {
    on_runtime(async {
        let controller = lab.controller().await?;
        let isolated = Grudge::from([
            (id("n1"), [id("n2"), id("n3")].into()),
            (id("n2"), [id("n1")].into()),
            (id("n3"), [id("n1")].into()),
        ]);
        let isolated = LinkMap::of_grudge(&isolated, Cut::BlackHole);
        let mut took_ms = Vec::new();
        for map in [&isolated, &LinkMap::default()].repeat(15) {
            let Effect { rules, took, .. } = controller.set(map).await?;
            assert_eq!(rules, map.0.len());
            took_ms.push(took.as_secs_f64() * 1e3);
        }
        took_ms.sort_by(f64::total_cmp);
        eprintln!("in force after p50 {:.1} ms, at most {:.1} ms", took_ms[15], took_ms[29]);
        assert!(took_ms[15] < 100.0, "{took_ms:?}");
        controller.leave().await;
        Ok(())
    })
}
