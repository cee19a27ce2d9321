//! From a tile's shape, known at run time, to the code that was compiled for it.

/// Calls `$tile::<M, P>` for `$m` rows and `$p` panels. Shapes of more than six rows of sixteen columns do not fit
/// into sixteen registers of eight lanes nor into thirty-two of four, so their panels are taken one after the other.
macro_rules! by_shape {
    ($m:expr, $p:expr, $tile:ident($a:expr, $stride:expr, $panels:expr, $count:expr, $acc:expr)) => {
        match ($m, $p) {
            (1, 1) => $tile::<1, 1>($a, $stride, $panels, $count, $acc),
            (1, 2) => $tile::<1, 2>($a, $stride, $panels, $count, $acc),
            (1, 3) => $tile::<1, 3>($a, $stride, $panels, $count, $acc),
            (2, 1) => $tile::<2, 1>($a, $stride, $panels, $count, $acc),
            (2, 2) => $tile::<2, 2>($a, $stride, $panels, $count, $acc),
            (2, 3) => $tile::<2, 3>($a, $stride, $panels, $count, $acc),
            (m, p) => {
                for index in 0..p {
                    let (panel, acc) = ($panels.only(index), $acc.add(16 * index));
                    match m {
                        3 => $tile::<3, 1>($a, $stride, panel, $count, acc),
                        4 => $tile::<4, 1>($a, $stride, panel, $count, acc),
                        5 => $tile::<5, 1>($a, $stride, panel, $count, acc),
                        6 => $tile::<6, 1>($a, $stride, panel, $count, acc),
                        _ => unreachable!("no tile has {m} rows"),
                    }
                }
            }
        }
    };
}

pub(super) use by_shape;
