//! [`Size`]: the length of an axis that may be known only when the model runs: a number times unknown numbers.

/// A number times unknown ones. Two that are equal are equal in every run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Size {
    factor: i64,
    /// Unknown numbers, ascending; one for each time that it is a factor.
    atoms: Vec<u32>,
}

impl Size {
    pub fn constant(factor: i64) -> Self {
        Self { factor, atoms: Vec::new() }
    }

    /// An unknown number by itself.
    pub fn atom(atom: u32) -> Self {
        Self { factor: 1, atoms: vec![atom] }
    }

    /// Its value, if nothing unknown is in it.
    pub fn known(&self) -> Option<i64> {
        self.atoms.is_empty().then_some(self.factor)
    }

    pub fn is(&self, number: i64) -> bool {
        self.known() == Some(number)
    }

    pub fn times(&self, other: &Self) -> Option<Self> {
        let factor = self.factor.checked_mul(other.factor)?;
        if factor == 0 {
            return Some(Self::constant(0));
        }
        let mut atoms = [self.atoms.as_slice(), &other.atoms].concat();
        atoms.sort_unstable();
        Some(Self { factor, atoms })
    }

    pub fn product<'s>(sizes: impl IntoIterator<Item = &'s Self>) -> Option<Self> {
        sizes.into_iter().try_fold(Self::constant(1), |product, size| product.times(size))
    }

    /// The quotient, if the other is a factor of this whatever the unknown numbers are, zero excepted.
    pub fn divided_by(&self, other: &Self) -> Option<Self> {
        if self.factor.checked_rem(other.factor)? != 0 {
            return None;
        }
        let mut atoms = self.atoms.clone();
        for atom in &other.atoms {
            let at = atoms.iter().position(|own| own == atom)?;
            atoms.remove(at);
        }
        Some(Self { factor: self.factor.checked_div(other.factor)?, atoms })
    }

    /// What an axis becomes where operands of these sizes are stretched to one shape; `None` if that depends on the run.
    pub fn stretched(&self, other: &Self) -> Option<Self> {
        if self == other || other.is(1) {
            return Some(self.clone());
        }
        if self.is(1) || other.known().is_some() {
            return Some(other.clone());
        }
        self.known().is_some().then(|| self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_multiplied_and_divided() {
        let (batch, length) = (Size::atom(0), Size::atom(1));
        let all = Size::product([&batch, &length, &Size::constant(12)]).unwrap();
        assert_eq!(all.divided_by(&length), batch.times(&Size::constant(12)));
        assert_eq!(all.divided_by(&all), Some(Size::constant(1)));
        assert_eq!(all.divided_by(&Size::constant(5)), None);
        assert_eq!(batch.divided_by(&length), None);
        assert_eq!(batch.divided_by(&Size::constant(0)), None);
        assert_eq!(batch.times(&Size::constant(0)), Some(Size::constant(0)));
        assert_eq!(Size::constant(i64::MAX).times(&Size::constant(2)), None);
    }

    #[test]
    fn axes_are_stretched_where_the_result_is_sure() {
        let (batch, length) = (Size::atom(0), Size::atom(1));
        assert_eq!(batch.stretched(&Size::constant(1)), Some(batch.clone()));
        assert_eq!(Size::constant(1).stretched(&batch), Some(batch.clone()));
        assert_eq!(batch.stretched(&batch), Some(batch.clone()));
        assert_eq!(batch.stretched(&Size::constant(8)), Some(Size::constant(8)));
        assert_eq!(Size::constant(8).stretched(&batch), Some(Size::constant(8)));
        assert_eq!(batch.stretched(&length), None);
    }
}
