//! Latency over time in bounded memory: runs are gathered in slots of time that widen as the measurement goes on.

use serde::Serialize;

/// Slots are merged in pairs when there would be more. Twice as fine as a chart has pixels for.
const MAX_SLOTS: usize = 1024;
/// Width of the first slots.
const FIRST_SLOT_NS: u64 = 100_000;

/// Latency over time.
#[derive(Debug, Serialize)]
pub struct Timeline {
    /// Time that one slot covers.
    slot_ns: u64,
    /// Slots without a run are left out.
    slots: Vec<Slot>,
}

/// The runs that began in one stretch of time. Extremes are kept, however many runs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// When the slot begins, since the measurement did.
    pub start_ns: u64,
    /// The shortest run.
    pub min_ns: u64,
    /// The longest run.
    pub max_ns: u64,
    /// All runs together.
    pub sum_ns: u64,
    /// Number of runs.
    pub count: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { slot_ns: FIRST_SLOT_NS, slots: Vec::with_capacity(MAX_SLOTS) }
    }
}

impl Timeline {
    /// Adds a run. Runs come in the order in which they began.
    pub fn add(&mut self, start_ns: u64, latency_ns: u64) {
        let mut slot = Slot {
            start_ns: start_ns / self.slot_ns * self.slot_ns,
            min_ns: latency_ns,
            max_ns: latency_ns,
            sum_ns: latency_ns,
            count: 1,
        };
        while self.slots.len() == MAX_SLOTS
            && self.slots.last().is_some_and(|last| last.start_ns != slot.start_ns)
        {
            self.widen();
            slot.start_ns = start_ns / self.slot_ns * self.slot_ns;
        }
        push(&mut self.slots, slot);
    }

    /// The slots in order of time.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn widen(&mut self) {
        self.slot_ns *= 2;
        let narrow = std::mem::replace(&mut self.slots, Vec::with_capacity(MAX_SLOTS));
        for mut slot in narrow {
            slot.start_ns = slot.start_ns / self.slot_ns * self.slot_ns;
            push(&mut self.slots, slot);
        }
    }
}

fn push(slots: &mut Vec<Slot>, slot: Slot) {
    match slots.last_mut() {
        Some(last) if last.start_ns == slot.start_ns => {
            last.min_ns = last.min_ns.min(slot.min_ns);
            last.max_ns = last.max_ns.max(slot.max_ns);
            last.sum_ns = last.sum_ns.saturating_add(slot.sum_ns);
            last.count += slot.count;
        }
        _ => slots.push(slot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_extremes_are_kept() {
        let mut timeline = Timeline::default();
        let mut at = 0;
        for run in 0..200_000_u64 {
            let latency = if run == 77_777 { 9_000_000 } else { 10_000 + run % 7 };
            timeline.add(at, latency);
            at += latency + 500;
        }
        let slots = timeline.slots();
        assert!((MAX_SLOTS / 4..=MAX_SLOTS).contains(&slots.len()), "{}", slots.len());
        assert_eq!(slots.iter().map(|slot| slot.count).sum::<u64>(), 200_000);
        assert_eq!(slots.iter().map(|slot| slot.max_ns).max(), Some(9_000_000));
        assert!(slots.windows(2).all(|pair| pair[0].start_ns < pair[1].start_ns));
    }

    #[test]
    fn rare_long_runs_keep_a_slot_each() {
        let mut timeline = Timeline::default();
        (0..10).for_each(|run| timeline.add(run * 3_600_000_000_000, 3_600_000_000_000));
        assert_eq!(timeline.slots().len(), 10);
    }
}
