//! Threads that the caller lends.

/// Runs tasks, on as many threads as it has.
///
/// # Safety
/// [`run`](Self::run) has to call `task` exactly once with each index below `tasks`, and must not return (or unwind)
/// before the last call has returned: tasks write to memory that is the caller's again afterwards.
pub unsafe trait Parallel {
    /// How many tasks run at the same time at best; work is split by this. At least 1.
    fn threads(&self) -> usize;

    /// Calls `task` with 0, 1, … `tasks - 1`, in any order, on any thread.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// Everything on the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Serial;

// SAFETY: a plain loop: each index once, and all calls have returned when it ends.
unsafe impl Parallel for Serial {
    fn threads(&self) -> usize {
        1
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        for index in 0..tasks {
            task(index);
        }
    }
}

/// Memory that tasks write to, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub *mut T);

// SAFETY: a pointer; whoever writes through it promises that no two tasks touch the same place.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The element `at`.
    ///
    /// # Safety
    /// It has to lie within the memory.
    pub unsafe fn at(&self, at: usize) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(at) }
    }
}

/// The part of 0..`total` that is task `index` of `tasks`, in whole multiples of `unit`.
pub(crate) fn part(total: usize, unit: usize, tasks: usize, index: usize) -> std::ops::Range<usize> {
    let units = total.div_ceil(unit);
    let border = |index: usize| (units * index / tasks * unit).min(total);
    border(index)..border(index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_are_everything() {
        for (total, unit, tasks) in [(0, 8, 1), (1, 8, 3), (17, 8, 2), (64, 8, 5), (100, 1, 7)] {
            let mut end = 0;
            for index in 0..tasks {
                let part = part(total, unit, tasks, index);
                assert_eq!(part.start, end);
                assert!(part.start.is_multiple_of(unit) || part.start == total);
                end = part.end;
            }
            assert_eq!(end, total);
        }
    }
}
