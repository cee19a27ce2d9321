//! Races on a simulated machine whose true speeds are known: how often does the wrong candidate win?
//!
//! The noise is that of real machines, and rather more of it: medians of laps vary by two percent, one lap in seven
//! runs in a slow mode, neighbours come and go and slow everything down for many laps, and every fifth session lies
//! unluckily in memory and is slower for as long as it lives.

use std::time::Duration;

use super::race::{Outcome, Race, Rules};
use super::track::{Entry, Lap, Track};
use crate::Result;
use crate::random::Random;

const RACES: u64 = 1000;
const RULES: Rules<'_> = Rules { margin: 0.03, significance: 0.01, seed: 0, default_name: "the default" };

struct Machine {
    random: Random,
    /// What a candidate's runs truly take, as a share of the default's, by its name.
    speeds: Vec<(String, f64)>,
    /// Factors of the sessions that there are.
    sessions: Vec<(String, f64)>,
    neighbour: f64,
    left: Duration,
    most_sessions: usize,
    /// How much longer a lap takes than usual.
    slowness: u32,
}

impl Machine {
    fn new(seed: u64, speeds: &[f64]) -> Self {
        let speeds = speeds.iter().enumerate().map(|(at, &speed)| (format!("p{at}"), speed)).collect();
        Self {
            random: Random::new(seed),
            speeds,
            sessions: Vec::new(),
            neighbour: 1.0,
            left: Duration::from_secs(20),
            most_sessions: 0,
            slowness: 1,
        }
    }

    /// Evenly from 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.random.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normally distributed around 1.
    fn noise(&mut self, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        1.0 + (sum - 6.0) * deviation
    }

    fn spend(&mut self, milliseconds: u64) {
        self.left = self.left.saturating_sub(Duration::from_millis(milliseconds) * self.slowness);
    }

    fn speed(&self, candidate: &str) -> f64 {
        self.speeds.iter().find(|(name, _)| name == candidate).map_or(1.0, |(_, speed)| *speed)
    }
}

impl Track for Machine {
    type Candidate = String;

    fn enter(&mut self, candidate: &String) -> Result<Entry> {
        self.spend(20);
        let factor = if self.unit() < 0.2 { 1.04 + 0.08 * self.unit() } else { 1.0 };
        assert!(self.sessions.iter().all(|(other, _)| other != candidate), "entered twice");
        self.sessions.push((candidate.clone(), factor));
        self.most_sessions = self.most_sessions.max(self.sessions.len());
        Ok(Entry::Ready { max_difference: 0.0 })
    }

    fn leave(&mut self, candidate: &String) {
        self.sessions.retain(|(other, _)| other != candidate);
    }

    fn lap(&mut self, candidate: &String, _round: usize) -> Result<Lap> {
        self.spend(30);
        if self.unit() < 0.03 {
            self.neighbour = if self.neighbour > 1.0 { 1.0 } else { 1.2 + self.unit() };
        }
        let session = self.sessions.iter().find(|(other, _)| other == candidate).expect("it has entered").1;
        let mode = if self.unit() < 0.15 { 1.25 } else { 1.0 };
        let true_ns = 1e6 * self.speed(candidate) * session * self.neighbour;
        let median = true_ns * mode * self.noise(0.02);
        let lower = (true_ns * 0.97 * self.noise(0.01)).min(median);
        let upper = median * 1.04 * self.noise(0.02).max(1.0);
        Ok(Lap::Done { quartiles_ns: [lower, median, upper], run_count: 25 })
    }

    fn left(&self) -> Duration {
        self.left
    }

    fn remaining(&mut self, _count: usize) {}
}

/// A race between the default and candidates of these speeds, two of each group; the true speed of who was chosen.
fn race(seed: u64, speeds: &[f64], slowness: u32) -> (Outcome<String>, f64, usize) {
    let mut machine = Machine { slowness, ..Machine::new(seed, speeds) };
    let singles = (0..speeds.len()).map(|at| (at / 2 % 4, format!("p{at}"))).collect();
    let rules = Rules { seed, ..RULES };
    let outcome = Race::new(&mut machine, rules).run(singles, |_| Vec::new()).unwrap();
    let speed = machine.speed(&outcome.runners[outcome.chosen].candidate);
    (outcome, speed, machine.most_sessions)
}

/// How many of the races end with somebody whose true speed is like this.
fn count(speeds: &[f64], is_counted: impl Fn(f64) -> bool) -> usize {
    (0..RACES).filter(|&seed| is_counted(race(seed, speeds, 1).1)).count()
}

#[test]
fn ties_go_to_the_default() {
    let chosen = |seed| race(seed, &[1.0; 8], 1).0.chosen;
    let wrong = (0..RACES).filter(|&seed| chosen(seed) != 0).count();
    assert!(wrong <= 10, "{wrong} of {RACES} races");
}

#[test]
fn nobody_slower_is_chosen() {
    for speeds in [[1.005; 8], [1.02, 1.02, 1.05, 1.05, 1.1, 1.3, 2.0, 1.02]] {
        let wrong = count(&speeds, |speed| speed > 1.0);
        assert!(wrong <= 10, "{speeds:?}: {wrong} of {RACES} races");
    }
}

#[test]
fn a_faster_one_is_found_among_slower_ones() {
    let speeds = [1.3, 1.1, 1.0, 1.02, 0.98, 1.5, 0.8, 0.99];
    assert_eq!(count(&speeds, |speed| speed > 1.0), 0);
    let right = count(&speeds, |speed| speed == 0.8);
    assert!(right >= 950, "{right} of {RACES} races");
}

#[test]
fn short_races_find_less_but_do_not_err_more() {
    for slowness in [4, 16, 64, 1000] {
        let wrong =
            (0..RACES).filter(|&seed| race(seed, &[1.0, 1.05, 1.0, 1.02, 0.9], slowness).1 > 0.99).count();
        let default =
            (0..RACES).filter(|&seed| race(seed, &[1.0, 1.05, 1.0, 1.02, 0.9], slowness).0.chosen == 0);
        let wrong = wrong - default.count();
        assert!(wrong <= 10, "{slowness}: {wrong} of {RACES} races");
    }
}

#[test]
fn losers_give_their_memory_back_and_everybody_has_a_reason() {
    let (outcome, _, most_sessions) = race(1, &[1.3, 1.1, 1.0, 1.02, 0.98, 1.5, 0.8, 0.99], 1);
    assert!(most_sessions <= 9);
    assert_eq!(outcome.runners.len(), 9);
    for (at, runner) in outcome.runners.iter().enumerate() {
        assert_eq!(runner.reason.is_empty(), at == 0 || at == outcome.chosen, "{at}: {}", runner.reason);
    }
    assert!(outcome.verdict.starts_with("`p6` takes 0.8"), "{}", outcome.verdict);
}

#[test]
fn the_same_seed_gives_the_same_race() {
    let rounds =
        |seed| race(seed, &[0.9, 1.0, 1.1], 1).0.runners.iter().map(|r| r.rounds.clone()).collect::<Vec<_>>();
    assert_eq!(rounds(5), rounds(5));
}
