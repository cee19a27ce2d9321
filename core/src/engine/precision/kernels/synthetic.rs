//! Inputs made up to compare two models with where there are no samples: any that both can run will do.

use crate::engine::runtime::Sample;
use crate::engine::session::Session;
use crate::random::Random;
use crate::tensor::{DType, Dim, Tensor, ValueInfo, ValueType};
use crate::{Error, Result};

/// Sizes to try for dimensions that are not fixed: of the first one, and of the others. Small ones suit models whose
/// dimensions depend on each other.
const SIZES: [(usize, usize); 4] = [(2, 16), (1, 16), (2, 2), (1, 1)];
/// Whole numbers to try, from 0 to below this: many models take them as numbers of rows.
const BOUNDS: [u64; 2] = [90, 2];

/// Inputs that a session can run.
///
/// # Errors
/// `unsupported` if it cannot run any that was tried.
pub(super) fn inputs(session: &Session) -> Result<Vec<Sample>> {
    let mut last = None;
    for sizes in SIZES {
        for bound in BOUNDS {
            let made = [1, 2].map(|seed| sample(session.inputs(), sizes, bound, seed));
            let tried = made.into_iter().collect::<Result<Vec<_>>>().and_then(|samples| {
                for sample in &samples {
                    session.run(sample.iter().map(|(name, value)| (name, value)))?;
                }
                Ok(samples)
            });
            match tried {
                Ok(samples) => return Ok(samples),
                Err(error) => last = Some(error),
            }
        }
    }
    let reason = last.map_or_else(String::new, |error| error.to_string());
    Err(Error::unsupported("making up inputs for the model", format!("give samples ({reason})")))
}

fn sample(infos: &[ValueInfo], sizes: (usize, usize), bound: u64, seed: u64) -> Result<Sample> {
    let mut random = Random::new(seed);
    let value = |info: &ValueInfo| {
        let ValueType::Tensor { dtype, shape } = &info.value_type else {
            return Err(Error::unsupported("making up inputs", format!("`{}` is no tensor", info.name)));
        };
        let dims = shape.dims().unwrap_or_default().iter().enumerate();
        let dims: Vec<usize> = dims
            .map(|(axis, dim)| match dim {
                Dim::Fixed(size) => *size,
                _ if axis == 0 => sizes.0,
                _ => sizes.1,
            })
            .collect();
        Ok((info.name.clone(), tensor(&info.name, *dtype, &dims, bound, &mut random)?.into()))
    };
    infos.iter().map(value).collect()
}

fn tensor(name: &str, dtype: DType, dims: &[usize], bound: u64, random: &mut Random) -> Result<Tensor> {
    let count = dims.iter().product();
    // A mask hides nothing, so that everything has a say; what else is a whole number may be a row's.
    let name = name.to_lowercase();
    let mut whole = || match () {
        () if name.contains("mask") => 1,
        () if name.contains("type") => 0,
        () => random.next() % bound,
    };
    match dtype {
        DType::F32 => {
            let mut float = || ((random.next() >> 40) as f32 / (1_u64 << 24) as f32 - 0.5) * 2.0;
            Tensor::from_vec(dims, (0..count).map(|_| float()).collect::<Vec<f32>>())
        }
        DType::I64 => Tensor::from_vec(dims, (0..count).map(|_| whole() as i64).collect::<Vec<i64>>()),
        DType::I32 => Tensor::from_vec(dims, (0..count).map(|_| whole() as i32).collect::<Vec<i32>>()),
        DType::Bool => Tensor::from_vec(dims, vec![true; count]),
        other => Tensor::zeros(other, dims),
    }
}
