//! Which runs of a command go on side by side, and which have the machine to themselves.

use super::planned::Planned;
use std::collections::VecDeque;
use std::sync::Mutex;

/// One run of one scenario.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// Its place in the order in which scenarios are found.
    pub place: usize,
    pub planned: &'a Planned,
    pub seed: u64,
}

/// Jobs of which at most `at_once` go on at any time.
pub struct Round<'a> {
    pub at_once: u16,
    pub jobs: Vec<Job<'a>>,
}

/// Each scenario `repeat` times, with the seeds counted up from its own, or from `first_seed` where it names none.
pub fn jobs(planned: &[Planned], repeat: u16, first_seed: u64) -> Vec<Job<'_>> {
    let jobs = planned.iter().flat_map(|planned| {
        let first_seed = planned.scenario.seed.unwrap_or(first_seed);
        (0..u64::from(repeat)).map(move |repetition| (planned, first_seed.saturating_add(repetition)))
    });
    jobs.enumerate().map(|(place, (planned, seed))| Job { place, planned, seed }).collect()
}

/// One after the other in the given order; or, where several may go on at once, first those that bear company
/// and then, each alone, those whose figures do not.
pub fn rounds(jobs: Vec<Job<'_>>, at_once: u16) -> Vec<Round<'_>> {
    if at_once <= 1 {
        return vec![Round { at_once: 1, jobs }];
    }
    let (alone, together): (Vec<_>, Vec<_>) =
        jobs.into_iter().partition(|job| job.planned.scenario.asks_for_exclusive_use());
    let at_once = at_once.min(u16::try_from(together.len()).unwrap_or(u16::MAX)).max(1);
    let rounds = [Round { at_once, jobs: together }, Round { at_once: 1, jobs: alone }];
    rounds.into_iter().filter(|round| !round.jobs.is_empty()).collect()
}

impl<'a> Round<'a> {
    /// Works the jobs off in their order, each in the thread that is free first. A job for which `work` has no
    /// answer ends the round: those under way end in their own time, and none begins after them.
    pub fn work_off<D: Send>(&self, work: impl Fn(&Job<'a>) -> Option<D> + Sync) -> Vec<(usize, D)> {
        let waiting = Mutex::new(self.jobs.iter().collect::<VecDeque<_>>());
        let done = Mutex::new(Vec::new());
        let one_after_the_other = || {
            loop {
                let next = waiting.lock().unwrap().pop_front();
                let Some(job) = next else { return };
                match work(job) {
                    Some(answer) => done.lock().unwrap().push((job.place, answer)),
                    None => waiting.lock().unwrap().clear(),
                }
            }
        };
        std::thread::scope(|scope| {
            // This thread is one of them.
            for _ in 1..self.at_once {
                scope.spawn(one_after_the_other);
            }
            one_after_the_other();
        });
        done.into_inner().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load_scenario;
    use std::path::Path;
    use std::sync::Barrier;

    fn planned(expect: &[&str]) -> Planned {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/failover/leader-kill-fast.yaml");
        let mut scenario = load_scenario(&path).unwrap();
        scenario.expect = expect.iter().map(|id| id.to_string()).collect();
        Planned { path, scenario, known_findings: vec![] }
    }

    fn places(rounds: &[Round]) -> Vec<(u16, Vec<(usize, u64)>)> {
        let of = |round: &Round| round.jobs.iter().map(|job| (job.place, job.seed)).collect();
        rounds.iter().map(|round| (round.at_once, of(round))).collect()
    }

    #[test]
    fn those_that_judge_latency_come_last_and_alone() {
        let all = [planned(&["read.p99"]), planned(&["no-lost-writes"]), planned(&["failover.mttr"])];
        let jobs = |repeat| jobs(&all, repeat, 7);
        assert_eq!(places(&rounds(jobs(1), 1)), [(1, vec![(0, 7), (1, 7), (2, 7)])]);
        assert_eq!(places(&rounds(jobs(1), 4)), [(2, vec![(1, 7), (2, 7)]), (1, vec![(0, 7)])]);
        let twice = places(&rounds(jobs(2), 3));
        assert_eq!(twice[0], (3, vec![(2, 7), (3, 8), (4, 7), (5, 8)]));
        assert_eq!(twice[1], (1, vec![(0, 7), (1, 8)]));
        assert_eq!(places(&rounds(super::jobs(&all[..2], 1, 7), 4)), [(1, vec![(1, 7)]), (1, vec![(0, 7)])]);
    }

    #[test]
    fn so_many_go_on_at_once_and_none_begins_after_a_refusal() {
        let all = [planned(&[]), planned(&[]), planned(&[]), planned(&[])];
        let round = rounds(jobs(&all, 1, 1), 2).remove(0);
        // Two that wait for each other end only when they go on at once.
        let both = Barrier::new(2);
        let mut done = round.work_off(|job| {
            both.wait();
            Some(job.place)
        });
        done.sort();
        assert_eq!(done, [(0, 0), (1, 1), (2, 2), (3, 3)]);
        let round = rounds(jobs(&all, 1, 1), 1).remove(0);
        assert_eq!(round.work_off(|job| (job.place < 2).then_some(())), [(0, ()), (1, ())]);
    }
}
