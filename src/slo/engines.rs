//! Promises about what engines hand out: how long a certificate lives, how often a key is rotated.

use super::figure::{Figure, Judged, ms_in, not_a_time};
use super::verdict_of;
use crate::facts::Facts;
use crate::model::{Bound, Certificate, Comparison, Event, Verdict, Workload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// The server counts in whole seconds.
const WHOLE_SECOND_MS: f64 = 1_000.0;

/// How long each certificate was valid from the moment it was issued, which lies between request and answer.
pub fn certificate_ttl(facts: &Facts, bound: Bound) -> Judged {
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let ends_ms: BTreeMap<&str, f64> = facts
        .events()
        .filter_map(|(_, event)| match event {
            Event::Certificate { serial, der } => {
                let certificate = Certificate::parse(&STANDARD.decode(der).ok()?).ok()?;
                Some((serial.as_str(), certificate.not_after_s as f64 * 1e3))
            }
            _ => None,
        })
        .collect();
    let began_ms = facts.run.info.started_at.as_millisecond() as f64;
    let issued = facts.run.history.iter().filter(|op| op.op == Workload::PkiIssue && op.is_ok());
    let lives = issued.filter_map(|op| {
        let end_ms = ends_ms.get(op.subject.as_deref()?)? - began_ms;
        let (shortest, longest) = (end_ms - op.done_us as f64 / 1e3, end_ms - op.sent_us as f64 / 1e3);
        Some([shortest, longest + WHOLE_SECOND_MS].map(|ms| ms * unit))
    });
    let lives: Vec<[f64; 2]> = lives.collect();
    let verdict = |life: &[f64; 2]| match bound.comparison {
        Comparison::Equal if life[0] <= bound.value && bound.value <= life[1] => Verdict::Pass,
        _ => verdict_of(&bound, *life),
    };
    let Some(worst) = lives.iter().max_by_key(|life| verdict(life)) else {
        return Figure::unknown("no certificate was issued").into();
    };
    let (measured, interval, samples) = (Some(worst[0]), Some(*worst), lives.len() as u64);
    let verdict = verdict(worst);
    Figure { measured, interval, samples, verdict, note: String::new() }.into()
}

/// The time to live that came with credentials, the furthest from the promise; unjudged where a scenario puts another
/// in its place.
pub fn credentials_ttl(facts: &Facts, bound: Bound) -> Judged {
    if ms_in(bound.unit, 1.0).is_none() {
        return not_a_time(&bound);
    }
    let scenario = &facts.run.info.scenario;
    if let (Some(tested), Some((_, engine))) = (scenario.lease_ttl, scenario.blueprint.database()) {
        let why = format!("{} documented, tested at {tested}: see lease-expiry", engine.default_ttl);
        return Figure::unknown(why).into();
    }
    let given = facts.run.history.iter().filter(|op| op.op == Workload::DatabaseCreds && op.is_ok());
    let ttls: Vec<f64> = given.filter_map(|op| ms_in(bound.unit, op.ttl_s? as f64 * 1e3)).collect();
    let off = |ttl: &&f64| (*ttl - bound.value).abs();
    let Some(worst) = ttls.iter().max_by(|a, b| off(a).total_cmp(&off(b))) else {
        return Figure::unknown("no credentials were given out").into();
    };
    Figure { samples: ttls.len() as u64, ..Figure::exact(&bound, *worst) }.into()
}

/// The longest time between two acknowledged rotations. What a document promises for months is tested at seconds.
pub fn rotation(facts: &Facts, bound: Bound) -> Judged {
    let Some(unit) = ms_in(bound.unit, 1.0) else { return not_a_time(&bound) };
    let rotations = facts.run.history.iter().filter(|op| op.op == Workload::TransitRotate && op.is_ok());
    let mut at_ms: Vec<f64> = rotations.map(|op| op.done_us as f64 / 1e3).collect();
    at_ms.sort_by(f64::total_cmp);
    let longest_ms = at_ms.windows(2).map(|pair| pair[1] - pair[0]).reduce(f64::max);
    let Some(longest_ms) = longest_ms else {
        return Figure::unknown("fewer than two rotations were acknowledged").into();
    };
    let samples = at_ms.len() as u64 - 1;
    let note = format!("{} rotations, at most {:.1} s apart", at_ms.len(), longest_ms / 1e3);
    Figure { samples, note, ..Figure::exact(&bound, longest_ms * unit) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::*;
    use crate::model::{self, DatabaseEngine, DatabaseRole, Mount, Outcome, Span};
    use crate::record::SavedRun;
    use rcgen::{CertificateParams, KeyPair};
    use std::time::{Duration, UNIX_EPOCH};

    fn bound(text: &str) -> Bound {
        text.parse().unwrap()
    }

    #[test]
    fn rotations_are_as_far_apart_as_their_answers() {
        let rotated = |until_ms| {
            RunBuilder::new()
                .load("transit.rotate", "leader", 0.5)
                .phases(0.0, 1e3, 2e3, 20e3)
                .traffic(
                    0,
                    0.0,
                    until_ms,
                    |t_ms| {
                        if t_ms == 4e3 { Answer::timeout() } else { Answer::ok(5.0) }
                    },
                )
                .build()
        };
        let run = rotated(10e3);
        let figure = rotation(&Facts::of(&run), bound("<= 3 s")).figure;
        assert_eq!((figure.measured, figure.samples, figure.verdict), (Some(4.0), 3, Verdict::Fail));
        assert_eq!(figure.note, "4 rotations, at most 4.0 s apart");
        assert_eq!(rotation(&Facts::of(&run), bound("<= 2160 h")).figure.verdict, Verdict::Pass);
        let once = rotated(2e3);
        assert_eq!(rotation(&Facts::of(&once), bound("<= 3 s")).figure.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn credentials_live_as_long_as_their_answer_says() {
        let mut run = RunBuilder::new()
            .load("database.creds", "any", 1.0)
            .phases(0.0, 1e3, 2e3, 5e3)
            .traffic(0, 0.0, 3e3, |_| Answer::ok(30.0))
            .build();
        let judged = |run: &SavedRun| credentials_ttl(&Facts::of(run), bound("= 1 h")).figure;
        assert_eq!(judged(&run).verdict, Verdict::Inconclusive, "no answer names a time");
        run.history.iter_mut().for_each(|op| op.ttl_s = Some(3_600));
        assert_eq!((judged(&run).samples, judged(&run).verdict), (3, Verdict::Pass));
        run.history[1].ttl_s = Some(1_800);
        assert_eq!((judged(&run).measured, judged(&run).verdict), (Some(0.5), Verdict::Fail));
        let roles = vec![DatabaseRole { name: "app".into(), grants: None }];
        let (default_ttl, max_ttl) = (Span::from_secs(3_600), Span::from_secs(86_400));
        let engine = DatabaseEngine { connection: "app-db".into(), default_ttl, max_ttl, roles };
        let mount = Mount { path: "database".into(), empty: false, engine: model::Engine::Database(engine) };
        run.info.scenario.blueprint.mounts.push(mount);
        run.info.scenario.lease_ttl = Some(Span::from_secs(5));
        assert_eq!(judged(&run).verdict, Verdict::Inconclusive);
        assert!(judged(&run).note.contains("tested at 5s"), "{}", judged(&run).note);
    }

    #[test]
    fn a_certificate_lives_from_the_moment_it_is_issued() {
        let mut run = RunBuilder::new()
            .load("pki.issue", "leader", 1.0)
            .phases(0.0, 1e3, 2e3, 5e3)
            .traffic(0, 0.0, 3e3, |_| Answer::ok(300.0))
            .build();
        assert_eq!(certificate_ttl(&Facts::of(&run), bound("= 1 h")).figure.verdict, Verdict::Inconclusive);
        let began_s = run.info.started_at.as_second() as u64;
        for (number, op) in run.history.iter_mut().enumerate() {
            assert_eq!(op.outcome, Outcome::Ok);
            op.subject = Some(number.to_string().into());
            let mut params = CertificateParams::new(vec!["service.example.com".to_owned()]).unwrap();
            params.not_after = (UNIX_EPOCH + Duration::from_secs(began_s + number as u64 + 3_600)).into();
            let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
            let event = Event::Certificate { serial: number.to_string(), der: STANDARD.encode(der) };
            run.journal.push(crate::model::Entry { t_ms: 5_500.0, event });
        }
        let facts = Facts::of(&run);
        let figure = certificate_ttl(&facts, bound("= 1 h")).figure;
        assert_eq!((figure.samples, figure.verdict), (3, Verdict::Pass));
        for wrong in ["= 24 h", "<= 59 min"] {
            assert_eq!(certificate_ttl(&facts, bound(wrong)).figure.verdict, Verdict::Fail, "{wrong}");
        }
    }
}
