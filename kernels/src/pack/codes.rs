//! int8 weights: codes, scales, column sums and outlier channels into the layout.

use super::{allocate, check_outliers, count, expect, place, put_f32, seal};
use crate::error::PackError;
use crate::layout::{AlignedBytes, Format, GROUP, Header, Kind, cast_mut};

/// int8 weights whose codes are known: W\[k, n\] = codes\[k, n\] * scales\[n\], but for outlier channels.
#[derive(Debug, Clone, Copy)]
pub struct CodedWeights<'a> {
    /// Rows: inputs of the layer.
    pub k: usize,
    /// Columns: outputs of the layer.
    pub n: usize,
    /// Codes from -127 to 127, row-major \[K, N\]. Those of outlier channels are not used.
    pub codes: &'a [i8],
    /// Scales of the columns, \[N\].
    pub scales: &'a [f32],
    /// The bias, \[N\].
    pub bias: Option<&'a [f32]>,
    /// Rows that are kept in full, ascending.
    pub outliers: &'a [u32],
    /// Their weights, row-major \[outliers, N\].
    pub outlier_rows: &'a [f32],
    /// Whether activations get a scale for each 128 values instead of one for the row.
    pub group: bool,
}

/// Packs codes that were made elsewhere, with [`Format::Int8`].
///
/// # Errors
/// [`PackError`]: lengths that do not follow from the shape, a code of -128, a scale or an outlier's weight that is not
/// finite, wrong outlier indices, more than 65536 rows without groups.
pub fn pack_codes(weights: &CodedWeights<'_>) -> Result<AlignedBytes, PackError> {
    let CodedWeights { k, n, codes, scales, bias, outliers, outlier_rows, group } = *weights;
    expect("codes", count(k, n)?, codes.len())?;
    expect("scales", n, scales.len())?;
    if let Some(bias) = bias {
        expect("bias", n, bias.len())?;
    }
    check_outliers(outliers, k)?;
    expect("outlier rows", outliers.len() * n, outlier_rows.len())?;
    if let Some(column) = scales.iter().position(|scale| !scale.is_finite()) {
        return Err(PackError::Value { row: 0, column });
    }
    if let Some(at) = outlier_rows.iter().position(|weight| !weight.is_finite()) {
        return Err(PackError::Value { row: outliers[at / n] as usize, column: at % n });
    }
    let header = Header {
        kind: Kind::Linear,
        format: Format::Int8,
        has_bias: bias.is_some(),
        k,
        n,
        grouped: group,
        outliers: outliers.len(),
    };
    let (mut bytes, sections) = allocate(&header)?;
    put_f32(&mut bytes, &sections.bias, bias.unwrap_or_default());
    put_f32(&mut bytes, &sections.scales, scales);
    cast_mut::<u32>(&mut bytes[sections.outlier_indices.clone()]).copy_from_slice(outliers);
    let padded = header.padded_n();
    let kept = cast_mut::<f32>(&mut bytes[sections.outlier_rows.clone()]);
    for (to, from) in kept.chunks_exact_mut(padded).zip(outlier_rows.chunks_exact(n)) {
        to[..n].copy_from_slice(from);
    }
    let panel_rows = k.div_ceil(Format::Int8.values_per_row());
    let mut sums = vec![0_i32; header.groups() * padded];
    let panels = &mut bytes[sections.values.clone()];
    let mut outliers = outliers.iter().peekable();
    for (row, codes) in codes.chunks_exact(n).enumerate() {
        if outliers.next_if(|outlier| **outlier as usize == row).is_some() {
            continue;
        }
        let group = if group { row / GROUP } else { 0 };
        let sums = &mut sums[group * padded..][..n];
        for (column, (code, sum)) in codes.iter().zip(sums).enumerate() {
            if *code == i8::MIN {
                return Err(PackError::Code { row, column });
            }
            *sum += i32::from(*code);
            panels[place(Format::Int8, panel_rows, row, column)] = *code as u8;
        }
    }
    cast_mut::<i32>(&mut bytes[sections.sums.clone()]).copy_from_slice(&sums);
    Ok(seal(&header, bytes))
}
