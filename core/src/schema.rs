//! Schemas of all options and reports: what declarations for other languages are generated from.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::engine::calibrate::{CalibrateOptions, CalibrateProgress};
use crate::engine::compile::{CacheEntry, CompileReport, Plan};
use crate::engine::precision::{PrecisionOptions, PrecisionProgress};
use crate::engine::runtime::{DoctorReport, Provider, RuntimeOptions, SessionOptions};
use crate::engine::session::SessionReport;
use crate::engine::tune::{TuneOptions, TuneProgress};
use crate::metrics::{MetricsReport, OperatorProfile};
use crate::model::ModelReport;
use crate::quantize::{Accuracy, PrecisionReport, QuantizeOptions, QuantizeReport};
use crate::tensor::DType;

/// JSON schemas by the name of the type, those of all types that they refer to included.
///
/// An object's `required` has its fields in the order of the struct; in `properties` they are sorted.
pub type Schemas = Map<String, Value>;

/// What an object of options has instead of `required`, since nothing is: its fields in the order of the struct.
pub const ORDER: &str = "x-order";

/// What the schema of a word has another word under that is read as the same.
pub const ALIAS: &str = "x-alias";

/// Options, in the form that is read.
pub fn options() -> Schemas {
    let mut read = options_by(SchemaSettings::draft2020_12().for_deserialize());
    // Only what is written says in which order.
    let written = options_by(SchemaSettings::draft2020_12().for_serialize());
    for (name, schema) in &mut read {
        if let Some(order) = written.get(name).and_then(|written| written.get("required")) {
            schema[ORDER] = order.clone();
        }
    }
    read
}

fn options_by(settings: SchemaSettings) -> Schemas {
    let mut generator = settings.into_generator();
    generator.subschema_for::<Accuracy>();
    generator.subschema_for::<CalibrateOptions>();
    generator.subschema_for::<PrecisionOptions>();
    generator.subschema_for::<QuantizeOptions>();
    generator.subschema_for::<RuntimeOptions>();
    generator.subschema_for::<SessionOptions>();
    generator.subschema_for::<TuneOptions>();
    generator.take_definitions(true)
}

/// Reports, in the form that is written.
pub fn reports() -> Schemas {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.subschema_for::<CacheEntry>();
    generator.subschema_for::<CalibrateProgress>();
    generator.subschema_for::<CompileReport>();
    generator.subschema_for::<DoctorReport>();
    generator.subschema_for::<MetricsReport>();
    generator.subschema_for::<ModelReport>();
    generator.subschema_for::<OperatorProfile>();
    generator.subschema_for::<Plan>();
    generator.subschema_for::<PrecisionProgress>();
    generator.subschema_for::<PrecisionReport>();
    generator.subschema_for::<QuantizeReport>();
    generator.subschema_for::<SessionReport>();
    generator.subschema_for::<TuneProgress>();
    generator.take_definitions(true)
}

/// An execution provider as options name it.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only described")]
pub(crate) enum NameOrProvider {
    Name(String),
    Provider(Provider),
}

/// What a variant is described with that is written as `true` or `false`.
pub(crate) struct Is<const VALUE: bool>;

impl<const VALUE: bool> JsonSchema for Is<VALUE> {
    fn schema_name() -> Cow<'static, str> {
        VALUE.to_string().into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": VALUE })
    }
}

impl JsonSchema for DType {
    fn schema_name() -> Cow<'static, str> {
        "DType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::all().map(Self::name).collect();
        json_schema!({ "description": "Element type of a tensor, by its name.", "type": "string", "enum": names })
    }
}
