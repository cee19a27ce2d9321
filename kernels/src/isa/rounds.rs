//! Loops of one instruction on registers alone, which show what a CPU can do at best.

/// A function that runs `rounds` rounds of `$sums` instructions that do not wait for each other, and gives their number.
macro_rules! rounds {
    ($name:ident, $features:literal, $sums:literal, $zero:expr, |$sum:ident, $a:ident, $b:ident| $step:expr) => {
        #[target_feature(enable = $features)]
        fn $name(rounds: usize) -> u64 {
            // In registers before the loop, and nothing the compiler could know.
            let ($a, $b) = (std::hint::black_box($zero), std::hint::black_box($zero));
            let mut sums = [$zero; $sums];
            for _ in 0..rounds {
                for $sum in &mut sums {
                    *$sum = $step;
                }
            }
            std::hint::black_box(sums);
            (rounds * $sums) as u64
        }
    };
}

pub(super) use rounds;
