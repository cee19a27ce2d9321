//! Races on a simulated machine whose true speeds are known: how often does the wrong candidate win?
//!
//! The noise is that of real machines, and rather more of it: medians of laps vary by two percent, one lap in seven
//! runs in a slow mode, neighbours come and go and slow everything down for many laps, and every fifth session lies
//! unluckily in memory and is slower for as long as it lives.

use std::time::Duration;

use super::candidates::Kind;
use super::race::{Entry, Lap, Outcome, Race, Track};
use super::statistics::Random;
use crate::Result;
use crate::engine::compile::PlanChanges;

const RACES: u64 = 1000;
const MARGIN: f64 = 0.03;
const SIGNIFICANCE: f64 = 0.01;

struct Machine {
    random: Random,
    /// What a candidate's runs truly take, as a share of the default's, by its provider's name.
    speeds: Vec<(String, f64)>,
    /// Factors of the sessions that there are.
    sessions: Vec<(PlanChanges, f64)>,
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

    fn speed(&self, changes: &PlanChanges) -> f64 {
        // Combinations are as fast as the part that the provider names.
        let named =
            |name: &String| self.speeds.iter().find(|(other, _)| other == name).map(|(_, speed)| *speed);
        changes.provider.as_ref().and_then(named).unwrap_or(1.0)
    }
}

impl Track for Machine {
    fn enter(&mut self, changes: &PlanChanges) -> Result<Entry> {
        self.spend(20);
        let factor = if self.unit() < 0.2 { 1.04 + 0.08 * self.unit() } else { 1.0 };
        assert!(self.sessions.iter().all(|(other, _)| other != changes), "entered twice");
        self.sessions.push((changes.clone(), factor));
        self.most_sessions = self.most_sessions.max(self.sessions.len());
        Ok(Entry::Ready { max_difference: 0.0 })
    }

    fn leave(&mut self, changes: &PlanChanges) {
        self.sessions.retain(|(other, _)| other != changes);
    }

    fn lap(&mut self, changes: &PlanChanges, _round: usize) -> Result<Lap> {
        self.spend(30);
        if self.unit() < 0.03 {
            self.neighbour = if self.neighbour > 1.0 { 1.0 } else { 1.2 + self.unit() };
        }
        let session = self.sessions.iter().find(|(other, _)| other == changes).expect("it has entered").1;
        let mode = if self.unit() < 0.15 { 1.25 } else { 1.0 };
        let true_ns = 1e6 * self.speed(changes) * session * self.neighbour;
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

fn provider(name: &str) -> PlanChanges {
    PlanChanges { provider: Some(name.into()), ..Default::default() }
}

/// A race between the default and candidates of these speeds, two of each kind; the true speed of who was chosen.
fn race(seed: u64, speeds: &[f64], slowness: u32) -> (Outcome, f64, usize) {
    let mut machine = Machine { slowness, ..Machine::new(seed, speeds) };
    let kinds = [Kind::Threads, Kind::Graph, Kind::Dims, Kind::Provider];
    let singles = (0..speeds.len()).map(|at| (kinds[at / 2 % 4], provider(&format!("p{at}")))).collect();
    let outcome = Race::new(&mut machine, MARGIN, SIGNIFICANCE, seed).run(singles, |_| Vec::new()).unwrap();
    let speed = machine.speed(&outcome.runners[outcome.chosen].changes);
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
    assert!(outcome.verdict.starts_with("`provider p6` takes 0.8"), "{}", outcome.verdict);
}

#[test]
fn the_same_seed_gives_the_same_race() {
    let rounds =
        |seed| race(seed, &[0.9, 1.0, 1.1], 1).0.runners.iter().map(|r| r.rounds.clone()).collect::<Vec<_>>();
    assert_eq!(rounds(5), rounds(5));
}
