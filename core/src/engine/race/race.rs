//! The race: who runs when, who drops out, who wins. Policy only: a [`Track`] does the running.
//!
//! Heats halve the candidates of each group until one is left (successive halving: Karnin, Koren, Somekh, "Almost
//! Optimal Exploration in Multi-Armed Bandits", ICML 2013). What was measured there only proposes a candidate. A final
//! with new sessions decides, so that whoever was merely lucky in the heats gains nothing by it.

use std::time::Duration;

use super::judge::{Bar, Judgement, Pair, judge};
use super::statistics::median;
use super::track::{Entry, Lap, Track};
use crate::Result;
use crate::engine::compile::PlanRound;
use crate::random::Random;

/// Rounds between two halvings.
const HEAT_ROUNDS: usize = 6;
/// The fewest rounds that say anything about who is faster.
const FEWEST_ROUNDS: usize = 2;
/// Pairs of new sessions in a final, and rounds with each.
const BLOCK_COUNT: usize = 3;
const BLOCK_ROUNDS: usize = 12;
/// With fewer rounds in each block, not even winning all of them would be significant.
const FEWEST_BLOCK_ROUNDS: usize = 3;
/// Candidates that may be in a final, one after the other.
const FINAL_COUNT: usize = 2;
/// Shares of the time that are left for what follows: candidates enter until the first, heats go on until the second,
/// and combinations until the third.
const LEFT_AFTER_ENTRY: f64 = 0.6;
const LEFT_AFTER_HEATS: f64 = 0.45;
const LEFT_AFTER_COMBINATIONS: f64 = 0.35;

/// Candidates of one group exclude each other, those of different groups can be combined.
pub(in crate::engine) type Group = usize;

/// What a race is held to.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Rules<'a> {
    /// A winner is faster than the default by at least this share.
    pub(in crate::engine) margin: f64,
    /// The probability that a final with a candidate that is no faster by the margin is won by chance.
    pub(in crate::engine) significance: f64,
    /// Decides the order in which candidates run.
    pub(in crate::engine) seed: u64,
    /// What verdicts call the default: `the default`.
    pub(in crate::engine) default_name: &'a str,
}

/// A candidate in the race.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Runner<C> {
    /// `None` for the default and for combinations.
    group: Option<Group>,
    pub(in crate::engine) candidate: C,
    pub(in crate::engine) rounds: Vec<PlanRound>,
    pub(in crate::engine) max_difference: Option<f64>,
    pub(in crate::engine) is_out: bool,
    pub(in crate::engine) reason: String,
    pub(in crate::engine) final_ratio: Option<f64>,
    /// How long making its session took the last time.
    entry_s: f64,
    /// How long its laps took, with everything around the runs.
    laps_s: Vec<f64>,
}

/// How a race ended. The default is runner 0.
pub(in crate::engine) struct Outcome<C> {
    pub(in crate::engine) runners: Vec<Runner<C>>,
    pub(in crate::engine) chosen: usize,
    pub(in crate::engine) verdict: String,
}

/// A race under way.
pub(in crate::engine) struct Race<'t, T: Track> {
    track: &'t mut T,
    bar: Bar<'t>,
    random: Random,
    runners: Vec<Runner<T::Candidate>>,
    next_round: usize,
    total: Duration,
}

const DEFAULT: usize = 0;

const TOO_SHORT: &str = "the time was too short to race";

impl<'t, T: Track> Race<'t, T> {
    pub(in crate::engine) fn new(track: &'t mut T, rules: Rules<'t>) -> Self {
        let total = track.left();
        // Every candidate that gets a final is one more chance to err.
        let Rules { margin, significance, seed, default_name } = rules;
        let bar = Bar { margin, significance: significance / FINAL_COUNT as f64, default_name };
        let runners = vec![Runner::default()];
        Self { track, bar, random: Random::new(seed), runners, next_round: 0, total }
    }

    /// Races single candidates, then the `combinations` of the best of each group, then the best of all against the
    /// default.
    ///
    /// # Errors
    /// Those of [`Track`].
    pub(in crate::engine) fn run(
        mut self,
        singles: Vec<(Group, T::Candidate)>,
        combinations: impl FnOnce(&[(Group, T::Candidate)]) -> Vec<T::Candidate>,
    ) -> Result<Outcome<T::Candidate>> {
        self.make_session(DEFAULT)?;
        let mut field = Vec::new();
        for (group, candidate) in singles {
            field.extend(self.enter(Some(group), candidate)?);
        }
        let mut best = self.heats(field)?;
        let winners: Vec<_> = best.iter().filter_map(|&at| self.as_single(at)).collect();
        for candidate in combinations(&winners) {
            best.extend(self.enter(None, candidate)?);
        }
        if best.len() > winners.len() {
            self.rounds(&best, HEAT_ROUNDS, LEFT_AFTER_COMBINATIONS)?;
        }
        let ranking = self.ranking(best);
        let (chosen, verdict) = self.finals(&ranking)?;
        Ok(Outcome { runners: self.runners, chosen, verdict })
    }

    fn as_single(&self, at: usize) -> Option<(Group, T::Candidate)> {
        Some((self.runners[at].group?, self.runners[at].candidate.clone()))
    }

    /// Lets a new candidate in; `None` if it cannot take part.
    fn enter(&mut self, group: Option<Group>, candidate: T::Candidate) -> Result<Option<usize>> {
        let at = self.runners.len();
        self.runners.push(Runner { group, candidate, ..Runner::default() });
        self.track.remaining(self.runners.iter().filter(|runner| !runner.is_out).count());
        if !self.has_time(if group.is_some() { LEFT_AFTER_ENTRY } else { LEFT_AFTER_COMBINATIONS }) {
            self.lose(at, "the time was up before it could enter".into());
            return Ok(None);
        }
        Ok(self.make_session(at)?.then_some(at))
    }

    /// Gives a runner a new session; false if it cannot have one.
    fn make_session(&mut self, at: usize) -> Result<bool> {
        let before = self.track.left();
        let entry = self.track.enter(&self.runners[at].candidate)?;
        self.runners[at].entry_s = before.saturating_sub(self.track.left()).as_secs_f64();
        let (difference, refusal) = match entry {
            Entry::Ready { max_difference } => (Some(max_difference), None),
            Entry::Out { reason, max_difference } => (max_difference, Some(reason)),
        };
        let known = &mut self.runners[at].max_difference;
        *known = known.map_or(difference, |known| Some(known.max(difference.unwrap_or(known))));
        if let Some(reason) = refusal {
            self.put_out(at, reason);
            return Ok(false);
        }
        Ok(true)
    }

    fn has_time(&self, share: f64) -> bool {
        let left = self.track.left();
        !left.is_zero() && left >= self.total.mul_f64(share)
    }

    fn lose(&mut self, at: usize, reason: String) {
        self.track.leave(&self.runners[at].candidate);
        self.runners[at].reason = reason;
    }

    fn put_out(&mut self, at: usize, reason: String) {
        self.runners[at].is_out = true;
        self.lose(at, reason);
    }

    /// Halves the candidates of each group until one is left; gives those that were faster than the default.
    fn heats(&mut self, mut field: Vec<usize>) -> Result<Vec<usize>> {
        while !field.is_empty() {
            let in_time = self.rounds(&field, HEAT_ROUNDS, LEFT_AFTER_HEATS)?;
            let is_decided = !self.halve(&mut field, in_time);
            if is_decided || !in_time {
                break;
            }
        }
        // Two that are a little faster may together be faster by the margin.
        Ok(self.keep_faster(field, 1.0 - self.bar.margin / 2.0))
    }

    /// Drops the slower half of each group, or without time for more all but the fastest; whether there is anything
    /// left to decide.
    fn halve(&mut self, field: &mut Vec<usize>, in_time: bool) -> bool {
        field.retain(|&at| !self.runners[at].is_out);
        field.sort_by(|&a, &b| {
            let key = |at: usize| (self.runners[at].group, self.ratio(at).unwrap_or(f64::INFINITY));
            key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1))
        });
        let mut kept = Vec::new();
        let mut is_open = false;
        for group in field.chunk_by(|&a, &b| self.runners[a].group == self.runners[b].group) {
            let keep = if in_time { group.len().div_ceil(2) } else { 1 };
            is_open |= keep > 1;
            kept.extend(group[..keep].iter().copied());
        }
        for at in std::mem::take(field) {
            if !kept.contains(&at) {
                let best = kept.iter().find(|&&other| self.runners[other].group == self.runners[at].group);
                let reason = match (self.ratio(at), best) {
                    (Some(_), Some(&best)) => format!("slower than `{}`", self.runners[best].candidate),
                    _ => TOO_SHORT.to_owned(),
                };
                self.lose(at, reason);
            }
        }
        *field = kept;
        is_open
    }

    /// Keeps the candidates that take less than a share of the default's time.
    fn keep_faster(&mut self, field: Vec<usize>, bound: f64) -> Vec<usize> {
        let (faster, slower) =
            field.into_iter().partition(|&at| self.ratio(at).is_some_and(|ratio| ratio < bound));
        for at in slower {
            let reason = match self.ratio(at) {
                Some(ratio) => {
                    let default = self.bar.default_name;
                    format!("not faster than {default} by enough: takes {ratio:.2} of its time")
                }
                None => TOO_SHORT.to_owned(),
            };
            self.lose(at, reason);
        }
        faster
    }

    /// The candidates that are still faster than the default, the fastest first.
    fn ranking(&mut self, mut field: Vec<usize>) -> Vec<usize> {
        field.retain(|&at| !self.runners[at].is_out);
        let mut faster = self.keep_faster(field, 1.0 - self.bar.margin);
        faster.sort_by(|&a, &b| {
            let key = |at| self.ratio(at).unwrap_or(f64::INFINITY);
            key(a).total_cmp(&key(b))
        });
        for at in faster.split_off(faster.len().min(FINAL_COUNT)) {
            self.lose(at, "others were faster in the heats".into());
        }
        faster
    }

    /// Lets the best run against the default with new sessions; gives who is chosen, and the verdict.
    fn finals(&mut self, ranking: &[usize]) -> Result<(usize, String)> {
        for &at in ranking {
            self.track.leave(&self.runners[at].candidate);
        }
        let mut unjudged = Vec::new();
        for (number, &at) in ranking.iter().enumerate() {
            let Some(judgement) = self.final_of(at, ranking.len() - number)? else {
                unjudged.extend((!self.runners[at].is_out).then_some(at));
                continue;
            };
            self.runners[at].final_ratio = Some(judgement.ratio);
            match judgement.objection {
                Some(reason) => self.lose(at, reason),
                None => {
                    for &other in &ranking[number + 1..] {
                        self.lose(other, format!("slower than `{}`", self.runners[at].candidate));
                    }
                    let default = self.bar.default_name;
                    let (share, wins, rounds) = (judgement.ratio, judgement.win_count, judgement.round_count);
                    let verdict = format!(
                        "`{}` takes {share:.2} of {default}'s time, and was faster by at least {} % in {wins} of \
                         {rounds} rounds of the final",
                        self.runners[at].candidate,
                        self.bar.margin * 100.0
                    );
                    return Ok((at, verdict));
                }
            }
        }
        let default = self.bar.default_name;
        if let Some(&at) = unjudged.first() {
            let name = &self.runners[at].candidate;
            let verdict = format!("{default} stays: the time was too short to be sure of `{name}`");
            return Ok((DEFAULT, verdict));
        }
        let raced = self.runners.len() - 1;
        let verdict = format!(
            "{default} stays: none of {raced} candidates was shown to be faster by at least {} %",
            self.bar.margin * 100.0
        );
        Ok((DEFAULT, verdict))
    }

    /// Runs a candidate against the default; `None` if it drops out or the time is too short.
    fn final_of(&mut self, at: usize, finals_left: usize) -> Result<Option<Judgement>> {
        let enough = |rounds: &usize| *rounds >= FEWEST_BLOCK_ROUNDS;
        // Rather one final than none.
        let block_rounds = Some(self.block_rounds(at, finals_left)).filter(enough);
        let block_rounds = block_rounds.unwrap_or_else(|| self.block_rounds(at, 1));
        if !enough(&block_rounds) {
            self.lose(at, "the time was too short for a final".into());
            return Ok(None);
        }
        let mut blocks = Vec::new();
        for block in 0..BLOCK_COUNT {
            let first_of_block = self.next_round;
            if !self.renew(at, block)? || !self.rounds(&[at], block_rounds, 0.0)? {
                if !self.runners[at].is_out {
                    self.lose(at, "the time was up during its final".into());
                }
                return Ok(None);
            }
            blocks.push(self.pairs(at, first_of_block));
        }
        Ok((!self.runners[at].is_out).then(|| judge(&blocks, self.bar)))
    }

    /// How many rounds a block of a candidate's final may have, if the time has to do for so many finals.
    fn block_rounds(&self, at: usize, final_count: usize) -> usize {
        let block_s = self.track.left().as_secs_f64() * 0.9 / (final_count * BLOCK_COUNT) as f64;
        let both = [&self.runners[DEFAULT], &self.runners[at]];
        let entries_s: f64 = both.iter().map(|runner| runner.entry_s).sum();
        let round_s: f64 = both.iter().map(|runner| median(runner.laps_s.iter().copied())).sum();
        (((block_s - entries_s) / round_s).max(0.0) as usize).min(BLOCK_ROUNDS)
    }

    /// Gives a candidate and the default new sessions, in turns one of them first.
    fn renew(&mut self, at: usize, block: usize) -> Result<bool> {
        let mut order = [DEFAULT, at];
        order.rotate_left(block % 2);
        for at in order {
            self.track.leave(&self.runners[at].candidate);
        }
        for at in order {
            if !self.make_session(at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs candidates and the default by turns, in each round another one first, until less than a share of the time
    /// is left; whether all rounds were run.
    fn rounds(&mut self, field: &[usize], count: usize, reserve: f64) -> Result<bool> {
        let mut order: Vec<usize> = std::iter::once(DEFAULT).chain(field.iter().copied()).collect();
        self.random.shuffle(&mut order);
        let alive =
            |runners: &[Runner<T::Candidate>]| field.iter().filter(|&&at| !runners[at].is_out).count();
        for _ in 0..count {
            self.track.remaining(alive(&self.runners) + 1);
            let round = self.next_round;
            self.next_round += 1;
            order.rotate_left(1);
            for &at in &order {
                if self.runners[at].is_out {
                    continue;
                }
                if !self.has_time(reserve) || !self.lap(at, round)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Runs one candidate for a moment; false if the time is up.
    fn lap(&mut self, at: usize, round: usize) -> Result<bool> {
        let before = self.track.left();
        let lap = self.track.lap(&self.runners[at].candidate, round)?;
        self.runners[at].laps_s.push(before.saturating_sub(self.track.left()).as_secs_f64());
        match lap {
            Lap::Done { quartiles_ns: [lower_quartile_ns, median_ns, upper_quartile_ns], run_count } => {
                let lap = PlanRound { round, lower_quartile_ns, median_ns, upper_quartile_ns, run_count };
                self.runners[at].rounds.push(lap);
            }
            Lap::Out(reason) => self.put_out(at, reason),
            Lap::TimeUp => return Ok(false),
        }
        Ok(true)
    }

    /// A candidate and the default in the rounds from this one on that both have run.
    fn pairs(&self, at: usize, first_round: usize) -> Vec<Pair> {
        pairs(&self.runners[DEFAULT], &self.runners[at], first_round)
    }

    /// A candidate's median as a share of the default's; `None` if there are too few rounds to say.
    fn ratio(&self, at: usize) -> Option<f64> {
        ratio(&self.runners[DEFAULT], &self.runners[at]).filter(|_| self.pairs(at, 0).len() >= FEWEST_ROUNDS)
    }
}

fn pairs<C>(default: &Runner<C>, runner: &Runner<C>, first_round: usize) -> Vec<Pair> {
    let quartiles = |lap: &PlanRound| [lap.lower_quartile_ns, lap.median_ns, lap.upper_quartile_ns];
    let later = runner.rounds.iter().filter(|lap| lap.round >= first_round);
    let paired = later.filter_map(|lap| {
        let same = default.rounds.binary_search_by_key(&lap.round, |other| other.round).ok()?;
        Some(Pair { candidate: quartiles(lap), default: quartiles(&default.rounds[same]) })
    });
    paired.collect()
}

/// A runner's median as a share of the default's in the same round: the middle over all rounds.
pub(in crate::engine) fn ratio<C>(default: &Runner<C>, runner: &Runner<C>) -> Option<f64> {
    let pairs = pairs(default, runner, 0);
    (!pairs.is_empty()).then(|| median(pairs.iter().map(|pair| pair.candidate[1] / pair.default[1])))
}
