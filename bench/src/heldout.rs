//! What is ordered of a candidate whose outputs for held-out inputs are judged.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::order::Order;

/// Inputs to run, and where outputs go.
#[derive(Debug, Serialize, Deserialize)]
pub struct HeldOut {
    /// The session: of its first model, with inputs of another size perhaps.
    pub session: Order,
    /// A folder of `.npz` files, each the inputs of one run.
    pub inputs: PathBuf,
    /// A folder for `NAME-INDEX.npy`: the outputs, named like the archive, in the order of the model's outputs.
    pub out: PathBuf,
}
