//! Times of work on one thread.

use std::time::Instant;

use ortlet_bench::cpu;

/// Runs it; how many seconds it took. CPU time where the system tells it: then others may have the CPU in between.
pub fn seconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let (cpu, wall) = (cpu::time_of_thread(), Instant::now());
    let result = work();
    let own = cpu::time_of_thread().zip(cpu).map(|(after, before)| after.saturating_sub(before));
    (result, own.unwrap_or_else(|| wall.elapsed()).as_secs_f64().max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_comes_back_with_a_time() {
        let (result, seconds) = seconds(|| (1..=1000_u64).sum::<u64>());
        assert!(result == 500_500 && seconds > 0.0);
    }
}
