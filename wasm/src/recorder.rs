//! The counts and latencies of a session's runs.

use std::rc::Rc;

use ortlet::metrics::{RunOutcome, RunRecorder, SessionMetrics, openmetrics_text};
use ortlet::{ErrorCode, LoadPhases};
use wasm_bindgen::prelude::*;

use crate::errors::Outcome;
use crate::json;

/// Counts and times the runs of one session.
#[wasm_bindgen]
pub struct Recorder(Rc<RunRecorder>);

#[wasm_bindgen]
impl Recorder {
    /// One that has seen nothing.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "only JavaScript makes them")]
    pub fn new() -> Self {
        Self(Rc::new(RunRecorder::new()))
    }

    /// A run began, perhaps by waiting.
    pub fn started(&self) {
        self.0.started();
    }

    /// A run ended. `compute_ns` is NaN if it never computed, `code` the number of its error or 0.
    pub fn ended(&self, queue_ns: f64, compute_ns: f64, code: u32) {
        let error = ErrorCode::ALL.into_iter().find(|one| *one as u32 == code);
        // Conversions saturate: what is less than 0 is 0.
        let compute_ns = (!compute_ns.is_nan()).then_some(compute_ns as u64);
        self.0.ended(RunOutcome { queue_ns: queue_ns as u64, compute_ns, error });
    }

    /// JSON of the metrics with their percentiles; `load` has the load's phases, see [`openmetrics`].
    pub fn report(&self, load: &[f64]) -> Outcome<String> {
        Ok(json::write(&self.metrics(load).report())?)
    }

    /// Another handle of the same recorder, for functions that take handles away.
    pub fn share(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl Recorder {
    fn metrics(&self, load: &[f64]) -> SessionMetrics {
        SessionMetrics { load: phases(load), ..self.0.snapshot() }
    }
}

/// Numbers in the order of the fields of [`LoadPhases`]; NaN is nothing, and so is what is missing.
const PHASE_COUNT: usize = 9;

fn phases(numbers: &[f64]) -> LoadPhases {
    let ns = |at: usize| numbers.get(at).filter(|ns| !ns.is_nan()).map(|&ns| ns as u64);
    let of = |at: usize| ns(at).unwrap_or_default();
    LoadPhases {
        runtime_ns: of(0),
        check_ns: of(1),
        digest_ns: of(2),
        map_ns: of(3),
        create_ns: of(4),
        store_ns: of(5),
        warm_up_ns: of(6),
        total_ns: of(7),
        first_run_ns: ns(8),
    }
}

/// OpenMetrics of several sessions: their recorders, which are taken away, their names, and the phases of their loads one
/// after the other, 9 numbers each in the order of [`LoadPhases`], NaN for nothing.
///
/// # Errors
/// `invalid_argument` if two sessions have one name.
#[wasm_bindgen]
#[expect(clippy::needless_pass_by_value, reason = "this is how lists cross the border")]
pub fn openmetrics(recorders: Vec<Recorder>, names: Vec<String>, loads: &[f64]) -> Outcome<String> {
    let loads = loads.chunks(PHASE_COUNT);
    let metrics: Vec<_> =
        recorders.iter().zip(loads).map(|(recorder, load)| recorder.metrics(load)).collect();
    Ok(openmetrics_text(names.iter().map(String::as_str).zip(&metrics))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `wasm/js/src/wasm/phases.ts` has the same order.
    #[test]
    fn phases_come_in_the_order_of_the_fields() {
        let load = phases(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let fields = serde_json::to_string(&load).unwrap();
        let numbers: Vec<String> = (1..=9).map(|number| format!(":{number}")).collect();
        let places: Vec<_> = numbers.iter().map(|number| fields.find(number).unwrap()).collect();
        assert!(places.is_sorted(), "{fields}");
        assert_eq!(phases(&[1.0, f64::NAN]), LoadPhases { runtime_ns: 1, ..LoadPhases::default() });
    }
}
