//! The search for the smallest schedule that still fails: faults are dropped (ddmin, after Zeller and Hildebrandt), then
//! what is left is shortened, then weakened. Knows nothing of runs: each is a question to whoever asked for the search.

use super::moves::{shorter, weaker};
use super::rows::Outcome;
use crate::model::Step;

/// How often a schedule failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    pub fails: u32,
    pub runs: u32,
    /// Of these runs, those that could not be judged.
    pub unclear: u32,
}

impl Rate {
    /// `2 of 3`, with what was unclear.
    pub fn words(self) -> String {
        let unclear = match self.unclear {
            0 => String::new(),
            unclear => format!(", {unclear} of them inconclusive"),
        };
        format!("{} of {}{unclear}", self.fails, self.runs)
    }
}

/// A schedule that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Smallest {
    pub steps: Vec<Step>,
    pub rate: Rate,
}

pub struct Shrunk {
    /// `None` when the schedule that was begun with did not fail again.
    pub smallest: Option<Smallest>,
    pub runs: u32,
    /// Whether nothing more could be taken away; else the search was ended before.
    pub finished: bool,
}

/// One run of a schedule; `None` ends the search.
pub type Run<'r> = dyn FnMut(&[Step]) -> Option<Outcome> + 'r;
/// Told of each schedule that failed and is smaller than those before, and by what it became so.
pub type Found<'f> = dyn FnMut(&Smallest, &str) + 'f;

/// Shrinks `steps`. A schedule still fails when one of up to `tries` runs does: a failure is a fact, however rare. What is
/// found in the end is run `tries` times in all, so that its rate is known.
pub fn shrink(steps: &[Step], tries: u32, run: &mut Run, found: &mut Found) -> Shrunk {
    let mut search = Search { tries: tries.max(1), run, found, known: Vec::new(), runs: 0, smallest: None };
    let finished = search.go(steps).is_some();
    let Search { smallest, runs, .. } = search;
    Shrunk { smallest, runs, finished }
}

struct Search<'a, 'r, 'f> {
    tries: u32,
    run: &'a mut Run<'r>,
    found: &'a mut Found<'f>,
    /// What was run already.
    known: Vec<(Vec<Step>, Rate)>,
    runs: u32,
    smallest: Option<Smallest>,
}

/// `None` ends the search; what was found so far stays.
type Goes<T> = Option<T>;

impl Search<'_, '_, '_> {
    fn go(&mut self, steps: &[Step]) -> Goes<()> {
        if !self.try_out(steps, "as it was")? {
            return Some(());
        }
        let mut steps = self.drop_faults(steps.to_vec())?;
        steps = self.while_any(steps, shorter, "shortened")?;
        self.while_any(steps, weaker, "weakened")?;
        self.measure()
    }

    /// Whether it fails in one of its runs; then it is the smallest so far.
    fn try_out(&mut self, steps: &[Step], how: &str) -> Goes<bool> {
        let known = self.known.iter().position(|(known, _)| known == steps);
        let index = known.unwrap_or_else(|| {
            self.known.push((steps.to_vec(), Rate::default()));
            self.known.len() - 1
        });
        while self.known[index].1.fails == 0 && self.known[index].1.runs < self.tries {
            self.once(index)?;
        }
        let rate = self.known[index].1;
        if rate.fails == 0 {
            return Some(false);
        }
        let smallest = Smallest { steps: steps.to_vec(), rate };
        (self.found)(&smallest, how);
        self.smallest = Some(smallest);
        Some(true)
    }

    fn once(&mut self, index: usize) -> Goes<()> {
        let outcome = (self.run)(&self.known[index].0)?;
        self.runs += 1;
        let rate = &mut self.known[index].1;
        rate.runs += 1;
        match outcome {
            Outcome::Fails => rate.fails += 1,
            Outcome::Unclear => rate.unclear += 1,
            Outcome::Holds => {}
        }
        Some(())
    }

    /// What is left is such that no fault can be taken away.
    fn drop_faults(&mut self, mut steps: Vec<Step>) -> Goes<Vec<Step>> {
        let mut parts = 2;
        while steps.len() > 1 {
            let (alone, without) = divided(&steps, parts);
            if let Some(part) = self.first_that_fails(alone, "dropped")? {
                (steps, parts) = (part, 2);
            } else if let Some(rest) = self.first_that_fails(without, "dropped")? {
                (steps, parts) = (rest, (parts - 1).max(2));
            } else if parts < steps.len() {
                parts = (parts * 2).min(steps.len());
            } else {
                break;
            }
        }
        Some(steps)
    }

    /// Goes on from the first candidate that fails, until none does.
    fn while_any(
        &mut self,
        mut steps: Vec<Step>,
        candidates: fn(&[Step]) -> Vec<Vec<Step>>,
        how: &str,
    ) -> Goes<Vec<Step>> {
        while let Some(smaller) = self.first_that_fails(candidates(&steps), how)? {
            steps = smaller;
        }
        Some(steps)
    }

    fn first_that_fails(&mut self, candidates: Vec<Vec<Step>>, how: &str) -> Goes<Option<Vec<Step>>> {
        for candidate in candidates {
            if self.try_out(&candidate, how)? {
                return Some(Some(candidate));
            }
        }
        Some(None)
    }

    /// Runs the smallest as often as its rate needs.
    fn measure(&mut self) -> Goes<()> {
        let Some(Smallest { steps, .. }) = self.smallest.clone() else { return Some(()) };
        let index = self.known.iter().position(|(known, _)| *known == steps)?;
        while self.known[index].1.runs < self.tries {
            self.once(index)?;
            self.smallest = Some(Smallest { steps: steps.clone(), rate: self.known[index].1 });
        }
        Some(())
    }
}

/// Each of so many parts alone, and all without each of them.
fn divided(steps: &[Step], parts: usize) -> (Vec<Vec<Step>>, Vec<Vec<Step>>) {
    let bounds = |part: usize| (steps.len() * part / parts, steps.len() * (part + 1) / parts);
    let alone = (0..parts).map(bounds).map(|(from, to)| steps[from..to].to_vec()).collect();
    let without = (0..parts).map(bounds).map(|(from, to)| [&steps[..from], &steps[to..]].concat());
    // Of two parts, what is left without one is the other.
    (alone, without.filter(|_| parts > 2).collect())
}
