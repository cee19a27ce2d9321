//! Ten thousand cancels from other threads, at any moment: what survives is exact, and nothing ends that was not
//! cancelled.

mod executor;
mod graphs;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use executor::block_on;
use graphs::{CancelOnDrop, ENDLESS, Products};
use ortlet::tensor::Tensor;
use ortlet::{Binding, CancelToken, ErrorCode, RunOptions, Session, SessionOptions, Threads};

const SIZE: usize = 32;
const CANCELS: usize = 10_000;
const CALLERS: usize = 4;
/// Products of the cases: from runs that are over before anyone can cancel them to runs of some milliseconds.
const COUNTS: [i64; 8] = [1, 3, 10, 30, 100, 200, 400, 800];

/// Numbers that look random: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

struct Case {
    products: Products,
    expected: Tensor,
}

fn sessions() -> Vec<Session> {
    let one = SessionOptions { threads: Threads::Count(1), ..SessionOptions::default() };
    let limited = SessionOptions {
        concurrency_limit: NonZeroU32::new(2),
        concurrency_wait_ms: 3_600_000,
        ..one.clone()
    };
    let model = graphs::products(SIZE);
    [one, SessionOptions::default(), limited].map(|options| graphs::session(&model, &options)).into()
}

fn cases(session: &Session) -> Vec<Case> {
    let case = |(seed, &count): (usize, &i64)| {
        let products = Products::new(SIZE, count, seed);
        let mut outputs = session.run(products.pairs()).unwrap();
        Case { products, expected: outputs.remove("y").unwrap().into_tensor().unwrap() }
    };
    COUNTS.iter().enumerate().map(case).collect()
}

/// What became of the runs.
#[derive(Default)]
struct Counts {
    cancels: AtomicUsize,
    survived: AtomicUsize,
    /// Ended although their token was not cancelled before they began.
    ended: AtomicUsize,
}

/// Cancels the tokens that it gets, a while later.
fn canceller(tokens: &Receiver<(CancelToken, Duration)>) {
    for (token, delay) in tokens {
        // Sleeping would take far longer than a run.
        let start = Instant::now();
        while start.elapsed() < delay {
            std::hint::spin_loop();
        }
        token.cancel();
    }
}

/// One of the threads that run.
struct Caller<'a> {
    random: Random,
    sessions: &'a [Session],
    cases: &'a [Case],
    bindings: Vec<Binding<'static>>,
    /// Given to many runs, and replaced once it is cancelled.
    shared: CancelToken,
    canceller: Sender<(CancelToken, Duration)>,
    counts: &'a Counts,
}

impl Caller<'_> {
    /// Runs a case in any of the ways there are.
    fn run(&mut self, case: &Case, options: RunOptions) -> Result<(), ErrorCode> {
        let session = self.random.below(self.sessions.len());
        let outputs = match self.random.below(3) {
            0 => self.sessions[session].run_with(case.products.pairs(), &options),
            1 => block_on(self.sessions[session].run_async(case.products.owned(), options)),
            _ => return self.run_bound(session, case, &options),
        };
        let outputs = outputs.map_err(|error| error.code())?;
        assert_eq!(*outputs["y"].as_tensor().unwrap(), case.expected);
        Ok(())
    }

    fn run_bound(&mut self, session: usize, case: &Case, options: &RunOptions) -> Result<(), ErrorCode> {
        let binding = &mut self.bindings[session];
        binding.input_mut("count").unwrap().copy_from(&case.products.count.view()).unwrap();
        binding.input_mut("x").unwrap().copy_from(&case.products.x.view()).unwrap();
        binding.run_with(options).map_err(|error| error.code())?;
        assert_eq!(binding.output("y").unwrap().bytes(), case.expected.bytes());
        Ok(())
    }

    /// A run whose token somebody cancels at some time, or nobody.
    fn step(&mut self) {
        let cases = self.cases;
        let case = &cases[self.random.below(cases.len())];
        let token = CancelToken::new();
        let options = RunOptions { cancel: Some(token.clone()), ..RunOptions::default() };
        match self.random.below(10) {
            0 => assert_eq!(self.run(case, RunOptions::default()), Ok(()), "no token"),
            1 => assert_eq!(self.run(case, options), Ok(()), "a token that nobody cancels"),
            2 => {
                self.cancelled();
                token.cancel();
                assert_eq!(self.run(case, options), Err(ErrorCode::Cancelled), "cancelled before");
            }
            3 => {
                assert_eq!(self.run(case, options), Ok(()), "cancelled after");
                self.cancelled();
                token.cancel();
            }
            4..8 => {
                self.cancel_later(&token);
                self.run_that_may_end(case, options);
            }
            _ => {
                if self.shared.is_cancelled() {
                    self.shared = CancelToken::new();
                }
                if self.random.below(3) == 0 {
                    let shared = self.shared.clone();
                    self.cancel_later(&shared);
                }
                let cancel = Some(self.shared.clone());
                self.run_that_may_end(case, RunOptions { cancel, ..RunOptions::default() });
            }
        }
    }

    fn run_that_may_end(&mut self, case: &Case, options: RunOptions) {
        let token = options.cancel.clone().unwrap();
        let counter = match self.run(case, options) {
            Ok(()) => &self.counts.survived,
            Err(code) => {
                assert_eq!(code, ErrorCode::Cancelled);
                assert!(token.is_cancelled(), "ended, but nobody cancelled it");
                &self.counts.ended
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn cancel_later(&mut self, token: &CancelToken) {
        self.cancelled();
        let delay = Duration::from_micros(self.random.below(400) as u64);
        self.canceller.send((token.clone(), delay)).unwrap();
    }

    fn cancelled(&self) {
        self.counts.cancels.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn ten_thousand_cancels_end_only_what_they_are_for() {
    let sessions = sessions();
    let cases = cases(&sessions[0]);
    let counts = Counts::default();
    thread::scope(|scope| {
        for number in 0..CALLERS {
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || canceller(&receiver));
            let mut caller = Caller {
                random: Random(0x9e37_79b9 + number as u64),
                bindings: sessions.iter().map(|s| s.binder().bind().unwrap()).collect(),
                sessions: &sessions,
                cases: &cases,
                shared: CancelToken::new(),
                canceller: sender,
                counts: &counts,
            };
            scope.spawn(move || {
                while caller.counts.cancels.load(Ordering::Relaxed) < CANCELS {
                    caller.step();
                }
            });
        }
    });
    let (survived, ended) = (counts.survived.load(Ordering::Relaxed), counts.ended.load(Ordering::Relaxed));
    println!("{survived} survived, {ended} ended");
    assert!(survived > 100 && ended > 100, "the cancels came all too late or all too early");
    // Whatever was left behind, everything works.
    for session in &sessions {
        for case in &cases {
            let outputs = session.run(case.products.pairs()).unwrap();
            assert_eq!(*outputs["y"].as_tensor().unwrap(), case.expected);
        }
    }
}

#[test]
fn one_token_ends_many_runs_at_once() {
    let sessions = sessions();
    for round in 0..20 {
        thread::scope(|scope| {
            let stop = CancelOnDrop::default();
            let options = RunOptions { cancel: Some(stop.0.clone()), ..RunOptions::default() };
            let endless = Products::new(SIZE, ENDLESS, round);
            let futures: Vec<_> =
                (0..4).map(|at| sessions[at % 3].run_async(endless.owned(), options.clone())).collect();
            let callers: Vec<_> = (0..6)
                .map(|at| {
                    let (session, options) = (&sessions[at % 3], options.clone());
                    let endless = Products::new(SIZE, ENDLESS, round);
                    scope.spawn(move || session.run_with(endless.pairs(), &options).unwrap_err().code())
                })
                .collect();
            thread::sleep(Duration::from_millis(round as u64));
            stop.0.cancel();
            for caller in callers {
                assert_eq!(caller.join().unwrap(), ErrorCode::Cancelled);
            }
            for future in futures {
                assert_eq!(block_on(future).unwrap_err().code(), ErrorCode::Cancelled);
            }
        });
    }
}

#[test]
fn sessions_bindings_and_futures_are_dropped_while_they_run() {
    let model = graphs::products(SIZE);
    let options = SessionOptions { threads: Threads::Count(1), ..SessionOptions::default() };
    let endless = Products::new(SIZE, ENDLESS, 1);
    let quick = Products::new(SIZE, 3, 1);
    let mut expected = None;
    for round in 0..40 {
        let session = graphs::session(&model, &options);
        let outputs = session.run(quick.pairs()).unwrap();
        assert_eq!(*expected.get_or_insert_with(|| outputs.clone()), outputs, "round {round}");

        let stop = CancelOnDrop::default();
        let mut binding = session.binder().bind().unwrap();
        binding.input_mut("count").unwrap().copy_from(&endless.count.view()).unwrap();
        let run = RunOptions { cancel: Some(stop.0.clone()), ..RunOptions::default() };
        let bound = thread::spawn(move || binding.run_with(&run).unwrap_err().code());
        let dropped: Vec<_> =
            (0..3).map(|_| session.run_async(endless.owned(), RunOptions::default())).collect();
        let kept = session.run_async(quick.owned(), RunOptions::default());
        if round % 2 == 0 {
            thread::sleep(Duration::from_millis(round / 8));
        }
        // The last handle goes while three or four runs are under way.
        drop(session);
        drop(dropped);
        drop(stop);
        assert_eq!(block_on(kept).unwrap(), *expected.as_ref().unwrap());
        assert_eq!(bound.join().unwrap(), ErrorCode::Cancelled);
    }
}
