//! Errors, as they cross the border: texts.

use ortlet::Error;
use wasm_bindgen::JsValue;

use crate::json;

/// What functions throw: a text, the JSON of [`Error::details`].
#[derive(Debug)]
pub struct Thrown(Error);

impl From<Error> for Thrown {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Thrown> for JsValue {
    fn from(thrown: Thrown) -> Self {
        // The text is written by the same code as reports are.
        Self::from_str(&json::write(&thrown.0).unwrap_or_default())
    }
}

/// What functions give.
pub(crate) type Outcome<T> = Result<T, Thrown>;
