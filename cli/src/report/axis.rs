//! The axes of charts: from values to places, linear or logarithmic, with round numbers as ticks.

/// Above this ratio of the largest to the smallest value a linear axis would squeeze most of them together.
const LINEAR_RATIO: f64 = 2.0;
/// A linear axis covers at least this share of its largest value: closer values are as good as equal.
const LEAST_SPAN: f64 = 0.1;

/// An axis from one place to another, in pixels.
pub struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis that begins at zero.
    pub fn from_zero(high: f64, from: f64, to: f64) -> Self {
        Self { low: 0.0, high: high.max(f64::MIN_POSITIVE), logarithmic: false, from, to }
    }

    /// An axis for positive values, logarithmic if they lie far apart, with a little room at both ends.
    pub fn around(low: f64, high: f64, from: f64, to: f64) -> Self {
        let (low, high) = (low.max(1.0), high.max(low).max(1.0));
        if high / low > LINEAR_RATIO {
            return Self { low: low / 1.05, high: high * 1.05, logarithmic: true, from, to };
        }
        let room = ((high - low) * 0.03).max((high * LEAST_SPAN - (high - low)) / 2.0);
        Self { low: low - room, high: high + room, logarithmic: false, from, to }
    }

    /// Into how many equal stretches the axis can be cut without one narrower than this share of its values.
    pub fn most_stretches(&self, least_share: f64) -> usize {
        let span = if self.logarithmic { (self.high / self.low).ln() } else { 1.0 - self.low / self.high };
        ((span / least_share) as usize).max(1)
    }

    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The place of a value; beyond the ends, the end.
    pub fn place(&self, value: f64) -> f64 {
        self.from + self.share(value) * (self.to - self.from)
    }

    /// How far along the axis a value lies, from 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        let share = match self.logarithmic {
            true => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        share.clamp(0.0, 1.0)
    }

    /// The value at a share of the axis.
    pub fn value(&self, share: f64) -> f64 {
        match self.logarithmic {
            true => self.low * (self.high / self.low).powf(share),
            false => self.low + (self.high - self.low) * share,
        }
    }

    /// Round values, about as many as asked for.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        if self.logarithmic {
            return [&[1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]]
                .into_iter()
                .map(|steps| self.decade_ticks(steps))
                .find(|ticks| ticks.len() <= about + 2)
                .unwrap_or_else(|| self.decade_ticks(&[1.0]));
        }
        let raw = (self.high - self.low) / about as f64;
        let magnitude = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0].into_iter().map(|digit| digit * magnitude).find(|step| *step >= raw);
        let step = step.unwrap_or(10.0 * magnitude);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        (first..=last).map(|index| index as f64 * step).collect()
    }

    fn decade_ticks(&self, steps: &[f64]) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let decade = |exponent| steps.iter().map(move |step| step * 10_f64.powi(exponent));
        (first..=last).flat_map(decade).filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(Axis::from_zero(5.0, 0.0, 100.0).ticks(5), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let wide = Axis::around(900.0, 1e6, 0.0, 100.0);
        assert!(wide.is_logarithmic());
        assert_eq!(wide.ticks(4), [1e3, 1e4, 1e5, 1e6].map(|tick: f64| tick));
        let narrow = Axis::around(1000.0, 1100.0, 0.0, 100.0);
        assert_eq!(narrow.ticks(5), [1000.0, 1050.0, 1100.0]);
        assert!((10..=13).contains(&Axis::around(1000.0, 1000.0, 0.0, 1.0).most_stretches(1.0 / 128.0)));
        assert!(Axis::around(5.0, 5.0, 0.0, 1.0).ticks(4).len() < 10);
    }

    #[test]
    fn places_run_from_end_to_end() {
        for axis in [Axis::around(10.0, 10_000.0, 300.0, 0.0), Axis::around(10.0, 20.0, 300.0, 0.0)] {
            assert!(axis.place(0.0) == 300.0 && axis.place(1e9) == 0.0);
            assert!((axis.share(axis.value(0.3)) - 0.3).abs() < 1e-9);
        }
        assert!(Axis::from_zero(0.0, 0.0, 1.0).place(0.0).is_finite());
    }
}
