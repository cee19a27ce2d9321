//! The original without what costs time for nothing: rewritten so that nothing but rounding changes.

use crate::Result;
use crate::model::{ExternalDataResolver, Model};
use crate::quantize::{AccuracyFigures, RewritingCount, SimplifyReport, lift_opset, simplify_with};

/// The least operator set in which weights can have a scale for each channel in `QuantizeLinear`.
const PER_CHANNEL_OPSET: i64 = 13;

/// A model that computes the same.
#[derive(Clone, Debug)]
pub(super) struct Rewritten {
    pub(super) model: Model,
    pub(super) rewritings: Vec<RewritingCount>,
    /// How far it is off on the samples to choose by; `None` if nothing was rewritten.
    pub(super) accuracy: Option<AccuracyFigures>,
}

impl Rewritten {
    /// Rounding stays above this.
    const LEAST_COSINE: f64 = 0.99999;

    pub(super) fn untouched(model: &Model) -> Self {
        Self { model: model.clone(), rewritings: Vec::new(), accuracy: None }
    }

    /// As it is, by how far its results are off; the original, and a warning, if that is more than rounding or not known.
    pub(super) fn or_untouched(
        self,
        original: &Model,
        figures: Result<AccuracyFigures>,
        warnings: &mut Vec<String>,
    ) -> Self {
        let reason = match figures {
            Ok(figures) if figures.min_cosine >= Self::LEAST_COSINE => {
                return Self { accuracy: Some(figures), ..self };
            }
            Ok(figures) => format!("results changed (minimum cosine {})", figures.min_cosine),
            Err(error) => error.to_string(),
        };
        warnings.push(format!("not rewritten: {reason}"));
        Self::untouched(original)
    }
}

/// Rewrites a model; what cannot be done makes a warning.
///
/// # Errors
/// Those of reading its weights.
pub(super) fn rewrite(
    model: &Model,
    external: &dyn ExternalDataResolver,
    warnings: &mut Vec<String>,
) -> Result<Rewritten> {
    let lifted = lift_opset(model, PER_CHANNEL_OPSET).unwrap_or_else(|error| {
        warnings.push(format!("the operator set was not lifted to {PER_CHANNEL_OPSET}: {error}"));
        model.clone()
    });
    let (model, report) = simplify_with(&lifted, external)?;
    Ok(Rewritten { model, rewritings: counted(&report), accuracy: None })
}

fn counted(report: &SimplifyReport) -> Vec<RewritingCount> {
    let mut counts: Vec<RewritingCount> = Vec::new();
    for kind in report.rewrites.iter().map(|rewrite| rewrite.kind) {
        match counts.iter_mut().find(|known| known.kind == kind) {
            Some(known) => known.count += 1,
            None => counts.push(RewritingCount { kind, count: 1 }),
        }
    }
    counts
}
