//! The tasks: a model each, with the budget that Ortlet has to keep.

use ortlet::Accuracy;

/// A model and what it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name, also of the folder of its data.
    pub name: &'static str,
    /// The file below the folder of models.
    pub model: &'static str,
    /// What the held-out samples are, and what is compared of the answers.
    pub about: &'static str,
}

pub const ALL: [Task; 5] = [
    Task { name: "magika", model: "magika/model.onnx", about: "320 files; same labels, %" },
    Task {
        name: "minilm",
        model: "minilm/model.onnx",
        about: "200 sentences; cosine of embeddings, mean / minimum",
    },
    Task { name: "rec", model: "rapidocr/PP-OCRv6_rec_small.onnx", about: "200 lines; equal texts, %" },
    Task {
        name: "cls",
        model: "rapidocr/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
        about: "200 lines; same orientation, %",
    },
    Task {
        name: "silero",
        model: "silero-vad/silero_vad.onnx",
        about: "400 windows; same decision for speech, %",
    },
];

impl Task {
    /// How far results may be off.
    pub fn budget(&self) -> Accuracy {
        match self.name {
            // A detector of file types: the label counts, not how sure it is.
            "magika" => Accuracy {
                mean_cosine: Some(0.998),
                min_cosine: Some(0.9),
                top1_agreement: Some(0.99),
                ..Accuracy::default()
            },
            _ => Accuracy::default(),
        }
    }
}
