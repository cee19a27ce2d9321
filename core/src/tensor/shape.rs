//! Shapes of tensors: concrete ones, and declared ones whose dimensions may be symbols.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{Error, Result};

/// The highest rank that is accepted. ONNX sets no bound; real models stay below 10.
pub const MAX_RANK: usize = 64;

/// Concrete dimensions, outermost first. Up to six are stored without an allocation.
///
/// # Examples
/// ```
/// use ortlet::tensor::Shape;
///
/// let shape = Shape::from([2, 3, 4]);
/// assert_eq!(shape.element_count()?, 24);
/// assert_eq!(shape.to_string(), "[2, 3, 4]");
/// # Ok::<(), ortlet::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(Dims);

type Dims = SmallVec<[usize; 6]>;

impl Shape {
    /// A shape with these dimensions; none at all makes a scalar.
    pub fn new(dims: &[usize]) -> Self {
        Self(dims.into())
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements: the product of the dimensions, 1 for a scalar.
    ///
    /// # Errors
    /// `limit_exceeded` if the rank is over [`MAX_RANK`] or the product does not fit into memory addresses.
    pub fn element_count(&self) -> Result<usize> {
        if self.rank() > MAX_RANK {
            return Err(Error::limit_exceeded("rank", MAX_RANK as u64, self.rank() as u64));
        }
        // A zero makes the tensor empty whatever the others are, so it must win over an overflow.
        if self.0.contains(&0) {
            return Ok(0);
        }
        self.0
            .iter()
            .try_fold(1_usize, |product, &dim| product.checked_mul(dim))
            .filter(|&count| count <= isize::MAX as usize)
            .ok_or_else(|| Error::limit_exceeded("elements of a tensor", isize::MAX as u64, u64::MAX))
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self::new(&dims)
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self::new(dims)
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        Self(dims.into())
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(dims: I) -> Self {
        Self(dims.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_dims(f, self.0.iter())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One declared dimension of a model's input or output.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Dim {
    /// Always this size.
    Fixed(usize),
    /// Any size, by name; the same name may stand in several places.
    Symbol(String),
    /// Any size, without a name.
    Unknown,
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => size.fmt(f),
            Self::Symbol(name) => f.write_str(name),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// Declared dimensions, outermost first, or nothing if even the rank is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct SymbolicShape(Option<Vec<Dim>>);

impl SymbolicShape {
    /// A shape of known rank.
    pub fn new(dims: Vec<Dim>) -> Self {
        Self(Some(dims))
    }

    /// A shape of unknown rank.
    pub fn unranked() -> Self {
        Self(None)
    }

    /// The dimensions, or `None` if the rank is open.
    pub fn dims(&self) -> Option<&[Dim]> {
        self.0.as_deref()
    }

    /// The concrete shape, if every dimension is fixed.
    pub fn fixed(&self) -> Option<Shape> {
        let fixed = |dim: &Dim| if let Dim::Fixed(size) = dim { Some(*size) } else { None };
        self.dims()?.iter().map(fixed).collect()
    }

    /// Whether a tensor of these dimensions fits: same rank, same fixed sizes.
    pub fn accepts(&self, dims: &[usize]) -> bool {
        self.dims().is_none_or(|declared| {
            declared.len() == dims.len()
                && declared.iter().zip(dims).all(|(declared, actual)| match declared {
                    Dim::Fixed(size) => size == actual,
                    Dim::Symbol(_) | Dim::Unknown => true,
                })
        })
    }
}

impl fmt::Display for SymbolicShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dims() {
            Some(dims) => write_dims(f, dims.iter()),
            None => f.write_str("[...]"),
        }
    }
}

fn write_dims(f: &mut fmt::Formatter<'_>, dims: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
    f.write_str("[")?;
    for (index, dim) in dims.enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{dim}")?;
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn element_counts_are_checked() {
        assert_eq!(Shape::from([]).element_count().unwrap(), 1);
        assert_eq!(Shape::from([usize::MAX, usize::MAX, 0]).element_count().unwrap(), 0);
        let code = |shape: Shape| shape.element_count().unwrap_err().code();
        assert_eq!(code([usize::MAX, 2].into()), ErrorCode::LimitExceeded);
        assert_eq!(code([usize::MAX].into()), ErrorCode::LimitExceeded);
        assert_eq!(code(vec![1; MAX_RANK + 1].into()), ErrorCode::LimitExceeded);
    }

    #[test]
    fn symbolic_shapes_accept_what_fits() {
        let shape = SymbolicShape::new(vec![Dim::Symbol("batch".into()), Dim::Fixed(3), Dim::Unknown]);
        assert_eq!(shape.to_string(), "[batch, 3, ?]");
        assert!(shape.accepts(&[7, 3, 0]));
        assert!(!shape.accepts(&[7, 4, 0]));
        assert!(!shape.accepts(&[7, 3]));
        assert!(shape.fixed().is_none());
        assert!(SymbolicShape::unranked().accepts(&[1, 2]));
        assert_eq!(SymbolicShape::new(vec![Dim::Fixed(2)]).fixed(), Some([2].into()));
    }

    #[test]
    fn declared_dimensions_read_well_as_json() {
        let shape = SymbolicShape::new(vec![Dim::Symbol("n".into()), Dim::Fixed(3), Dim::Unknown]);
        let json = serde_json::to_string(&shape).unwrap();
        assert_eq!(json, r#"["n",3,null]"#);
        assert_eq!(serde_json::from_str::<SymbolicShape>(&json).unwrap(), shape);
    }
}
