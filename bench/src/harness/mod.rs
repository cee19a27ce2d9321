//! What starts candidates by turns, and makes tables, verdicts and a record of what they measure.

pub mod agreement;
pub mod comparison;
pub mod contestant;
pub mod goal;
pub mod heat;
pub mod loads;
pub mod machine;
pub mod models;
pub mod options;
pub mod places;
pub mod process;
pub mod programs;
pub mod progress;
pub mod report;
pub mod statistics;
pub mod table;
pub mod verdict;
