//! Stub.
use crate::engine::runtime::{OptimizationLevel, Sample, Samples, SessionOptions};
use crate::engine::session::{CancelToken, Session};
use crate::model::Model;
use crate::quantize::{Calibration, Calibrator};
use crate::tensor::{Value, ValueInfo};
use crate::{Error, Result};
use std::borrow::Cow;
pub(in crate::engine) struct SampleReader(Vec<Sample>);
impl SampleReader {
    pub(in crate::engine) fn open(s: &Samples, _: &[ValueInfo]) -> Result<Self> {
        match s {
            Samples::Batches(b) => Ok(Self(b.to_vec())),
            _ => Err(Error::invalid_argument("samples", "stub")),
        }
    }
    pub(in crate::engine) fn count(&self) -> usize {
        self.0.len()
    }
    pub(in crate::engine) fn get(&self, at: usize) -> Result<Cow<'_, Sample>> {
        Ok(Cow::Borrowed(&self.0[at]))
    }
}
#[derive(Default)]
pub(in crate::engine) struct CalibrateOptions {
    pub session: SessionOptions,
    pub cancel: Option<CancelToken>,
    pub max_bytes: u64,
}
pub(in crate::engine) fn calibrate_on(
    m: &Model,
    r: &SampleReader,
    at: &[usize],
    o: &CalibrateOptions,
    tell: impl Fn(f64),
) -> Result<Calibration> {
    let mut c = Calibrator::new(m)?;
    let s = Session::of_model(
        &c.model(),
        &SessionOptions { optimization_level: OptimizationLevel::Basic, ..o.session.clone() },
    )?;
    let names: Vec<String> = c.watched().map(str::to_owned).collect();
    for (n, &i) in at.iter().enumerate() {
        tell(n as f64 / at.len() as f64);
        let out = s.run(r.0[i].iter().map(|(n, v)| (n, v)))?;
        for name in &names {
            let v = out.get(name).or_else(|| r.0[i].iter().find(|(k, _)| k == name).map(|(_, v)| v));
            if let Some(Value::Tensor(t)) = v {
                c.observe(name, &t.view())?;
            }
        }
        c.end_sample();
    }
    c.finish()
}
