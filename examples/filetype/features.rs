//! What Magika looks at in a file, and what its scores mean.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use ortlet::{Error, Result};
use serde::Deserialize;

/// The part of the model's own configuration that its third version uses.
#[derive(Deserialize)]
pub struct Config {
    beg_size: usize,
    end_size: usize,
    block_size: usize,
    padding_token: i32,
    min_file_size_for_dl: usize,
    medium_confidence_threshold: f32,
    target_labels_space: Vec<String>,
    thresholds: HashMap<String, f32>,
    overwrite_map: HashMap<String, String>,
}

/// A file as far as it is known before the model runs.
pub enum Content {
    /// Too little content for the model, or none.
    Known(&'static str),
    /// Enough for the model.
    Features {
        /// The model's input: bytes from the beginning and the end, or the padding token.
        bytes: Vec<i32>,
        /// Whether the beginning is UTF-8.
        is_text: bool,
    },
}

impl Config {
    /// Reads the file that comes with the model.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong =
            |reason: String| Error::invalid_argument("--config", format!("{}: {reason}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    /// The best label and its score. Where the model is not sure enough, the label only says whether it is text.
    pub fn label(&self, scores: &[f32], is_text: bool) -> (String, f32) {
        let best = scores.iter().zip(&self.target_labels_space).max_by(|a, b| a.0.total_cmp(b.0));
        let Some((&score, label)) = best else { return ("unknown".into(), 0.0) };
        let sure = score >= *self.thresholds.get(label).unwrap_or(&self.medium_confidence_threshold);
        let label = match self.overwrite_map.get(label) {
            _ if !sure => vague(is_text),
            Some(other) => other,
            None => label,
        };
        (label.to_owned(), score)
    }
}

/// Reads a file's beginning and end. The error is a short text for the table.
pub fn read(path: &Path, config: &Config) -> Result<Content, String> {
    let read = |from: SeekFrom| -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(from)?;
        let mut block = Vec::new();
        file.take(config.block_size as u64).read_to_end(&mut block)?;
        Ok(block)
    };
    let failed = |error: std::io::Error| format!("({error})");
    let file = std::fs::metadata(path).map_err(failed)?;
    if !file.is_file() {
        return Ok(Content::Known(if file.is_dir() { "directory" } else { "special" }));
    }
    let block = file.len().min(config.block_size as u64) as i64;
    let (first, last) =
        (read(SeekFrom::Start(0)).map_err(failed)?, read(SeekFrom::End(-block)).map_err(failed)?);
    Ok(content(&first, &last, config))
}

fn content(first: &[u8], last: &[u8], config: &Config) -> Content {
    if first.is_empty() {
        return Content::Known("empty");
    }
    let beginning = trim_start(first);
    if first.len() < config.min_file_size_for_dl || beginning.len() < config.min_file_size_for_dl {
        return Content::Known(vague(is_text(first)));
    }
    let mut features = vec![config.padding_token; config.beg_size + config.end_size];
    for (feature, &byte) in features.iter_mut().zip(beginning.iter().take(config.beg_size)) {
        *feature = byte.into();
    }
    let end = trim_end(last);
    for (feature, &byte) in features.iter_mut().rev().zip(end.iter().rev().take(config.end_size)) {
        *feature = byte.into();
    }
    Content::Features { bytes: features, is_text: is_text(first) }
}

fn vague(is_text: bool) -> &'static str {
    if is_text { "txt" } else { "unknown" }
}

/// Whether bytes are UTF-8, apart from a character that their end cuts.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).err().is_none_or(|error| error.error_len().is_none())
}

/// White space as Magika counts it, which includes the vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C)
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| !is_space(byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}
