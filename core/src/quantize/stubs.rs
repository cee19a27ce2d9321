//! Stub.
use crate::Result;
use crate::model::*;
pub fn lift_opset(_: &Model, _: i64) -> Result<Model> {
    Err(crate::Error::unsupported("lift", "stub"))
}
