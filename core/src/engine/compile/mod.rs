//! Compiled models: optimised once, kept in an artifact, mapped by every later load.

pub(super) mod admit;
pub(super) mod blobs;
mod build;
pub(super) mod cached;
pub(super) mod clock;
pub(super) mod command;
pub(super) mod digest;
pub(super) mod disk;
#[cfg(test)]
mod forms;
pub(super) mod key;
pub(super) mod load;
pub(super) mod plan;
mod repair;
pub(super) mod save;
mod store;
mod taken;

pub use cached::CacheOutcome;
pub use command::CompileReport;
pub(super) use command::{Forms, compile_artifact, compile_file, compile_into, compile_model};
pub use plan::{Plan, PlanCandidate, PlanChanges, PlanKey, PlanOutcome, PlanReport, PlanRound};
pub(super) use store::Store;
pub use store::{CacheEntry, CacheEntryKind};
pub(super) use taken::take_over;
