//! Targets that are limits on single figures, or that have to be met everywhere, and whether they were met.

use std::fmt;

use serde::Serialize;

/// Whether a target was met.
#[derive(Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What was to be reached.
    pub target: String,
    /// `None` where it was not measured.
    pub met: Option<bool>,
    /// The figures, or what breaks it.
    pub said: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        write!(f, "{word:<12}  {}{}{}", self.target, if self.said.is_empty() { "" } else { ": " }, self.said)
    }
}

/// A figure's limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// It may not be smaller.
    AtLeast(f64),
    /// It may not be larger.
    AtMost(f64),
}

impl Verdict {
    /// Of something that has to hold everywhere: `None` for what was not measured, else why it is broken.
    pub fn everywhere(target: &str, found: impl IntoIterator<Item = Option<Option<String>>>) -> Self {
        let found: Vec<_> = found.into_iter().collect();
        let broken: Vec<String> = found.iter().flatten().flatten().cloned().collect();
        let is_complete = !found.is_empty() && found.iter().all(Option::is_some);
        let met = if broken.is_empty() { is_complete.then_some(true) } else { Some(false) };
        Self { target: target.into(), met, said: broken.join("; ") }
    }

    /// Of one figure; `None` if it was not measured.
    pub fn figure(target: &str, figure: Option<f64>, limit: Limit) -> Self {
        let met = figure.map(|figure| match limit {
            Limit::AtLeast(limit) => figure >= limit,
            Limit::AtMost(limit) => figure <= limit,
        });
        let said = figure.map_or_else(String::new, |figure| format!("{figure:.4}"));
        Self { target: target.into(), met, said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_everywhere_is_missed_once_and_not_met_by_nothing() {
        let broken = || Some(Some("x".to_owned()));
        let met = |found: Vec<Option<Option<String>>>| Verdict::everywhere("t", found).met;
        assert_eq!(met(vec![Some(None), Some(None)]), Some(true));
        assert_eq!(met(vec![Some(None), broken()]), Some(false));
        assert_eq!(met(vec![None, broken()]), Some(false));
        assert_eq!(met(vec![Some(None), None]), None);
        assert_eq!(met(vec![]), None);
    }

    #[test]
    fn figures_are_on_one_side_of_their_limit() {
        let met = |figure, limit| Verdict::figure("t", figure, limit).met;
        assert_eq!(met(Some(2.0), Limit::AtLeast(2.0)), Some(true));
        assert_eq!(met(Some(1.9), Limit::AtLeast(2.0)), Some(false));
        assert_eq!(met(Some(0.4), Limit::AtMost(0.3)), Some(false));
        assert_eq!(met(None, Limit::AtMost(0.3)), None);
        assert_eq!(met(Some(f64::NAN), Limit::AtLeast(0.0)), Some(false));
        assert_eq!(
            Verdict::figure("t", Some(1.0), Limit::AtMost(2.0)).to_string(),
            "met           t: 1.0000"
        );
    }
}
