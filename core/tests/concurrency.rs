//! One session, many threads: right results, and no more threads in the process than cores and callers need.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::model;
use ortlet::tensor::Tensor;
use ortlet::{Session, SessionOptions};

const CALLERS: usize = 8;
const RUNS: usize = 1000;
/// Threads that the other test of this program and ONNX Runtime itself may add, whatever the number of callers.
const OTHERS: usize = 4;

/// Speech-like input that differs from run to run.
fn chunk(seed: usize) -> Tensor {
    let samples = (0..576).map(|at| ((at * (seed + 3)) as f32 * 0.11).sin() * 0.3).collect();
    Tensor::from_vec([1, 576], samples).unwrap()
}

fn run(session: &Session, seed: usize) -> Tensor {
    let state = Tensor::zeros(ortlet::tensor::DType::F32, [2, 1, 128]).unwrap();
    let rate = Tensor::from_vec([], vec![16000_i64]).unwrap();
    let input = chunk(seed);
    let mut outputs = session.run([("input", &input), ("state", &state), ("sr", &rate)]).unwrap();
    outputs.remove("stateN").unwrap().into_tensor().unwrap()
}

fn process_threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn eight_threads_share_a_session() {
    let before = process_threads();
    let session = Session::load(model("silero-vad/silero_vad.onnx"), &SessionOptions::default()).unwrap();
    let expected: Vec<Tensor> = (0..64).map(|seed| run(&session, seed)).collect();
    assert_ne!(expected[0], expected[1]);

    let most_threads = AtomicUsize::new(0);
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (session, expected, most_threads) = (&session, &expected, &most_threads);
            scope.spawn(move || {
                for number in 0..RUNS {
                    let seed = (number * 7 + caller) % expected.len();
                    assert_eq!(run(session, seed), expected[seed], "caller {caller}, run {number}");
                    if number % 100 == 0 {
                        most_threads.fetch_max(process_threads(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let cores = thread::available_parallelism().unwrap().get();
    let most = most_threads.load(Ordering::Relaxed);
    println!("{most} threads at most, {before} before, {CALLERS} callers, {cores} cores");
    assert!(most <= before + CALLERS + cores + OTHERS);
}

#[test]
fn sessions_and_outputs_move_between_threads() {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Session>();
    send_and_sync::<ortlet::Outputs>();
    send_and_sync::<Tensor>();
    let session = Session::load(model("silero-vad/silero_vad.onnx"), &SessionOptions::default()).unwrap();
    let state = thread::spawn(move || run(&session, 1)).join().unwrap();
    // The session is gone; its output's memory is not.
    assert!(state.as_slice::<f32>().unwrap().iter().all(|value| value.is_finite()));
}
