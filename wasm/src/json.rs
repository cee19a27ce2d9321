//! JSON, as documents cross the border.

use std::io;

use ortlet::{Error, Result};
use serde::Serialize;
#[cfg(feature = "tools")]
use serde::de::DeserializeOwned;
use serde_json::ser::Formatter;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The shortest digits that are read back as the same number.
    #[wasm_bindgen(js_name = String)]
    fn digits(number: f64) -> String;
}

/// Has JavaScript write floats: what Rust has for that is a tenth of all that pages download.
struct ByJavaScript;

impl Formatter for ByJavaScript {
    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(digits(value).as_bytes())
    }
}

/// A report as a text.
pub(crate) fn write(report: &impl Serialize) -> Result<String> {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut json, ByJavaScript);
    let written = report.serialize(&mut serializer);
    written.map_err(|error| Error::internal(error.to_string()))?;
    String::from_utf8(json).map_err(|error| Error::internal(error.to_string()))
}

/// A value from a text. The error says where in the text it is wrong, and which key is unknown.
#[cfg(feature = "tools")]
pub(crate) fn read<T: DeserializeOwned>(json: &str, argument: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::invalid_argument(argument, error.to_string()))
}
