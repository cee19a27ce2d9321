//! Every instruction set's tiles against plain sums, in every shape. Buffers end where the last row ends, so that the
//! address sanitizer sees a read too far.

use super::{ACC_PITCH, Isa, Job, MAX_ROWS, Micro, Panels};

/// A sequence of numbers that are as good as random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// In ±2, with now and then a zero or something small.
    fn float(&mut self) -> f32 {
        match self.next() % 16 {
            0 => 0.0,
            1 => (self.next() % 1000) as f32 * 1e-20,
            _ => (self.next() >> 40) as f32 / (1_u64 << 22) as f32 - 2.0,
        }
    }
}

/// What is in places that a tile must not write.
const UNTOUCHED: f64 = -77.0;
/// Numbers of a panel's rows: none, one, odd, even, many.
const DEPTHS: &[usize] = if cfg!(miri) { &[0, 3] } else { &[0, 1, 2, 3, 8, 37, 192] };

/// Calls `judge` with the shape of every tile: rows, panels, rows of a panel, bytes between two rows of input, of which
/// a row of the panel takes `width`.
fn each_shape<M: Micro>(width: usize, mut judge: impl FnMut(usize, usize, usize, usize)) {
    for m in 1..=M::MAX_ROWS {
        for p in 1..=M::MAX_PANELS {
            for (index, &depth) in DEPTHS.iter().enumerate() {
                judge(m, p, depth, depth * width + if index % 2 == 0 { 0 } else { 64 });
            }
        }
    }
}

fn bytes(m: usize, depth: usize, stride: usize, width: usize) -> usize {
    (m - 1) * stride + depth * width
}

/// A panel's row, on its border.
#[repr(align(64))]
struct Row([u8; 64]);

/// Panels, each in a place of its own.
fn panels(p: usize, depth: usize, mut column: impl FnMut() -> [u8; 4]) -> Vec<Vec<Row>> {
    let mut row = || {
        let mut row = Row([0; 64]);
        row.0.as_chunks_mut().0.fill_with(&mut column);
        row
    };
    (0..p).map(|_| (0..depth).map(|_| row()).collect()).collect()
}

fn pointers(panels: &[Vec<Row>]) -> Panels {
    let pointer =
        |index| panels.get(index).map_or(std::ptr::null(), |panel: &Vec<Row>| panel.as_ptr().cast());
    Panels::new(std::array::from_fn(pointer))
}

/// Compares all places of the tile, those included that are not to be written.
fn compare(
    what: &str,
    (m, p, depth): (usize, usize, usize),
    got: impl Fn(usize) -> f64,
    expected: impl Fn(usize, usize) -> (f64, f64),
) {
    for at in 0..MAX_ROWS * ACC_PITCH {
        let (row, column) = (at / ACC_PITCH, at % ACC_PITCH);
        let inside = row < m && column < 16 * p;
        let (value, tolerance) = if inside { expected(row, column) } else { (UNTOUCHED, 0.0) };
        let off = (got(at) - value).abs();
        assert!(
            off <= tolerance,
            "{what}, {m} rows, {p} panels of {depth}: {} at row {row}, column {column}, not {value}",
            got(at)
        );
    }
}

fn exact_i8<M: Micro>(mut code: impl FnMut() -> u8, mut weight: impl FnMut() -> i8) {
    each_shape::<M>(4, |m, p, depth, stride| {
        let a: Vec<u8> = (0..bytes(m, depth, stride, 4)).map(|_| code()).collect();
        let panels = panels(p, depth, || std::array::from_fn(|_| weight() as u8));
        let mut acc = [UNTOUCHED as i32; MAX_ROWS * ACC_PITCH];
        let stored: Vec<u8> = a.iter().map(|code| if M::SIGNED { code ^ 0x80 } else { *code }).collect();
        // SAFETY: rows, panels and sums are as long as the shape says, and the processor has the instructions.
        unsafe { M::tile_i8(m, p, stored.as_ptr(), stride, pointers(&panels), depth, acc.as_mut_ptr()) }
        compare(
            "int8",
            (m, p, depth),
            |at| acc[at].into(),
            |row, column| {
                let mut sum = 0_i64;
                for k in 0..4 * depth {
                    let weight = panels[column / 16][k / 4].0[4 * (column % 16) + k % 4] as i8;
                    let code = i64::from(a[row * stride + k]) - if M::SIGNED { 128 } else { 0 };
                    sum += code * i64::from(weight);
                }
                (sum as f64, 0.0)
            },
        );
    });
}

/// The tile's function and how it takes the input.
type FloatTile = unsafe fn(usize, usize, *const u8, usize, Panels, usize, *mut f32);

/// Checks a tile whose panels hold `depth` values of k in a row, `value` of which reads them from their bits.
fn floats<M: Micro>(
    what: &str,
    tile: FloatTile,
    (per_row, rounds): (usize, bool),
    weight: impl Fn(&mut Numbers) -> [u8; 4],
    value: impl Fn(&[u8], usize) -> f64,
) {
    let mut numbers = Numbers(per_row as u64 + 5);
    let width = if rounds { 4 } else { 4 * per_row };
    each_shape::<M>(width, |m, p, depth, stride| {
        // The bits of one f32 or of two bf16.
        let mut word = || match (numbers.float().to_bits(), numbers.float().to_bits()) {
            (low, high) if rounds => (high & 0xffff_0000) | (low >> 16),
            (single, _) => single,
        };
        let a: Vec<u32> = (0..bytes(m, depth, stride, width) / 4).map(|_| word()).collect();
        let input = |row: usize, k: usize| -> f64 {
            let row = &a[row * stride / 4..];
            let bits = match rounds {
                true if k.is_multiple_of(2) => row[k / 2] << 16,
                true => row[k / 2] & 0xffff_0000,
                false => row[k],
            };
            f32::from_bits(bits).into()
        };
        let panels = panels(p, depth, || weight(&mut numbers));
        let mut acc = [UNTOUCHED as f32; MAX_ROWS * ACC_PITCH];
        // SAFETY: rows, panels and sums are as long as the shape says, and the processor has the instructions.
        unsafe { tile(m, p, a.as_ptr().cast(), stride, pointers(&panels), depth, acc.as_mut_ptr()) }
        compare(
            what,
            (m, p, depth),
            |at| acc[at].into(),
            |row, column| {
                let (mut sum, mut size) = (0.0_f64, 0.0_f64);
                for k in 0..per_row * depth {
                    let weights = &panels[column / 16][k / per_row].0[4 * (column % 16)..][..4];
                    let product = input(row, k) * value(weights, k % per_row);
                    sum += product;
                    size += product.abs();
                }
                // Every step rounds a sum that is at most `size`.
                (sum, size * (per_row * depth) as f64 * f64::from(f32::EPSILON) + 1e-37)
            },
        );
    });
}

/// An fp16 by the definition of the format.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 31, f64::from(bits & 1023));
    // In units of the smallest one.
    let size = if exponent == 0 { fraction } else { (1024.0 + fraction) * f64::from(1 << exponent) / 2.0 };
    let size = size / f64::from(1 << 24);
    if bits >> 15 == 1 { -size } else { size }
}

fn word(bytes: &[u8], index: usize) -> u16 {
    u16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]])
}

fn check<M: Micro>() {
    let mut numbers = Numbers(1);
    let mut codes = Numbers(2);
    exact_i8::<M>(|| codes.byte(), || (numbers.next() % 255) as i8);
    // What saturates or wraps where sums of 16 bits are used.
    for code in [0, 255] {
        for weight in [-127, 127] {
            exact_i8::<M>(|| code, || weight);
        }
    }
    let f32_tile: FloatTile = |m, p, a, stride, panels, depth, acc| {
        // SAFETY: the same promises; the input is f32.
        unsafe { M::tile_f32(m, p, a.cast(), stride / 4, panels, depth, acc) }
    };
    let f16_tile: FloatTile = |m, p, a, stride, panels, depth, acc| {
        // SAFETY: the same promises; the input is f32.
        unsafe { M::tile_f16(m, p, a.cast(), stride / 4, panels, depth, acc) }
    };
    floats::<M>(
        "fp32",
        f32_tile,
        (1, false),
        |numbers| numbers.float().to_le_bytes(),
        |bytes, _| f32::from_le_bytes(bytes.try_into().unwrap()).into(),
    );
    floats::<M>(
        "bf16",
        M::tile_bf16,
        (2, M::BF16),
        |numbers| {
            let [_, _, a, b] = numbers.float().to_le_bytes();
            let [_, _, c, d] = numbers.float().to_le_bytes();
            [a, b, c, d]
        },
        |bytes, index| f32::from_bits(u32::from(word(bytes, index)) << 16).into(),
    );
    floats::<M>(
        "fp16",
        f16_tile,
        (2, false),
        |numbers| {
            // All but infinities and NaN, subnormal ones too.
            let mut finite = || (numbers.next() as u16) & 0xfbff;
            let ([a, b], [c, d]) = (finite().to_le_bytes(), finite().to_le_bytes());
            [a, b, c, d]
        },
        |bytes, index| half(word(bytes, index)),
    );
}

struct Check;

impl Job for Check {
    type Output = ();

    fn run<M: Micro>(self) {
        check::<M>();
    }
}

#[test]
fn tiles_are_sums_of_products() {
    for isa in Isa::available() {
        // SAFETY: this CPU has it.
        unsafe { isa.run(Check) }
    }
}

/// AVX-VNNI's code, with the name that AVX-512 has for the same instruction.
#[cfg(target_arch = "x86_64")]
#[test]
fn avx_vnni_is_right_where_avx512_stands_in() {
    if Isa::Avx512.is_available() {
        // SAFETY: this CPU has AVX-512 with VNNI.
        unsafe { super::x86::AvxVnniTwin::enter(Check) }
    }
}
