//! Logarithmic axes.

/// From one place to another, in pixels.
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// For positive values, with a little room at both ends.
    pub fn around(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        let range = values.into_iter().fold(None, |range: Option<(f64, f64)>, value| {
            Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (low, high) = range.unwrap_or((1.0, 1.0));
        Self { low: low / 1.3, high: high * 1.3, from, to }
    }

    /// The place of a value; beyond the ends, the end.
    pub fn place(&self, value: f64) -> f64 {
        let share = (value.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        self.from + share.min(1.0) * (self.to - self.from)
    }

    /// The values at both ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Round values, at most so many if decades allow it.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let of = |steps: &[f64]| -> Vec<f64> {
            let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
            let decade = |exponent| steps.iter().map(move |step| step * 10_f64.powi(exponent));
            (first..=last).flat_map(decade).filter(|tick| (self.low..=self.high).contains(tick)).collect()
        };
        let choices = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]];
        choices.into_iter().map(of).find(|ticks| ticks.len() <= most).unwrap_or_else(|| of(&[1.0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_logarithmic_and_ticks_round() {
        let axis = Axis::around([1.0, 100.0, 10.0], 0.0, 100.0);
        assert!((axis.place(10.0) - 50.0).abs() < 1e-9);
        assert_eq!((axis.place(1e-9), axis.place(1e9)), (0.0, 100.0));
        assert_eq!(axis.ticks(7), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(axis.ticks(5), [1.0, 3.0, 10.0, 30.0, 100.0]);
        assert_eq!(axis.ticks(1), [1.0, 10.0, 100.0]);
    }
}
