//! Matrices of linear layers into panels, in any format.

use super::{
    CodedWeights, allocate, check_outliers, code_of, count, expect, pack_codes, place, put_f32, scale_of,
    seal,
};
use crate::error::PackError;
use crate::layout::{AlignedBytes, Format, Header, Kind};
use crate::math::half::{bf16_from_f32, fp16_from_f32};

/// Weights of a linear layer as they are trained: `y = x W + bias`.
#[derive(Debug, Clone, Copy)]
pub struct LinearWeights<'a> {
    /// Rows: inputs of the layer.
    pub k: usize,
    /// Columns: outputs of the layer.
    pub n: usize,
    /// The weights, row-major \[K, N\].
    pub values: &'a [f32],
    /// The bias, \[N\].
    pub bias: Option<&'a [f32]>,
}

/// How to pack.
#[derive(Debug, Clone, Copy)]
pub struct PackOptions<'a> {
    /// In what form weights are stored.
    pub format: Format,
    /// Only int8: activations get a scale for each 128 values instead of one for the row.
    pub group: bool,
    /// Only int8: rows of the matrix (channels of the input) that are kept in full, ascending.
    pub outliers: &'a [u32],
}

impl PackOptions<'_> {
    /// Only the format; neither groups nor outlier channels.
    pub fn new(format: Format) -> Self {
        Self { format, group: false, outliers: &[] }
    }
}

/// Packs the weights of a linear layer.
///
/// int8 is symmetric by column: the largest magnitude of a column (outlier channels left out) becomes the code 127.
///
/// # Errors
/// [`PackError`]: lengths that do not follow from the shape; a weight that is not finite (int8) or beyond the format
/// (fp16; what is NaN or infinite itself is kept in fp32 and bf16); wrong outlier indices; groups or outlier channels
/// without int8.
pub fn pack_linear(
    weights: &LinearWeights<'_>,
    options: &PackOptions<'_>,
) -> Result<AlignedBytes, PackError> {
    let LinearWeights { k, n, values, bias } = *weights;
    expect("weights", count(k, n)?, values.len())?;
    if let Some(bias) = bias {
        expect("bias", n, bias.len())?;
    }
    if options.format == Format::Int8 {
        return pack_int8(weights, options);
    }
    if options.group {
        return Err(PackError::Format("groups"));
    }
    if !options.outliers.is_empty() {
        return Err(PackError::Format("outlier channels"));
    }
    let format = options.format;
    let header =
        Header { kind: Kind::Linear, format, has_bias: bias.is_some(), k, n, grouped: false, outliers: 0 };
    let (mut bytes, sections) = allocate(&header)?;
    put_f32(&mut bytes, &sections.bias, bias.unwrap_or_default());
    let panel_rows = k.div_ceil(format.values_per_row());
    let panels = &mut bytes[sections.values.clone()];
    for (row, values) in values.chunks_exact(n).enumerate() {
        for (column, value) in values.iter().enumerate() {
            let at = place(format, panel_rows, row, column);
            let error = PackError::Value { row, column };
            write(*value, format, &mut panels[at..at + format.bytes()]).ok_or(error)?;
        }
    }
    Ok(seal(&header, bytes))
}

/// One value in a float format. `None` where fp16 has no such value.
pub(super) fn write(value: f32, format: Format, to: &mut [u8]) -> Option<()> {
    match format {
        Format::Fp32 => to.copy_from_slice(&value.to_le_bytes()),
        Format::Bf16 => to.copy_from_slice(&bf16_from_f32(value).to_le_bytes()),
        Format::Fp16 => {
            let bits = fp16_from_f32(value);
            if bits & 0x7c00 == 0x7c00 {
                return None;
            }
            to.copy_from_slice(&bits.to_le_bytes());
        }
        Format::Int8 => unreachable!("int8 has scales"),
    }
    Some(())
}

fn pack_int8(weights: &LinearWeights<'_>, options: &PackOptions<'_>) -> Result<AlignedBytes, PackError> {
    pack_rounded(weights, options, |_| None)
}

/// Packs weights with [`Format::Int8`], whatever the options say, that somebody else rounds: `round` is given the scale of
/// each column and gives the codes, row-major \[K, N\]; nothing means to the nearest. What it says of outlier channels
/// does not matter.
///
/// # Errors
/// As [`pack_linear`] and [`pack_codes`].
pub fn pack_rounded(
    weights: &LinearWeights<'_>,
    options: &PackOptions<'_>,
    round: impl FnOnce(&[f32]) -> Option<Vec<i8>>,
) -> Result<AlignedBytes, PackError> {
    let LinearWeights { k, n, values, bias } = *weights;
    expect("values", count(k, n)?, values.len())?;
    let outliers = options.outliers;
    check_outliers(outliers, k)?;
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(PackError::Value { row: at / n, column: at % n });
    }
    let is_outlier = |row: usize| outliers.binary_search(&(row as u32)).is_ok();
    let mut largest = vec![0_f32; n];
    for (_, row) in values.chunks_exact(n).enumerate().filter(|(row, _)| !is_outlier(*row)) {
        for (largest, value) in largest.iter_mut().zip(row) {
            *largest = largest.max(value.abs());
        }
    }
    let scales: Vec<f32> = largest.into_iter().map(scale_of).collect();
    let nearest = || {
        let pairs = values.chunks_exact(n).flat_map(|row| row.iter().zip(&scales));
        pairs.map(|(v, s)| code_of(*v, *s)).collect()
    };
    let codes = round(&scales).unwrap_or_else(nearest);
    let rows = outliers.iter().map(|row| &values[*row as usize * n..][..n]);
    let outlier_rows = rows.collect::<Vec<_>>().concat();
    pack_codes(&CodedWeights {
        k,
        n,
        codes: &codes,
        scales: &scales,
        bias,
        outliers,
        outlier_rows: &outlier_rows,
        group: options.group,
    })
}
