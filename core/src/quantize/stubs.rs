//! Stub.
use crate::Result;
use crate::model::*;
pub struct SimplifyReport;
impl SimplifyReport {
    pub fn counts(&self) -> Vec<super::RewritingCount> {
        todo!()
    }
}
pub fn simplify_with(_: &Model, _: &dyn ExternalDataResolver) -> Result<(Model, SimplifyReport)> {
    todo!()
}
pub fn lift_opset(_: &Model, _: i64) -> Result<Model> {
    todo!()
}
