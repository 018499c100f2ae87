//! Certificates and lists of an authority made for the test, each way to break what the role says by hand.

use super::*;
use crate::check::testing::{run_of, verdict};
use crate::facts::testing::node;
use crate::model::{Entry, ErrorKind, Mount, Route, Span};
use crate::record::SavedRun;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DOMAIN: &str = "service.example.com";
const DAY_S: u64 = 86_400;

struct Authority {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
    started_s: u64,
}

/// What a certificate is made of, so that a test can change one thing.
struct Made {
    name: &'static str,
    lives_s: u64,
}

const SOUND: Made = Made { name: DOMAIN, lives_s: DAY_S };

impl Authority {
    fn new(started_s: u64) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "A test's CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key), started_s }
    }

    /// Of the run.
    fn second(&self, s: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.started_s + s)
    }

    /// Handed out `at_s` into the run.
    fn issue(&self, number: u8, at_s: u64, made: &Made) -> Vec<u8> {
        let mut params = CertificateParams::new(vec![made.name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, made.name);
        params.serial_number = Some(SerialNumber::from_slice(&[0x7a, number]));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = (self.second(at_s) - Duration::from_secs(BACKDATED_S as u64)).into();
        params.not_after = self.second(at_s + made.lives_s).into();
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().to_vec()
    }

    fn list(&self, numbers: &[u8]) -> Vec<u8> {
        let revoked = numbers.iter().map(|number| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[0x7a, *number]),
            revocation_time: self.second(1).into(),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: self.second(2).into(),
            next_update: self.second(DAY_S).into(),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

fn serial(number: u8) -> String {
    format!("7a:{number:02x}")
}

fn operation(op: Workload, number: u8, at_ms: u64) -> Operation {
    let read = crate::check::testing::read(1, at_ms, at_ms + 200);
    let subject = Some(serial(number).into());
    Operation { op, subject, key: None, version: None, digest: None, route: Route::Any, ..read }
}

/// Twenty certificates within two seconds, of which 1 and 2 are revoked; a third revocation was not answered.
struct Run {
    authority: Authority,
    saved: SavedRun,
}

impl Run {
    fn new() -> Self {
        let mut operations: Vec<_> =
            (0..20).map(|i| operation(Workload::PkiIssue, i, u64::from(i) * 100)).collect();
        operations.extend([1, 2].map(|number| operation(Workload::PkiRevoke, number, 3_000)));
        let unanswered = Operation {
            outcome: Outcome::Unknown,
            error: Some(ErrorKind::Timeout),
            ..operation(Workload::PkiRevoke, 3, 3_000)
        };
        operations.push(unanswered);
        let mut saved = run_of(operations);
        let day = Span::from_secs(DAY_S);
        let pki = Pki {
            role: "service".into(),
            domain: DOMAIN.into(),
            ttl: day,
            max_ttl: Span(day.0 * 30),
            ..Pki::default()
        };
        let mount = Mount { path: "pki".into(), empty: false, engine: Engine::Pki(pki) };
        saved.info.scenario.blueprint.mounts.push(mount);
        let authority = Authority::new(saved.info.started_at.as_second() as u64);
        let mut run = Self { authority, saved };
        run.note(Event::CertificateAuthority { der: STANDARD.encode(&run.authority.der) });
        for number in 0..20 {
            let der = run.authority.issue(number, u64::from(number) / 10, &SOUND);
            run.note(Event::Certificate { serial: serial(number), der: STANDARD.encode(der) });
        }
        for name in ["n1", "n2", "n3"] {
            run.serve(name, &run.authority.list(&[1, 2]));
        }
        run
    }

    fn note(&mut self, event: Event) {
        self.saved.journal.push(Entry { t_ms: 5_500.0, event });
    }

    /// The last list counts.
    fn serve(&mut self, name: &str, list: &[u8]) {
        self.note(Event::RevocationList { node: node(name), der: STANDARD.encode(list) });
    }

    fn replace(&mut self, number: u8, der: &[u8]) {
        self.note(Event::Certificate { serial: serial(number), der: STANDARD.encode(der) });
    }

    fn fails_with(&self, words: &str) {
        let (failed, found) = verdict(check, &self.saved);
        assert_eq!(failed, Verdict::Fail);
        assert_eq!(found.violations.len(), 1, "{:?}", found.violations);
        assert!(found.violations[0].summary.contains(words), "{}", found.violations[0].summary);
    }
}

#[test]
fn passes_when_all_certificates_and_lists_are_in_order() {
    let mut run = Run::new();
    let (passed, found) = verdict(check, &run.saved);
    assert_eq!((passed, found.checked, &found.violations[..]), (Verdict::Pass, 20, &[][..]));
    assert_eq!(found.note, "20 certificates, 2 revocations on 3 nodes");
    // The revocation that was not answered may have been done.
    run.serve("n2", &run.authority.list(&[1, 2, 3]));
    assert_eq!(verdict(check, &run.saved).0, Verdict::Pass);
}

#[test]
fn fails_when_a_certificate_is_not_what_the_role_says() {
    let with = |made: Made| {
        let mut run = Run::new();
        run.replace(5, &run.authority.issue(5, 0, &made));
        run
    };
    with(Made { lives_s: DAY_S + 60, ..SOUND }).fails_with("7a:05 is valid for another");
    with(Made { lives_s: DAY_S - 60, ..SOUND }).fails_with("1d was asked for");
    let (_, found) = verdict(check, &with(Made { lives_s: 31 * DAY_S, ..SOUND }).saved);
    assert!(found.violations[0].summary.contains("the role allows 30d at most"), "{:?}", found.violations);
    let (_, found) = verdict(check, &with(Made { name: "other.example.com", ..SOUND }).saved);
    assert!(found.violations[0].summary.contains("is not valid for service.example.com"));
    assert!(found.violations[1].summary.contains("is for other.example.com, and the role allows"));

    let mut of_another = Run::new();
    let other = Authority::new(of_another.authority.started_s);
    of_another.replace(5, &other.issue(5, 0, &SOUND));
    of_another.fails_with("is not valid for service.example.com when it is handed out");

    let mut numbered = Run::new();
    numbered.replace(5, &numbered.authority.issue(6, 0, &SOUND));
    numbered.fails_with("certificate 7a:05 bears the serial number 7a:06");

    let mut broken = Run::new();
    broken.replace(5, b"no certificate");
    broken.fails_with("certificate 7a:05 cannot be read");
}

#[test]
fn fails_when_a_serial_number_is_given_twice() {
    let mut run = Run::new();
    run.saved.history.push(operation(Workload::PkiIssue, 4, 2_500));
    run.fails_with("the serial number 7a:04 was given twice");
}

#[test]
fn fails_when_a_list_lacks_a_revocation_or_has_one_too_many() {
    let mut lacking = Run::new();
    lacking.serve("n3", &lacking.authority.list(&[1]));
    lacking.fails_with("the revocation of 7a:02 was acknowledged, and n3 does not tell of it");

    let mut more = Run::new();
    more.serve("n3", &more.authority.list(&[1, 2, 9]));
    more.fails_with("n3 tells that 7a:09 is revoked, and no such request was taken");

    let mut forged = Run::new();
    forged.serve("n3", &Authority::new(forged.authority.started_s).list(&[1, 2]));
    forged.fails_with("the list of revoked certificates of n3 is not signed by the authority");
}

#[test]
fn inconclusive_when_something_was_not_seen() {
    let without = |is_left_out: fn(&Event) -> bool| {
        let mut run = Run::new();
        run.saved.journal.retain(|entry| !is_left_out(&entry.event));
        verdict(check, &run.saved)
    };
    let (unclear, found) =
        without(|event| matches!(event, Event::RevocationList { node, .. } if node.as_str() == "n2"));
    assert_eq!(unclear, Verdict::Inconclusive);
    assert!(found.note.starts_with("no list of revoked certificates from n2"), "{}", found.note);
    let (unclear, _) =
        without(|event| matches!(event, Event::Certificate { serial, .. } if serial == "7a:05"));
    assert_eq!(unclear, Verdict::Inconclusive);
    assert_eq!(without(|event| matches!(event, Event::CertificateAuthority { .. })).0, Verdict::Inconclusive);

    let mut unrevoked = Run::new();
    unrevoked.saved.history.retain(|op| op.op != Workload::PkiRevoke);
    let empty = unrevoked.authority.list(&[]);
    for name in ["n1", "n2", "n3"] {
        unrevoked.serve(name, &empty);
    }
    assert_eq!(verdict(check, &unrevoked.saved).0, Verdict::Inconclusive);
    let none = run_of(vec![]);
    assert_eq!(verdict(check, &none).0, Verdict::Inconclusive);
    assert!(!has_data(&Facts::of(&none)));
}
