//! The neighbour: keeps as many threads busy as its argument says, until its standard input ends.

use std::hint::black_box;
use std::io::{self, Read};
use std::thread;

fn main() {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    for _ in 0..threads {
        thread::spawn(spin);
    }
    // Also when whoever started it is killed.
    let _ = io::stdin().read(&mut [0]);
}

/// Arithmetic: an instruction that means waiting would leave more of the core to a hardware thread beside it.
fn spin() {
    let mut number = 1_u64;
    loop {
        number = black_box(number).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
}
