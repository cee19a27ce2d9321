//! What a race can be asked for, and what it tells while it is under way.

use serde::{Deserialize, Serialize};

use crate::engine::observer::Observer;
use crate::engine::runtime::{Precision, SessionOptions, Threads};
use crate::engine::session::CancelToken;
use crate::{Error, Result};

/// More callers than any device serves at once; a larger number is a mistake.
const MAX_CONCURRENCY: u32 = 256;

/// How a model is tuned. Every field has a default; unknown fields are an error when read from JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TuneOptions {
    /// The options that sessions will be loaded with: the default that candidates have to beat. `threads` has to be
    /// `auto`. Their `cache` is where the plan is kept.
    pub session: SessionOptions,
    /// Callers that run the model at once. Default: 1.
    pub concurrency: u32,
    /// How long the race may take, in milliseconds. What is under way then is ended; only the creation of a session
    /// and the first runs of the default are always waited for. Default: 20,000.
    pub time_limit_ms: u64,
    /// By how much outputs may differ from the default's: a share of the largest magnitude in an output. Integers,
    /// texts and the like have to be equal in any case. Default: 0.001.
    pub tolerance: f64,
    /// Whether sizes of symbolic dimensions, where all samples have the same, may be fixed. A session that follows
    /// such a plan refuses inputs of other sizes, so this is for programs that never have any. Default: false.
    pub fix_dims: bool,
    /// Decides the order in which candidates run. Default: 0.
    pub seed: u64,
    /// Ends the race with `cancelled`; what was measured so far is lost.
    #[serde(skip)]
    pub cancel: Option<CancelToken>,
    /// Is told how the race goes.
    #[serde(skip)]
    pub progress: Option<TuneObserver>,
}

impl Default for TuneOptions {
    fn default() -> Self {
        Self {
            session: SessionOptions::default(),
            concurrency: 1,
            time_limit_ms: 20_000,
            tolerance: 1e-3,
            fix_dims: false,
            seed: 0,
            cancel: None,
            progress: None,
        }
    }
}

impl TuneOptions {
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |name: &str, reason: String| Err(Error::invalid_argument(name, reason));
        if !(1..=MAX_CONCURRENCY).contains(&self.concurrency) {
            return wrong(
                "concurrency",
                format!("{} is not between 1 and {MAX_CONCURRENCY}", self.concurrency),
            );
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return wrong("tolerance", format!("{} is no share of at least 0", self.tolerance));
        }
        if self.session.precision != Precision::Original {
            return wrong(
                "session.precision",
                "it is chosen before; compile the model with it, and tune what was compiled".into(),
            );
        }
        if self.session.threads != Threads::Auto {
            return wrong(
                "session.threads",
                "a plan is only for `auto`: any number is followed as it is".into(),
            );
        }
        Ok(())
    }
}

/// Where a race is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TuneProgress {
    /// The candidate whose turn it is.
    pub candidate: String,
    /// The round, from 0; `None` while the candidate's session is being made.
    pub round: Option<usize>,
    /// Candidates still in the race, the default included.
    pub remaining_count: usize,
    /// Time since the race began.
    pub elapsed_ns: u64,
    /// Time that it may take.
    pub time_limit_ns: u64,
}

/// A function that is told how a race goes. It is called between measurements, on the thread that tunes, and takes time
/// from the race.
pub type TuneObserver = Observer<TuneProgress>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_read_from_json_and_wrong_ones_are_refused() {
        let json = r#"{ "concurrency": 4, "session": { "profile": "throughput" }, "time_limit_ms": 5 }"#;
        let options: TuneOptions = serde_json::from_str(json).unwrap();
        assert_eq!((options.concurrency, options.time_limit_ms, options.tolerance), (4, 5, 1e-3));
        assert!(options.check().is_ok());
        let again = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<TuneOptions>(&again).unwrap(), options);
        for unknown in [r#"{ "time": 1 }"#, r#"{ "cancel": null }"#, r#"{ "session": { "x": 1 } }"#] {
            assert!(serde_json::from_str::<TuneOptions>(unknown).is_err(), "{unknown}");
        }
        for (json, named) in [
            (r#"{ "concurrency": 0 }"#, "concurrency"),
            (r#"{ "tolerance": -1 }"#, "tolerance"),
            (r#"{ "session": { "threads": 2 } }"#, "session.threads"),
            (r#"{ "session": { "precision": "auto" } }"#, "session.precision"),
        ] {
            let options: TuneOptions = serde_json::from_str(json).unwrap();
            assert!(options.check().unwrap_err().to_string().contains(named), "{json}");
        }
    }
}
