//! The candidates of this benchmark.

use ortlet_bench::harness::contestant::{Contestant, OPENVINO, ORTLET, PLAIN_ORT, Program};
use ortlet_bench::order::Precision;

/// The candidate that the targets are about.
pub const SUBJECT: &str = "Ortlet cached";

const ORTLET_COLD: Contestant = Contestant { name: "Ortlet cold", ..ORTLET };

/// All of them, the peer first.
pub const ALL: [Contestant; 7] = [
    PLAIN_ORT,
    ORTLET_COLD,
    Contestant { name: SUBJECT, cached: true, ..ORTLET },
    Contestant {
        name: "Ortlet kernels",
        cached: true,
        precision: Precision::KernelsFp32,
        exact: false,
        ..ORTLET
    },
    OPENVINO,
    Contestant { name: "OpenVINO cached", cached: true, ..OPENVINO },
    Contestant { name: "tract", program: Program::Beside("candidate-tract"), ..OPENVINO },
];

/// Those that measure the runtime itself.
pub const NATIVE: [Contestant; 2] = [PLAIN_ORT, ORTLET_COLD];
