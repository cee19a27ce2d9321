//! How a candidate does what it is asked: callers run sessions at the same time, and every run is timed.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::candidate::{Engine, Result, nanoseconds};
use crate::cpu;
use crate::load::{Load, Runs};
use crate::order::Model;

const FEWEST_RUNS: usize = 3;
const WARM_UP_RUNS: usize = 2;

/// Does it; the sessions are those of the models, in their order.
///
/// # Errors
/// There is no caller or no such model, or whatever the engine says.
pub fn run<E: Engine>(engine: &E, models: &[Model], sessions: &[E::Session], load: &Load) -> Result<Runs> {
    let callers = load.callers.iter().map(|&at| {
        let (model, session) = models.get(at).zip(sessions.get(at)).ok_or("there is no such model")?;
        Ok(Caller { engine, model, session, load })
    });
    let callers = callers.collect::<Result<Vec<_>>>()?;
    let (first, others) = callers.split_first().ok_or("there is no caller")?;
    let ready = Barrier::new(callers.len());
    thread::scope(|scope| {
        let others: Vec<_> = others.iter().map(|caller| scope.spawn(|| caller.work(&ready).0)).collect();
        // The main thread is the first caller, so that one caller needs no other thread.
        let (first, cpu_before) = first.work(&ready);
        let others = others.into_iter().map(|caller| caller.join().map_err(|_| "a caller panicked")?);
        let latencies_ns = [first].into_iter().chain(others).collect::<Result<_>>()?;
        let cpu = cpu::time().zip(cpu_before).map(|(after, before)| nanoseconds(after - before));
        Ok(Runs { latencies_ns, cpu_ns: cpu })
    })
}

struct Caller<'a, E: Engine> {
    engine: &'a E,
    model: &'a Model,
    session: &'a E::Session,
    load: &'a Load,
}

impl<E: Engine> Caller<'_, E> {
    /// The latencies, and the CPU time of the process when all callers were warm.
    fn work(&self, ready: &Barrier) -> (Result<Vec<u64>>, Option<Duration>) {
        let feed = self.warm_up();
        // Even if it failed: the others wait.
        ready.wait();
        let cpu = cpu::time();
        (feed.and_then(|feed| self.go_on(&feed)), cpu)
    }

    /// Makes what is fed, and some runs that are not counted: others ran in the meantime.
    fn warm_up(&self) -> Result<E::Feed> {
        let feed = self.engine.feed(self.model)?;
        for _ in 0..WARM_UP_RUNS {
            self.once(&feed)?;
        }
        Ok(feed)
    }

    fn go_on(&self, feed: &E::Feed) -> Result<Vec<u64>> {
        let time = Duration::from_millis(self.load.milliseconds);
        let (mut latencies, start) = (Vec::new(), Instant::now());
        while latencies.len() < FEWEST_RUNS || start.elapsed() < time {
            latencies.push(nanoseconds(self.once(feed)?));
        }
        Ok(latencies)
    }

    /// One run; what is left of its period is waited for afterwards.
    fn once(&self, feed: &E::Feed) -> Result<Duration> {
        let start = Instant::now();
        // Dropped within the time: giving the memory back is part of a run.
        drop(self.engine.run(self.session, feed)?);
        let latency = start.elapsed();
        if let Some(period) = self.load.period_ms {
            thread::sleep(Duration::from_millis(period).saturating_sub(latency));
        }
        Ok(latency)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::order::Order;

    /// Counts runs, and does not give one back before enough callers are inside at once.
    struct Counter {
        together: Barrier,
    }

    impl Engine for Counter {
        type Feed = ();
        type Session = AtomicUsize;
        type Outputs = ();

        fn start(_: &Order) -> Result<Self> {
            Err("not asked for".into())
        }

        fn feed(&self, model: &Model) -> Result<()> {
            if model.file.as_os_str() == "bad" { Err("no such input".into()) } else { Ok(()) }
        }

        fn create(&self, _: &Model) -> Result<AtomicUsize> {
            Ok(AtomicUsize::new(0))
        }

        fn run(&self, session: &AtomicUsize, (): &()) -> Result<()> {
            self.together.wait();
            session.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn elements(&self, (): &()) -> Result<Vec<f32>> {
            Ok(vec![])
        }
    }

    fn run_counter(files: [&str; 2], callers: &[usize]) -> (Result<Runs>, Vec<usize>) {
        let models = files.map(|file| Model { file: file.into(), inputs: vec![] });
        let engine = Counter { together: Barrier::new(callers.len().max(1)) };
        let sessions = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let load = Load { callers: callers.to_vec(), milliseconds: 0, period_ms: None };
        let runs = run(&engine, &models, &sessions, &load);
        (runs, sessions.iter().map(|session| session.load(Ordering::Relaxed)).collect())
    }

    #[test]
    fn callers_run_their_own_sessions_at_the_same_time() {
        let (runs, counts) = run_counter(["a", "b"], &[0, 1, 1]);
        let latencies = runs.unwrap().latencies_ns;
        assert_eq!(latencies.iter().map(Vec::len).collect::<Vec<_>>(), [FEWEST_RUNS; 3]);
        assert_eq!(counts, [FEWEST_RUNS + WARM_UP_RUNS, 2 * (FEWEST_RUNS + WARM_UP_RUNS)]);
    }

    #[test]
    fn mistakes_are_told_and_nobody_waits_for_ever() {
        let reason = |files, callers| run_counter(files, callers).0.unwrap_err().to_string();
        assert_eq!(reason(["a", "b"], &[]), "there is no caller");
        assert_eq!(reason(["a", "b"], &[2]), "there is no such model");
        assert_eq!(reason(["bad", "b"], &[0]), "no such input");
        assert_eq!(reason(["bad", "bad"], &[0, 1]), "no such input");
    }
}
