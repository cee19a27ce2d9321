//! Stub.
use crate::Result;
use crate::engine::runtime::{Sample, Samples, SessionOptions};
use crate::engine::session::CancelToken;
use crate::model::Model;
use crate::quantize::Calibration;
use crate::tensor::ValueInfo;
use std::borrow::Cow;
pub(in crate::engine) struct SampleReader;
impl SampleReader {
    pub(in crate::engine) fn open(_: &Samples, _: &[ValueInfo]) -> Result<Self> {
        todo!()
    }
    pub(in crate::engine) fn count(&self) -> usize {
        todo!()
    }
    pub(in crate::engine) fn get(&self, _: usize) -> Result<Cow<'_, Sample>> {
        todo!()
    }
}
#[derive(Default)]
pub(in crate::engine) struct CalibrateOptions {
    pub session: SessionOptions,
    pub cancel: Option<CancelToken>,
    pub max_bytes: u64,
}
pub(in crate::engine) fn calibrate_on(
    _: &Model,
    _: &SampleReader,
    _: &[usize],
    _: &CalibrateOptions,
    _: impl Fn(f64),
) -> Result<Calibration> {
    todo!()
}
