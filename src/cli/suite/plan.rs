//! Whose turn it is tonight: a suite unfolded to what it may run, in its order. Starts nothing.

use crate::cli::planned::{Planned, plan};
use crate::model::{Group, LeftOut, LeftOutFor, Suite, SuiteItem, UpgradePair};
use crate::scenario::{about, load_suite};
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// By which turns are taken and seeds are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Night {
    pub number: u64,
    pub first_seed: u64,
}

impl Night {
    /// By a date, today's where nothing is said; a seed alone is a number as good as any.
    pub fn of(seed: Option<u64>, date: Option<Date>) -> Self {
        if let (Some(seed), None) = (seed, date) {
            return Self { number: seed, first_seed: seed };
        }
        let date = date.unwrap_or_else(|| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date());
        let days = date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days());
        let figures =
            [(i64::from(date.year()), 1_000_000), (date.month().into(), 10_000), (date.day().into(), 100)];
        // 2026-11-23 begins with seed 2026112300: a night's seeds are its own and can be told by their looks.
        let first_seed: i64 = figures.iter().map(|(figure, place)| figure * place).sum();
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        Self { number: number(days.into()), first_seed: seed.unwrap_or(number(first_seed)) }
    }
}

/// One run that has its turn.
#[derive(Clone)]
pub struct Turn {
    pub item: SuiteItem,
    pub planned: Planned,
    pub seed: u64,
    /// About how long it takes.
    pub about: Duration,
}

pub struct Plan {
    pub suite: Suite,
    pub night: Night,
    pub tonight: Vec<Turn>,
    /// Who has a turn another night.
    pub left_out: Vec<LeftOut>,
    /// After how many nights everything has had its turn.
    pub nights: u64,
}

/// # Errors
/// Everything that is wrong with the suite or with its scenarios, ready to print.
pub fn unfold(path: &Path, night: Night) -> Result<Plan, String> {
    let suite = load_suite(path).map_err(|errors| errors.to_string())?;
    let (mut tonight, mut left_out, mut nights) = (Vec::new(), Vec::new(), 1);
    for group in &suite.groups {
        let items = items(group).map_err(|error| format!("{}: {error}", path.display()))?;
        nights = nights.max(group.nights(items.len()));
        let count = items.len();
        for (place, (item, planned)) in items.into_iter().enumerate() {
            match group.turn_in(place, count, night.number) {
                0 => {
                    let about = about(&planned.scenario, item.backend).0;
                    let seeds = (0..u64::from(group.repeat)).map(|one| night.first_seed.saturating_add(one));
                    tonight.extend(seeds.map(|seed| Turn {
                        item: item.clone(),
                        planned: planned.clone(),
                        seed,
                        about,
                    }));
                }
                later => {
                    let why = match later {
                        1 => "its turn comes tomorrow night".to_owned(),
                        later => format!("its turn comes in {later} nights"),
                    };
                    left_out.push(LeftOut { item, reason: LeftOutFor::Rotation, why });
                }
            }
        }
    }
    let (tonight, left_out) = each_once(tonight, left_out);
    Ok(Plan { suite, night, tonight, left_out, nights })
}

/// Two groups may hold the same: it runs once a night with the same seed, and what runs tonight is not listed as left out.
fn each_once(tonight: Vec<Turn>, left_out: Vec<LeftOut>) -> (Vec<Turn>, Vec<LeftOut>) {
    let of = |item: &SuiteItem| (item.scenario.clone(), item.backend, item.upgrade.clone());
    let mut runs = BTreeSet::new();
    let tonight: Vec<Turn> =
        tonight.into_iter().filter(|turn| runs.insert((of(&turn.item), turn.seed))).collect();
    let mut told: BTreeSet<_> = runs.into_iter().map(|(of, _)| of).collect();
    let left_out = left_out.into_iter().filter(|left| told.insert(of(&left.item))).collect();
    (tonight, left_out)
}

/// Each scenario with each pair of versions on each backend.
fn items(group: &Group) -> Result<Vec<(SuiteItem, Planned)>, String> {
    let planned = plan(&group.scenarios, None)?;
    if !group.upgrades.is_empty() && !planned.iter().any(|planned| planned.scenario.replaces_versions()) {
        return Err(format!(
            "the group `{}` names upgrades, and none of its scenarios upgrades a node",
            group.name
        ));
    }
    let mut items = Vec::new();
    for planned in planned {
        let pairs: Vec<Option<&UpgradePair>> = match planned.scenario.replaces_versions() {
            true if !group.upgrades.is_empty() => group.upgrades.iter().map(Some).collect(),
            _ => vec![None],
        };
        for pair in pairs {
            items.extend(group.backends.iter().map(|backend| {
                let item = SuiteItem {
                    group: group.name.clone(),
                    scenario: planned.scenario.name.clone(),
                    backend: *backend,
                    upgrade: pair.cloned(),
                };
                (item, planned.clone())
            }));
        }
    }
    Ok(items)
}

/// Whether a run of about this length ends within the time, when so much of it is over.
pub fn fits(elapsed: Duration, about: Duration, within: Duration) -> bool {
    elapsed + about <= within
}

impl Plan {
    /// What runs when each takes as long as was thought, with the time at which it begins, and what is left out then.
    pub fn foreseen(&self) -> (Vec<(Duration, &Turn)>, Vec<&Turn>, Duration) {
        let (mut elapsed, mut run, mut left) = (Duration::ZERO, Vec::new(), Vec::new());
        for turn in &self.tonight {
            if fits(elapsed, turn.about, self.suite.within.0) {
                run.push((elapsed, turn));
                elapsed += turn.about;
            } else {
                left.push(turn);
            }
        }
        (run, left, elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::find_scenarios;
    use std::path::PathBuf;

    fn shipped(night: u64) -> Plan {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/nightly.yaml");
        unfold(&path, Night { number: night, first_seed: 1 }).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_date_is_a_night_and_its_seeds_and_a_seed_alone_is_both() {
        let date = Date::constant(2026, 11, 23);
        assert_eq!(Night::of(None, Some(date)), Night { number: 20_780, first_seed: 2_026_112_300 });
        assert_eq!(Night::of(Some(7), Some(date)), Night { number: 20_780, first_seed: 7 });
        assert_eq!(Night::of(Some(7), None), Night { number: 7, first_seed: 7 });
        assert_eq!(Night::of(None, Some(Date::constant(1960, 1, 1))).number, 0);
    }

    #[test]
    fn every_night_of_the_shipped_suite_fits_its_time_and_a_rotation_leaves_no_scenario_out() {
        let nights = shipped(0).nights;
        let mut seen = BTreeSet::new();
        for night in 20_780..20_780 + nights {
            let plan = shipped(night);
            let (run, left, takes) = plan.foreseen();
            assert!(left.is_empty(), "night {night}: {} do not fit", left.len());
            assert!(takes <= plan.suite.within.0 && !run.is_empty());
            seen.extend(plan.tonight.iter().map(|turn| turn.planned.path.clone()));
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let all: BTreeSet<PathBuf> = find_scenarios(&[root]).unwrap().into_iter().collect();
        let never: Vec<_> = all.difference(&seen).collect();
        assert!(never.is_empty(), "no night runs {never:?}: add them to scenarios/nightly.yaml");
    }

    #[test]
    fn what_two_groups_hold_runs_once_a_night() {
        for night in 0..9 {
            let plan = shipped(night);
            let of = |item: &SuiteItem| (item.scenario.clone(), item.backend, item.upgrade.clone());
            let runs: Vec<_> = plan.tonight.iter().map(|turn| (of(&turn.item), turn.seed)).collect();
            assert_eq!(runs.iter().collect::<BTreeSet<_>>().len(), runs.len());
            let runs_tonight =
                |left: &LeftOut| plan.tonight.iter().any(|turn| of(&turn.item) == of(&left.item));
            assert!(!plan.left_out.iter().any(runs_tonight));
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_what_is_shorter_still_runs() {
        let mut plan = shipped(0);
        let turn = |about| Turn { about: Duration::from_secs(about), ..plan.tonight[0].clone() };
        let turns = vec![turn(40), turn(90), turn(60)];
        plan.tonight = turns;
        plan.suite.within = crate::model::Span::from_secs(100);
        let (run, left, takes) = plan.foreseen();
        let starts: Vec<u64> = run.iter().map(|(start, _)| start.as_secs()).collect();
        assert_eq!((starts, left.len(), takes.as_secs()), (vec![0, 40], 1, 100));
    }
}
