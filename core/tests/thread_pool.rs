//! The process's one pool of threads: never more that compute than cores, right results, asleep when idle. Every test
//! looks at a process of its own, in which nothing else runs.

// What threads do is read from Linux's /proc.
#![cfg(target_os = "linux")]

mod common;
mod graphs;
mod process;

use std::process::Command;
use std::thread;
use std::time::Duration;

use common::{model, setting};
use graphs::Products;
use ortlet::runtime::{CpuReport, Runtime, RuntimeOptions};
use ortlet::tensor::{DType, Tensor};
use ortlet::{Outputs, Profile, Session, SessionOptions, Threads};
use process::{child, process_cpu, thread_count, threads_named, wait_until};

const CALLERS: usize = 6;

fn load(name: &str, options: &SessionOptions) -> Session {
    Session::load(model(name), options).unwrap()
}

/// A model with its inputs.
struct Case {
    session: Session,
    inputs: Vec<(&'static str, Tensor)>,
}

impl Case {
    fn run(&self) -> Outputs {
        self.session.run(self.inputs.iter().map(|(name, tensor)| (name, tensor))).unwrap()
    }
}

/// Numbers between -1 and 1.
fn waves(shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    Tensor::from_vec(shape, (0..count).map(|at: usize| (at as f32 * 0.37).sin()).collect()).unwrap()
}

fn cases(options: &SessionOptions) -> Vec<Case> {
    let whole = |shape: [usize; 2]| Tensor::from_vec(shape, vec![1_i64; shape[0] * shape[1]]).unwrap();
    let speech = vec![
        ("input", waves(&[1, 576])),
        ("state", waves(&[2, 1, 128])),
        ("sr", Tensor::from_vec([], vec![16_000_i64]).unwrap()),
    ];
    let text = vec![
        ("input_ids", whole([1, 32])),
        ("attention_mask", whole([1, 32])),
        ("token_type_ids", Tensor::zeros(DType::I64, [1, 32]).unwrap()),
    ];
    let bytes = vec![("bytes", Tensor::from_vec([1, 2048], (0..2048).map(|at| at % 257).collect()).unwrap())];
    let line = vec![("x", waves(&[1, 3, 48, 96]))];
    [
        ("silero-vad/silero_vad.onnx", speech),
        ("minilm/model.onnx", text),
        ("magika/model.onnx", bytes),
        ("rapidocr/PP-OCRv6_rec_small.onnx", line),
    ]
    .into_iter()
    .map(|(name, inputs)| Case { session: load(name, options), inputs })
    .collect()
}

fn cores() -> usize {
    CpuReport::read().usable_physical_count
}

fn workers() -> usize {
    threads_named("ortlet-worker")
}

/// Threads of the process once ONNX Runtime is loaded: it has one of its own beside the workers, which only waits.
fn threads_with_the_runtime() -> usize {
    Runtime::load(&RuntimeOptions::default()).unwrap();
    thread_count()
}

/// Runs an ignored test in a process of its own.
fn in_a_process(test: &str) {
    assert!(child(test).status().unwrap().success(), "{test}");
}

#[test]
fn sessions_share_one_pool_of_no_more_threads_than_cores() {
    in_a_process("sessions_share");
}

#[test]
#[ignore = "started by the test above"]
fn sessions_share() {
    let before = threads_with_the_runtime();
    let mut cases = cases(&SessionOptions::default());
    // The same models once more: eight sessions.
    cases.extend(self::cases(&SessionOptions::default()));
    let expected: Vec<Outputs> = cases.iter().map(Case::run).collect();
    assert_eq!(workers() + 1, cores(), "one thread for each core, the caller's included");
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (cases, expected) = (&cases, &expected);
            scope.spawn(move || {
                for number in 0..24 {
                    let at = (number * 5 + caller) % cases.len();
                    assert_eq!(cases[at].run(), expected[at], "caller {caller}, run {number}");
                    assert_eq!(workers() + 1, cores());
                }
            });
        }
    });
    // The governor, which does not compute, is all that was added.
    wait_until("the callers are gone", || thread_count() <= before + 1);
    drop(cases);
    assert_eq!(workers() + 1, cores());
}

#[test]
fn an_idle_pool_takes_no_cpu_time() {
    in_a_process("idle");
}

#[test]
#[ignore = "started by the test above"]
fn idle() {
    for profile in [Profile::Latency, Profile::Battery, Profile::Throughput] {
        let cases = cases(&SessionOptions { profile, ..SessionOptions::default() });
        for _ in 0..3 {
            cases.iter().for_each(|case| drop(case.run()));
        }
        // Long past the millisecond in which workers look for more to do.
        thread::sleep(Duration::from_millis(50));
        let before = process_cpu();
        thread::sleep(Duration::from_secs(1));
        let taken = process_cpu() - before;
        println!("{profile:?}: {taken:?} of CPU time in an idle second");
        // A worker that spins takes a second.
        assert!(taken < Duration::from_millis(300), "{profile:?}: {taken:?} of CPU time in an idle second");
    }
}

#[test]
fn requests_now_and_then_do_not_keep_the_workers_awake() {
    in_a_process("now_and_then");
}

#[test]
#[ignore = "started by the test above"]
fn now_and_then() {
    let cases = cases(&SessionOptions::default());
    let case = &cases[0];
    let spent = |pause: Duration| {
        let before = process_cpu();
        for _ in 0..30 {
            drop(case.run());
            thread::sleep(pause);
        }
        process_cpu() - before
    };
    spent(Duration::from_millis(1));
    let taken = spent(Duration::from_millis(30));
    println!("{taken:?} of CPU time for 30 requests in 0.9 s");
    // Spinning from one request to the next would take 0.9 s for each worker.
    assert!(taken < Duration::from_millis(400), "{taken:?}");
}

#[test]
fn other_numbers_of_threads_live_beside_the_pool() {
    in_a_process("beside_the_pool");
}

#[test]
#[ignore = "started by the test above"]
fn beside_the_pool() {
    let products = Products::new(64, 20, 1);
    let count = |count| SessionOptions { threads: Threads::Count(count), ..SessionOptions::default() };
    let session = |options: &SessionOptions| graphs::session(&graphs::products(64), options);
    let auto = session(&SessionOptions::default());
    let expected = auto.run(products.pairs()).unwrap();
    // The governor comes with the first run that can use workers.
    let before = thread_count();

    let ones: Vec<Session> = (0..4).map(|_| session(&count(1))).collect();
    let throughput = SessionOptions { profile: Profile::Throughput, ..SessionOptions::default() };
    let alone = session(&throughput);
    for session in ones.iter().chain([&alone]) {
        assert_eq!(session.run(products.pairs()).unwrap(), expected);
    }
    assert_eq!(thread_count(), before, "one thread is the caller's");

    let more = u32::try_from(cores()).unwrap() + 2;
    let own = session(&count(more));
    assert_eq!(own.run(products.pairs()).unwrap(), expected);
    assert_eq!(thread_count(), before + more as usize - 1, "a pool of its own");
    assert_eq!(workers() + 1, cores(), "the process's pool stays what it is");
    assert_eq!(auto.run(products.pairs()).unwrap(), expected);
    drop(own);
    wait_until("its threads go with the session", || thread_count() == before);
}

#[test]
fn every_profile_gives_the_same_results() {
    let all: Vec<Vec<Outputs>> = [Profile::Latency, Profile::Battery, Profile::Throughput]
        .into_iter()
        .map(|profile| {
            let options = SessionOptions { profile, ..SessionOptions::default() };
            cases(&options).iter().flat_map(|case| [case.run(), case.run(), case.run()]).collect()
        })
        .collect();
    assert!(all[0] == all[1] && all[0] == all[2]);
}

#[test]
fn a_process_that_may_use_one_core_has_no_workers() {
    // The mask is set before the program begins, as a container or `taskset` does it.
    let on_one_core = "import os, sys\n\
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n\
        os.execv(sys.argv[1], sys.argv[1:])";
    let test = child("on_one_core");
    let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
    python.args(["-c", on_one_core]).arg(test.get_program()).args(test.get_args());
    assert!(python.status().unwrap().success());
}

#[test]
#[ignore = "started by the test above"]
fn on_one_core() {
    assert_eq!(cores(), 1);
    let before = threads_with_the_runtime();
    let cases = cases(&SessionOptions::default());
    for case in &cases {
        assert_eq!(case.run(), case.run());
    }
    assert_eq!(workers(), 0);
    assert_eq!(thread_count(), before, "sessions and runs need none");
}
