//! Races: which of several candidates runs fastest on this device, decided so that chance rarely wins.
//!
//! `race`, `track`, `judge` and `statistics` are policy and know no clock and no session; `simulation` tests them
//! against known speeds. `sessions` and `load` do the running, `compare` tells results apart.

mod compare;
mod judge;
mod load;
#[allow(clippy::module_inception)]
mod race;
mod sessions;
#[cfg(test)]
mod simulation;
mod statistics;
mod track;

pub(in crate::engine) use compare::difference_of_outputs;
pub(in crate::engine) use race::{Group, Outcome, Race, Rules, Runner, ratio};
pub(in crate::engine) use sessions::{Contest, Course, Place, Sessions, racing};
pub(in crate::engine) use statistics::median;
pub(in crate::engine) use track::Entry;
