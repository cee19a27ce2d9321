//! Products and polynomials spelled out in nodes, however an exporter ordered them.

use super::view::{View, is};

/// More than any exporter nests.
const MAXIMUM_STEPS: usize = 6;

/// How far constants may be from what they stand for, as a share: those of different exporters are rounded differently.
const TOLERANCE: f64 = 1e-6;

/// The nodes of a pattern, and the largest number of dimensions of the scalars in it.
#[derive(Clone, Default)]
pub(crate) struct Pattern {
    pub nodes: Vec<usize>,
    pub scalar_rank: usize,
}

impl Pattern {
    /// The constant with one element that a name stands for.
    pub fn scalar(&mut self, view: &View, name: &str) -> Option<f64> {
        let scalar = view.scalar(name)?;
        self.scalar_rank = self.scalar_rank.max(scalar.rank);
        Some(scalar.value)
    }

    /// Whether the scalars stretch no result beyond the shape of this value.
    pub fn keeps_shape_of(&self, view: &View, name: &str) -> bool {
        self.scalar_rank <= view.fact(name).least_rank
    }
}

/// Whether two constants are the same but for rounding.
pub(crate) fn is_near(number: f64, wanted: f64) -> bool {
    (number - wanted).abs() <= TOLERANCE * wanted.abs()
}

/// Coefficients of 1, x, x², x³.
pub(crate) type Polynomial = [f64; 4];

/// What `name` is as a polynomial in `x`.
pub(crate) fn polynomial(
    view: &View,
    pattern: &mut Pattern,
    name: &str,
    x: &str,
    steps: usize,
) -> Option<Polynomial> {
    if name == x {
        return Some([0.0, 1.0, 0.0, 0.0]);
    }
    if let Some(number) = pattern.scalar(view, name) {
        return Some([number, 0.0, 0.0, 0.0]);
    }
    let index = view.maker(name).filter(|_| steps < MAXIMUM_STEPS)?;
    let node = &view.nodes[index];
    let [left, right] = node.input.as_slice() else { return None };
    pattern.nodes.push(index);
    let mut operand = |name: &str| polynomial(view, pattern, name, x, steps + 1);
    match node.op_type() {
        _ if !node.domain().is_empty() => None,
        "Add" => {
            let (left, right) = (operand(left)?, operand(right)?);
            Some(std::array::from_fn(|power| left[power] + right[power]))
        }
        "Mul" => times(operand(left)?, operand(right)?),
        "Div" => {
            let (left, right) = (operand(left)?, pattern.scalar(view, right)?);
            (right != 0.0).then(|| left.map(|coefficient| coefficient / right))
        }
        "Pow" => {
            let base = operand(left)?;
            let square = times(base, base)?;
            match exponent(view, right)? {
                2 => Some(square),
                3 => times(square, base),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A constant exponent without dimensions, of whichever type.
fn exponent(view: &View, name: &str) -> Option<i64> {
    if view.constant(name)?.dims.iter().any(|&dim| dim != 1) || view.fact(name).rank? > 1 {
        return None;
    }
    match view.scalar(name) {
        Some(scalar) if scalar.value.fract() == 0.0 => Some(scalar.value as i64),
        Some(_) => None,
        None => view.wholes(name)?.first().copied(),
    }
}

/// The product, unless it has a power above the third.
fn times(left: Polynomial, right: Polynomial) -> Option<Polynomial> {
    let mut product = [0.0; 4];
    for (power, left) in left.into_iter().enumerate().filter(|(_, left)| *left != 0.0) {
        for (other, right) in right.into_iter().enumerate().filter(|(_, right)| *right != 0.0) {
            *product.get_mut(power + other)? += left * right;
        }
    }
    Some(product)
}

/// A value times a number, and perhaps times x.
pub(crate) struct Climb {
    pub factor: f64,
    pub x: Option<String>,
    /// The node that makes the product.
    pub last: usize,
}

/// Follows a value through multiplications by scalars and at most one by a value that `is_x` accepts, until `is_done`.
pub(crate) fn climb(
    view: &View,
    pattern: &mut Pattern,
    from: usize,
    mut is_x: impl FnMut(&str, &mut Pattern) -> bool,
    is_done: impl Fn(&Climb) -> bool,
) -> Option<Climb> {
    let mut climb = Climb { factor: 1.0, x: None, last: from };
    for _ in 0..MAXIMUM_STEPS {
        if is_done(&climb) {
            return Some(climb);
        }
        let [value] = view.nodes[climb.last].output.as_slice() else { return None };
        let reader = view.only_reader(value)?;
        let node = &view.nodes[reader];
        let (other, place) = view.other(node, value)?;
        match pattern.scalar(view, other) {
            Some(number) if is(node, "Mul") => climb.factor *= number,
            Some(number) if is(node, "Div") && place == 1 && number != 0.0 => climb.factor /= number,
            None if is(node, "Mul") && climb.x.is_none() => {
                let (x, factor) = factor_of(view, pattern, other, |x, pattern| is_x(x, pattern))?;
                climb.x = Some(x);
                climb.factor *= factor;
            }
            _ => return None,
        }
        pattern.nodes.push(reader);
        climb.last = reader;
    }
    is_done(&climb).then_some(climb)
}

/// A value that is x, or x times a number.
fn factor_of(
    view: &View,
    pattern: &mut Pattern,
    name: &str,
    mut is_x: impl FnMut(&str, &mut Pattern) -> bool,
) -> Option<(String, f64)> {
    if is_x(name, pattern) {
        return Some((name.to_owned(), 1.0));
    }
    let index = view.maker(name)?;
    let node = &view.nodes[index];
    let [left, right] = node.input.as_slice() else { return None };
    let (x, factor) = match (pattern.scalar(view, left), pattern.scalar(view, right)) {
        (Some(number), None) if is(node, "Mul") => (right, number),
        (None, Some(number)) if is(node, "Mul") => (left, number),
        (None, Some(number)) if is(node, "Div") && number != 0.0 => (left, 1.0 / number),
        _ => return None,
    };
    pattern.nodes.push(index);
    is_x(x, pattern).then(|| (x.clone(), factor))
}
