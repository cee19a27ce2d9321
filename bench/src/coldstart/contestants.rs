//! The candidates of this benchmark.

use ortlet_bench::harness::contestant::{Contestant, ORTLET, PLAIN_ORT, Program};

/// The candidate that the targets are about.
pub const SUBJECT: &str = "Ortlet cached";

const ORTLET_COLD: Contestant = Contestant { name: "Ortlet cold", ..ORTLET };

const OPENVINO: Contestant = Contestant {
    name: "OpenVINO",
    program: Program::Python("src/candidates/run_openvino.py", "ORTLET_BENCH_PYTHON"),
    threads: None,
    cached: false,
    exact: false,
};

/// All of them, the peer first.
pub const ALL: [Contestant; 6] = [
    PLAIN_ORT,
    ORTLET_COLD,
    Contestant { name: SUBJECT, cached: true, ..ORTLET },
    OPENVINO,
    Contestant { name: "OpenVINO cached", cached: true, ..OPENVINO },
    Contestant { name: "tract", program: Program::Beside("candidate-tract"), ..OPENVINO },
];

/// Those that measure the runtime itself.
pub const NATIVE: [Contestant; 2] = [PLAIN_ORT, ORTLET_COLD];
