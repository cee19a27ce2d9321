//! The threads that run: one or more for each kind of run.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use ortlet::{Cache, CancelToken, ErrorCode, Outputs, RunOptions, Session, SessionOptions, Threads};

use crate::block_on::block_on;
use crate::subjects::{Speech, Subject};

/// How often bindings are made anew.
const RUNS_PER_BINDING: u64 = 64;
/// Asynchronous runs at once.
const FUTURES: usize = 6;
/// Deadlines and delays of cancels go up to this, longer than most of the runs take.
const LONGEST_US: u64 = 8_000;

/// What became of the runs of a kind.
#[derive(Default)]
pub struct Counts {
    /// Gave the right result.
    pub exact: AtomicU64,
    /// Ended as they may: late, cancelled, or for want of a place.
    pub ended: AtomicU64,
}

impl Counts {
    pub fn all(&self) -> u64 {
        self.exact.load(Ordering::Relaxed) + self.ended.load(Ordering::Relaxed)
    }

    /// Counts a run, whose error has to be one that it may have.
    fn count(&self, subject: &Subject, run: ortlet::Result<Outputs>, allowed: ErrorCode) -> Result<()> {
        match run {
            Ok(outputs) => {
                subject.check(&outputs)?;
                self.exact.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.code() == allowed => {
                self.ended.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn add_exact(&self, count: u64) {
        self.exact.fetch_add(count, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Bound,
    Tied,
    Deadlines,
    Cancels,
    Asynchronous,
    Limited,
    Loads,
}

/// Kinds, their names, and how many threads run them.
const KINDS: [(Kind, &str, usize); 8] = [
    (Kind::Plain, "plain", 2),
    (Kind::Bound, "bound", 1),
    (Kind::Tied, "tied", 1),
    (Kind::Deadlines, "deadlines", 1),
    (Kind::Cancels, "cancels", 1),
    (Kind::Asynchronous, "asynchronous", 1),
    (Kind::Limited, "limited", 3),
    (Kind::Loads, "loads", 1),
];

/// What all callers share.
pub struct Fleet<'a> {
    subjects: &'a [Subject],
    speech: Speech<'a>,
    /// For each model one on the process's pool and one on callers' threads alone.
    sessions: Vec<[Session; 2]>,
    /// For each model one that lets in one run at a time.
    limited: Vec<Session>,
    cache: &'a Path,
    counts: [Counts; KINDS.len()],
}

impl<'a> Fleet<'a> {
    pub fn new(subjects: &'a [Subject], cache: &'a Path) -> Result<Self> {
        let pooled = SessionOptions::default();
        let alone = SessionOptions { threads: Threads::Count(1), ..pooled.clone() };
        let limited =
            SessionOptions { concurrency_limit: NonZeroU32::new(1), concurrency_wait_ms: 3, ..alone.clone() };
        let load = |subject: &Subject, options| Session::load(&subject.file, options);
        let sessions = subjects.iter().map(|subject| Ok([load(subject, &pooled)?, load(subject, &alone)?]));
        let sessions = sessions.collect::<Result<Vec<_>>>()?;
        let limited = subjects.iter().map(|subject| Ok(load(subject, &limited)?)).collect::<Result<_>>()?;
        let speech = subjects.iter().position(|subject| subject.name == "silero-vad").unwrap_or(0);
        let speech = Speech::new(subjects, &sessions[speech][1])?;
        Ok(Self { subjects, speech, sessions, limited, cache, counts: Default::default() })
    }

    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &Counts)> {
        KINDS.iter().zip(&self.counts).map(|((_, name, _), counts)| (*name, counts))
    }

    pub fn callers(&self) -> impl Iterator<Item = Caller<'_>> {
        let kinds = KINDS.iter().zip(&self.counts).enumerate();
        kinds.flat_map(move |(at, ((kind, name, threads), counts))| {
            (0..*threads).map(move |thread| {
                let seed = (at * 16 + thread + 1) as u64;
                Caller { fleet: self, kind: *kind, name, counts, seed }
            })
        })
    }
}

/// One thread.
pub struct Caller<'a> {
    fleet: &'a Fleet<'a>,
    kind: Kind,
    name: &'static str,
    counts: &'a Counts,
    seed: u64,
}

/// What a caller does next: numbers that look random.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    fn delay(&mut self) -> Duration {
        Duration::from_micros(self.below(LONGEST_US))
    }
}

impl Caller<'_> {
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs until told to stop.
    ///
    /// # Errors
    /// A result is not exact, or a run fails as it may not.
    pub fn work(&self, stop: &AtomicBool) -> Result<()> {
        let mut choices = Choices(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (canceller, tokens) = mpsc::channel::<(CancelToken, Duration)>();
        thread::scope(|scope| {
            if self.kind == Kind::Cancels {
                scope.spawn(move || {
                    for (token, delay) in tokens {
                        thread::sleep(delay);
                        token.cancel();
                    }
                });
            }
            let canceller = canceller;
            while !stop.load(Ordering::Relaxed) {
                self.step(&mut choices, &canceller)?;
            }
            Ok(())
        })
    }

    fn step(&self, choices: &mut Choices, canceller: &Sender<(CancelToken, Duration)>) -> Result<()> {
        let at = choices.index(self.fleet.subjects.len());
        let subject = &self.fleet.subjects[at];
        let session = &self.fleet.sessions[at][choices.index(2)];
        match self.kind {
            Kind::Plain => {
                subject.check(&session.run(subject.views())?)?;
                self.counts.add_exact(1);
            }
            Kind::Bound => self.bound(subject, session)?,
            Kind::Tied => self.tied()?,
            Kind::Deadlines => {
                let options = RunOptions { deadline: Some(choices.delay()), ..RunOptions::default() };
                let run = session.run_with(subject.views(), &options);
                self.counts.count(subject, run, ErrorCode::DeadlineExceeded)?;
            }
            Kind::Cancels => {
                let token = CancelToken::new();
                let options = RunOptions { cancel: Some(token.clone()), ..RunOptions::default() };
                canceller.send((token, choices.delay()))?;
                let run = session.run_with(subject.views(), &options);
                self.counts.count(subject, run, ErrorCode::Cancelled)?;
            }
            Kind::Asynchronous => self.asynchronous(subject, session, choices)?,
            Kind::Limited => {
                let run = self.fleet.limited[at].run(subject.views());
                self.counts.count(subject, run, ErrorCode::PoolExhausted)?;
            }
            Kind::Loads => self.load(subject, choices)?,
        }
        Ok(())
    }

    fn bound(&self, subject: &Subject, session: &Session) -> Result<()> {
        let mut binding = subject.bind(session)?;
        for _ in 0..RUNS_PER_BINDING {
            binding.run()?;
            subject.check_bound(&binding)?;
        }
        self.counts.add_exact(RUNS_PER_BINDING);
        Ok(())
    }

    fn tied(&self) -> Result<()> {
        let at = self.fleet.subjects.iter().position(|subject| subject.name == "silero-vad").unwrap_or(0);
        let mut binding = self.fleet.speech.bind(&self.fleet.sessions[at][1])?;
        for _ in 0..RUNS_PER_BINDING {
            self.fleet.speech.speak(&mut binding)?;
            self.counts.add_exact(1);
        }
        Ok(())
    }

    /// Several at once, of which some are dropped.
    fn asynchronous(&self, subject: &Subject, session: &Session, choices: &mut Choices) -> Result<()> {
        let start = || session.run_async(subject.owned(), RunOptions::default());
        let futures: Vec<_> = (0..FUTURES).map(|_| start()).collect();
        for future in futures {
            if choices.below(3) == 0 {
                drop(future);
                self.counts.ended.fetch_add(1, Ordering::Relaxed);
            } else {
                self.counts.count(subject, block_on(future), ErrorCode::Cancelled)?;
            }
        }
        Ok(())
    }

    /// A session of its own, with or without a cache, that is dropped with its future still under way at times.
    fn load(&self, subject: &Subject, choices: &mut Choices) -> Result<()> {
        let cache =
            if choices.below(4) == 0 { Cache::Off } else { Cache::Folder(self.fleet.cache.to_owned()) };
        let session = Session::load(&subject.file, &SessionOptions { cache, ..SessionOptions::default() })?;
        let future = session.run_async(subject.owned(), RunOptions::default());
        let outputs = session.run(subject.views())?;
        drop(session);
        subject.check(&outputs)?;
        ensure!(outputs == subject.expected, "outputs changed when their session ended");
        drop(future);
        self.counts.add_exact(1);
        Ok(())
    }
}
