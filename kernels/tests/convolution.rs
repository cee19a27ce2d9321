//! Convolutions against the definition in f64, and bit by bit against a linear layer on copied windows.

mod common;

use common::{Random, Threads, activate, bits};
use ortlet_kernels::{
    Activation, AlignedBytes, Channels, Convolution1d, ConvolutionInput, ConvolutionOutput, Epilogue, Format,
    Isa, KernelError, Linear, LinearWeights, PackOptions, Packed, Serial, pack_linear,
};

const OUTPUTS: [ConvolutionOutput; 3] =
    [ConvolutionOutput::Last, ConvolutionOutput::First, ConvolutionOutput::Maximum];

#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    length: usize,
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: [usize; 2],
    n: usize,
    /// [batch, length, channels]
    x: Vec<f32>,
    /// [kernel, channels, n]
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(
        random: &mut Random,
        [batch, length, channels]: [usize; 3],
        [kernel, stride, n]: [usize; 3],
    ) -> Self {
        let padding = [random.below(kernel), random.below(kernel)];
        let x = random.units(batch * length * channels);
        let weights = random.units(kernel * channels * n);
        Self { batch, length, channels, kernel, stride, padding, n, x, weights, bias: random.units(n) }
    }

    fn windows(&self) -> usize {
        let length = self.length + self.padding[0] + self.padding[1];
        if length < self.kernel { 0 } else { (length - self.kernel) / self.stride + 1 }
    }

    /// The number at a position of a window, which may be a zero around the sequence.
    fn at(&self, batch: usize, window: usize, position: usize, channel: usize) -> f32 {
        let position = window * self.stride + position;
        if position < self.padding[0] || position >= self.padding[0] + self.length {
            return 0.0;
        }
        self.x[(batch * self.length + position - self.padding[0]) * self.channels + channel]
    }

    fn packed(&self, format: Format) -> AlignedBytes {
        let (k, n) = (self.kernel * self.channels, self.n);
        let weights = LinearWeights { k, n, values: &self.weights, bias: Some(&self.bias) };
        pack_linear(&weights, &PackOptions::new(format)).unwrap()
    }

    fn run(
        &self,
        linear: &Linear<'_>,
        (channels, output, activation): (Channels, ConvolutionOutput, Activation),
        threads: usize,
    ) -> Vec<f32> {
        let convolution =
            Convolution1d::new(linear.clone(), self.channels, self.kernel, self.stride).unwrap();
        assert_eq!(convolution.windows(self.length, self.padding), self.windows());
        let x = match channels {
            Channels::Last => self.x.clone(),
            Channels::First => transposed(&self.x, self.batch, self.length, self.channels),
        };
        let input = ConvolutionInput {
            batch: self.batch,
            length: self.length,
            x: &x,
            channels,
            padding: self.padding,
        };
        let results = if output == ConvolutionOutput::Maximum { 1 } else { self.windows() };
        let mut y = vec![7.0; self.batch * results * self.n];
        convolution.forward(&input, activation, output, &mut y, &Threads(threads)).unwrap();
        y
    }

    /// [batch, windows, n], by the definition.
    fn reference(&self, activation: Activation) -> Vec<f64> {
        let mut y = Vec::new();
        for batch in 0..self.batch {
            for window in 0..self.windows() {
                for column in 0..self.n {
                    let mut sum = f64::from(self.bias[column]);
                    for position in 0..self.kernel {
                        for channel in 0..self.channels {
                            let weight = self.weights[(position * self.channels + channel) * self.n + column];
                            sum += f64::from(self.at(batch, window, position, channel)) * f64::from(weight);
                        }
                    }
                    y.push(activate(activation, sum));
                }
            }
        }
        y
    }

    /// The same layer on copies of the windows.
    fn copied(&self, linear: &Linear<'_>, activation: Activation) -> Vec<f32> {
        let mut x = Vec::new();
        for batch in 0..self.batch {
            for window in 0..self.windows() {
                for position in 0..self.kernel {
                    x.extend((0..self.channels).map(|channel| self.at(batch, window, position, channel)));
                }
            }
        }
        let rows = self.batch * self.windows();
        let mut y = vec![0.0; rows * self.n];
        linear.forward(rows, &x, None, &mut y, &Epilogue { activation, norm: None }, &Serial).unwrap();
        y
    }

    /// In every order, with some numbers of threads: each bit as with copied windows.
    fn check(&self, random: &mut Random) {
        let activations = [Activation::None, Activation::Relu, Activation::GeluTanh, Activation::Gelu];
        for isa in Isa::available() {
            for format in [Format::Fp32, Format::Fp16, Format::Bf16, Format::Int8] {
                let bytes = self.packed(format);
                let linear = Linear::with_isa(Packed::parse(&bytes).unwrap(), isa).unwrap();
                let activation = activations[random.below(4)];
                let expected = self.copied(&linear, activation);
                if format == Format::Fp32 {
                    let k = (self.kernel * self.channels) as f64;
                    for (y, expected) in expected.iter().zip(self.reference(activation)) {
                        assert!((f64::from(*y) - expected).abs() < 1e-6 * k + 1e-5, "{y} {expected}");
                    }
                }
                for channels in [Channels::Last, Channels::First] {
                    for output in OUTPUTS {
                        let expected = match output {
                            ConvolutionOutput::First => {
                                transposed(&expected, self.batch, self.windows(), self.n)
                            }
                            ConvolutionOutput::Maximum => largest(&expected, self.batch, self.n),
                            _ => expected.clone(),
                        };
                        let y = self.run(&linear, (channels, output, activation), 1 + random.below(5));
                        let name = format!("{isa:?} {format:?} {channels:?} {output:?} {activation:?}");
                        assert_eq!(bits(&y), bits(&expected), "{name} {self:?}");
                    }
                }
            }
        }
    }
}

/// Of each sequence [rows, columns] as [columns, rows].
fn transposed(x: &[f32], batch: usize, rows: usize, columns: usize) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len());
    for batch in 0..batch {
        for column in 0..columns {
            y.extend((0..rows).map(|row| x[(batch * rows + row) * columns + column]));
        }
    }
    y
}

fn largest(rows: &[f32], batch: usize, n: usize) -> Vec<f32> {
    let mut largest = vec![f32::NEG_INFINITY; batch * n];
    let windows = rows.len() / (batch * n);
    for (at, &value) in rows.iter().enumerate() {
        let to = &mut largest[at / (windows * n) * n + at % n];
        if value > *to || value.is_nan() {
            *to = value;
        }
    }
    largest
}

#[test]
fn any_shape_is_a_linear_layer_on_windows() {
    let mut random = Random(1);
    for _ in 0..25 {
        let kernel = 1 + random.below(6);
        let channels = 1 + random.below(40);
        let length = kernel + random.below(90);
        let batch = 1 + random.below(3);
        let (stride, n) = (1 + random.below(4), 1 + random.below(70));
        Case::new(&mut random, [batch, length, channels], [kernel, stride, n]).check(&mut random);
    }
}

#[test]
fn gaps_between_windows_and_windows_of_zeros() {
    let mut random = Random(2);
    Case::new(&mut random, [2, 50, 5], [2, 7, 20]).check(&mut random);
    let mut case = Case::new(&mut random, [2, 3, 6], [4, 2, 9]);
    // The first and the last windows see nothing at all.
    case.padding = [9, 10];
    case.check(&mut random);
    // Nothing but zeros.
    case.length = 0;
    case.x.clear();
    case.check(&mut random);
}

#[test]
fn threads_change_no_bit_and_nan_spoils_its_windows_only() {
    let mut random = Random(3);
    let mut case = Case::new(&mut random, [2, 200, 8], [5, 1, 50]);
    case.padding = [2, 2];
    for isa in Isa::available() {
        for format in [Format::Fp32, Format::Bf16, Format::Int8] {
            let bytes = case.packed(format);
            let linear = Linear::with_isa(Packed::parse(&bytes).unwrap(), isa).unwrap();
            for output in OUTPUTS {
                let what = (Channels::First, output, Activation::GeluTanh);
                let y = case.run(&linear, what, 1);
                for threads in 2..=6 {
                    assert_eq!(bits(&y), bits(&case.run(&linear, what, threads)));
                }
                let mut spoiled = case.clone();
                // Sequence 1, position 100: windows 98 to 102.
                spoiled.x[(200 + 100) * 8 + 3] = f32::NAN;
                let spoiled = spoiled.run(&linear, what, 3);
                for (at, (&spoiled, &y)) in spoiled.iter().zip(&y).enumerate() {
                    let of_window = |window: usize| (98..=102).contains(&window);
                    let hit = match output {
                        ConvolutionOutput::First => at >= 50 * 200 && of_window(at % 200),
                        ConvolutionOutput::Maximum => at >= 50,
                        _ => at >= 50 * 200 && of_window(at / 50 - 200),
                    };
                    assert!(
                        if hit { spoiled.is_nan() } else { spoiled == y },
                        "{output:?} {at} {spoiled} {y}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let mut random = Random(4);
    let mut case = Case::new(&mut random, [2, 10, 4], [3, 1, 5]);
    case.padding = [1, 1];
    let bytes = case.packed(Format::Fp32);
    let linear = Linear::new(Packed::parse(&bytes).unwrap()).unwrap();
    for [channels, kernel, stride] in [[4, 4, 1], [3, 3, 1], [0, 3, 1], [usize::MAX, 2, 1], [4, 3, 0]] {
        let error = Convolution1d::new(linear.clone(), channels, kernel, stride).unwrap_err();
        assert!(matches!(error, KernelError::Shape(_)), "{error}");
    }
    let convolution = Convolution1d::new(linear, 4, 3, 1).unwrap();
    let run = |length, padding, output, results: usize| {
        let input = ConvolutionInput {
            batch: 2,
            length,
            x: &case.x[..80.min(2 * 4 * length)],
            channels: Channels::Last,
            padding,
        };
        let mut y = vec![0.0; results];
        convolution.forward(&input, Activation::None, output, &mut y, &Serial)
    };
    assert_eq!(run(10, [1, 1], ConvolutionOutput::Last, 2 * 10 * 5), Ok(()));
    let length = |what, expected, found| Err(KernelError::Length { what, expected, found });
    assert_eq!(run(10, [1, 0], ConvolutionOutput::First, 100), length("y", 90, 100));
    assert_eq!(run(10, [1, 0], ConvolutionOutput::Maximum, 100), length("y", 10, 100));
    assert_eq!(run(11, [1, 0], ConvolutionOutput::Maximum, 10), length("x", 88, 80));
    // Shorter than a window: no results, and no maximum of them.
    assert_eq!(run(2, [0, 0], ConvolutionOutput::Last, 0), Ok(()));
    assert!(matches!(run(2, [0, 0], ConvolutionOutput::Maximum, 10), Err(KernelError::Shape(_))));
    assert!(matches!(run(10, [usize::MAX, 1], ConvolutionOutput::Maximum, 10), Err(KernelError::Shape(_))));
}
