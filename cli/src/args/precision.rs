//! With what numbers a model computes, on the command line.

use std::path::PathBuf;

use clap::Args;
use ortlet::{Accuracy, Precision, Samples, SessionOptions};

/// With what numbers the model computes.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Precision options")]
pub struct PrecisionArgs {
    /// `original`, `auto`; fp32, fp16, bf16 or int8 in Ortlet's own kernels; or a mode of quantization: int8-dynamic,
    /// int8-static, weights-8, weights-4, float16.
    ///
    /// `auto` measures on this machine which layers are faster in 8 bits, keeps within the accuracy asked for, and keeps
    /// the original where nothing pays. It needs --samples.
    #[arg(long, value_name = "PRECISION", value_parser = parse_precision)]
    pub precision: Option<Precision>,
    /// Folder of .npz files, each a batch of real inputs, to measure with.
    #[arg(long, value_name = "DIR")]
    pub samples: Option<PathBuf>,
    #[command(flatten)]
    accuracy: AccuracyArgs,
}

/// How far results may be off.
#[derive(Args, Clone, Default)]
struct AccuracyArgs {
    /// The least cosine similarity of any output of any sample, or `none`. Default: 0.997.
    #[arg(long, value_name = "COSINE", value_parser = parse_bound)]
    min_cosine: Option<Bound>,
    /// The least mean of the cosine similarities, or `none`. Default: 0.999.
    #[arg(long, value_name = "COSINE", value_parser = parse_bound)]
    mean_cosine: Option<Bound>,
    /// The largest difference of any element of any output.
    #[arg(long, value_name = "DIFFERENCE", value_parser = parse_bound)]
    max_error: Option<Bound>,
    /// The least share of rows whose largest element is at the same index.
    #[arg(long, value_name = "SHARE", value_parser = parse_bound)]
    top1: Option<Bound>,
}

/// A number, or nothing.
#[derive(Clone, Copy)]
struct Bound(Option<f64>);

impl PrecisionArgs {
    /// Puts what was given into the library's options. What was not given keeps the library's default.
    pub fn apply(&self, options: &mut SessionOptions) {
        options.precision = self.precision.unwrap_or_default();
        options.samples = self.samples.clone().map_or(Samples::None, Samples::Folder);
        let Accuracy { min_cosine, mean_cosine, max_absolute_error, top1_agreement, .. } =
            &mut options.accuracy;
        let given = &self.accuracy;
        for (bound, place) in [
            (given.min_cosine, min_cosine),
            (given.mean_cosine, mean_cosine),
            (given.max_error, max_absolute_error),
            (given.top1, top1_agreement),
        ] {
            if let Some(Bound(bound)) = bound {
                *place = bound;
            }
        }
    }
}

fn parse_precision(text: &str) -> Result<Precision, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn parse_bound(text: &str) -> Result<Bound, String> {
    match text {
        "none" => Ok(Bound(None)),
        number => number
            .parse()
            .map(|number| Bound(Some(number)))
            .map_err(|_| "should be a number or `none`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_keeps_its_default() {
        let mut options = SessionOptions::default();
        PrecisionArgs::default().apply(&mut options);
        assert_eq!(options, SessionOptions::default());
        let accuracy = AccuracyArgs {
            min_cosine: parse_bound("none").ok(),
            top1: parse_bound("0.9").ok(),
            ..Default::default()
        };
        PrecisionArgs { precision: parse_precision("auto").ok(), accuracy, ..Default::default() }
            .apply(&mut options);
        let Accuracy { min_cosine, mean_cosine, top1_agreement, .. } = options.accuracy;
        assert_eq!(
            (options.precision, min_cosine, mean_cosine, top1_agreement),
            (Precision::Auto, None, Some(0.999), Some(0.9))
        );
        assert!(parse_bound("x").is_err() && parse_precision("int7").unwrap_err().contains("int7"));
    }
}
