//! What changes models.

mod artifact;
mod calibrate;
mod divide;
mod judge;
mod quantize;
mod tensor;

pub use artifact::Artifact;
pub use calibrate::{Calibration, Calibrator};
pub use divide::divide;
pub use judge::{Judge, breach, check_accuracy};
pub use quantize::{Changed, model_report, quantize, simplify};
