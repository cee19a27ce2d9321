//! What the structs write as JSON is what the declarations say: no field more, none less, each of its type.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ortlet::metrics::{Histogram, KernelTime, MetricsReport, Operator, OperatorTime, SessionMetrics};
use ortlet::model::Model;
use ortlet::quantize::{KernelPrecision, LayerOutcome, LayerReport};
use ortlet::runtime::{RuntimeOptions, doctor};
use ortlet::tensor::{DType, Dim, SymbolicShape, ValueInfo, ValueType};
use ortlet::{
    Accuracy, Cache, CacheEntry, CacheEntryKind, CalibrateOptions, CalibrateProgress, CompileReport,
    ErrorCode, Plan, PlanCandidate, PlanChanges, PlanReport, PlanRound, Precision, PrecisionOptions,
    PrecisionProgress, PrecisionReport, Profile, Provider, QuantizeMode, QuantizeOptions, Samples,
    SessionOptions, SessionReport, Threads, TuneOptions, TuneProgress, quantize, schema,
};
use ortlet_codegen::model::{Body, Declaration, Field, Type, declarations};
use serde::Serialize;
use serde_json::Value;

/// Declarations by name.
struct Declared(BTreeMap<String, Declaration>);

impl Declared {
    fn of(schemas: &schema::Schemas) -> Self {
        Self(declarations(schemas).into_iter().map(|one| (one.name.clone(), one)).collect())
    }

    /// Checks that a value is as its declaration says; for options, that it has all of its fields.
    fn check(&self, name: &str, value: &impl Serialize) {
        let value = serde_json::to_value(value).unwrap();
        if let Err(problem) = self.named(name, &value) {
            panic!("{problem}\nin {value:#}");
        }
    }

    fn named(&self, name: &str, value: &Value) -> Result<(), String> {
        let one = self.0.get(name).ok_or_else(|| format!("`{name}` is not declared"))?;
        match &one.body {
            Body::Struct(fields) => self.object(name, fields, value),
            Body::Choice(variants) => {
                let fits = variants.iter().any(|variant| self.fits(&variant.of, value).is_ok());
                fits.then_some(()).ok_or_else(|| format!("{value} is no `{name}`"))
            }
        }
    }

    fn object(&self, name: &str, fields: &[Field], value: &Value) -> Result<(), String> {
        let entries = value.as_object().ok_or_else(|| format!("{value} is no `{name}`"))?;
        for (key, value) in entries {
            let field = fields.iter().find(|field| field.key == *key);
            let field = field.ok_or_else(|| format!("`{name}` has no field `{key}`"))?;
            self.fits(&field.of, value).map_err(|problem| format!("{name}.{key}: {problem}"))?;
        }
        let missing = fields.iter().find(|field| {
            (field.is_always_there || field.default.is_some()) && !entries.contains_key(&field.key)
        });
        missing.map_or(Ok(()), |field| Err(format!("`{name}` lacks `{}`", field.key)))
    }

    fn fits(&self, of: &Type, value: &Value) -> Result<(), String> {
        let is_it = match of {
            Type::Named(name) => return self.named(name, value),
            Type::List(of) => {
                let items = value.as_array().ok_or_else(|| format!("{value} is no list"))?;
                return items.iter().try_for_each(|item| self.fits(of, item));
            }
            Type::Map(of) => {
                let entries = value.as_object().ok_or_else(|| format!("{value} is no map"))?;
                return entries.values().try_for_each(|item| self.fits(of, item));
            }
            Type::Union(of) => of.iter().any(|of| self.fits(of, value).is_ok()),
            Type::Constant(constant) => value == constant,
            Type::Null => value.is_null(),
            Type::Bool => value.is_boolean(),
            Type::Integer => value.is_i64() || value.is_u64(),
            Type::Number => value.is_number(),
            Type::Text | Type::Path => value.is_string(),
        };
        is_it.then_some(()).ok_or_else(|| format!("{value} is not {of:?}"))
    }
}

fn fixtures() -> Vec<Model> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // Some of them are damaged on purpose.
    files.filter_map(|path| Model::open(path).ok()).collect()
}

#[test]
fn defaults_of_options_have_the_declared_fields() {
    let declared = Declared::of(&schema::options());
    declared.check("Accuracy", &Accuracy::default());
    declared.check("CalibrateOptions", &CalibrateOptions::default());
    declared.check("PrecisionOptions", &PrecisionOptions::default());
    declared.check("QuantizeOptions", &QuantizeOptions::default());
    declared.check("RuntimeOptions", &RuntimeOptions::default());
    declared.check("SessionOptions", &SessionOptions::default());
    declared.check("TuneOptions", &TuneOptions::default());
}

#[test]
fn declared_defaults_are_those_of_the_structs() {
    let declared = Declared::of(&schema::options());
    let defaults = serde_json::to_value(TuneOptions::default()).unwrap();
    let Body::Struct(fields) = &declared.0["TuneOptions"].body else { panic!("no struct") };
    for field in fields {
        assert_eq!(field.default.as_ref(), defaults.get(&field.key), "{}", field.key);
    }
    let keys: Vec<_> = fields.iter().map(|field| field.key.as_str()).collect();
    // In the order of the struct, which is not that of the alphabet.
    assert_eq!(keys, ["session", "concurrency", "time_limit_ms", "tolerance", "fix_dims", "seed"]);
}

#[test]
fn options_that_are_set_are_of_the_declared_types() {
    let declared = Declared::of(&schema::options());
    let options = SessionOptions {
        threads: Threads::Count(2),
        profile: Profile::Battery,
        providers: vec![Provider::new("cpu")],
        dims: BTreeMap::from([("n".into(), 1)]),
        external_data_folder: Some("a".into()),
        concurrency_limit: 2.try_into().ok(),
        precision: Precision::Mode(QuantizeMode::Weights4),
        samples: Samples::Folder("a".into()),
        runtime: RuntimeOptions { path: Some("a".into()), folders: vec!["b".into()] },
        ..SessionOptions::default()
    };
    declared.check("SessionOptions", &options);
    for precision in [Precision::Auto, Precision::Kernels(KernelPrecision::Bf16)] {
        declared.check("SessionOptions", &SessionOptions { precision, ..options.clone() });
    }
    for cache in [Cache::Default, Cache::Off, Cache::Platform, Cache::Folder("a".into())] {
        declared.check("Cache", &cache);
    }
    for providers in [r#"["cpu"]"#, r#"[{ "name": "xnnpack", "options": {} }]"#] {
        let Body::Struct(fields) = &declared.0["SessionOptions"].body else { panic!("no struct") };
        let field = fields.iter().find(|field| field.key == "providers").unwrap();
        let given = serde_json::from_str(providers).unwrap();
        assert_eq!(declared.fits(&field.of, &given), Ok(()));
    }
}

#[test]
fn reports_have_the_declared_fields() {
    let declared = Declared::of(&schema::reports());
    declared.check("CalibrateProgress", &CalibrateProgress::default());
    declared.check("PrecisionProgress", &PrecisionProgress::default());
    declared.check("TuneProgress", &TuneProgress::default());
    declared.check("PrecisionReport", &PrecisionReport::default());
    declared.check("SessionReport", &SessionReport::default());
    let plan = PlanReport::default();
    declared.check("SessionReport", &SessionReport { plan: Some(plan), ..SessionReport::default() });
    let nowhere = RuntimeOptions { path: Some(PathBuf::from("nowhere")), folders: Vec::new() };
    declared.check("DoctorReport", &doctor(&nowhere));
    let entry = CacheEntry {
        kind: CacheEntryKind::Plan,
        key: "a".into(),
        path: "a".into(),
        model: None,
        file_bytes: 1,
        last_used_unix_s: 2,
    };
    declared.check("CacheEntry", &entry);
    let compiled = CompileReport {
        path: "a".into(),
        file_bytes: 1,
        model_bytes: 1,
        key: Default::default(),
        device_count: 1,
        check_ns: 1,
        create_ns: 1,
        store_ns: 1,
        precision: None,
    };
    declared.check("CompileReport", &compiled);
    declared.check("CompileReport", &CompileReport { precision: Some(Default::default()), ..compiled });
}

#[test]
fn plans_have_the_declared_fields() {
    let declared = Declared::of(&schema::reports());
    let changes = PlanChanges { threads: Some(Threads::Count(1)), ..PlanChanges::default() };
    let candidate = PlanCandidate { changes, rounds: vec![PlanRound::default()], ..PlanCandidate::default() };
    declared.check("Plan", &Plan::default());
    let plan = Plan {
        candidates: vec![candidate],
        stored_in: Some("a".into()),
        warnings: vec!["b".into()],
        ..Plan::default()
    };
    declared.check("Plan", &plan);
}

#[test]
fn metrics_have_the_declared_fields() {
    let declared = Declared::of(&schema::reports());
    declared.check("MetricsReport", &MetricsReport::default());
    let histogram = Histogram::new();
    histogram.record(7);
    let metrics = SessionMetrics {
        compute: histogram.snapshot(),
        error_counts: BTreeMap::from([(ErrorCode::Io, 1)]),
        ..SessionMetrics::default()
    };
    declared.check("MetricsReport", &metrics.report());
    let operator = OperatorTime {
        operator: Operator { domain: None, op_type: "Add".into() },
        provider: "CPU".into(),
        node_count: 1,
        call_count: 1,
        time: KernelTime::default(),
    };
    declared.check("OperatorTime", &operator);
}

#[test]
fn reports_of_models_have_the_declared_fields() {
    let declared = Declared::of(&schema::reports());
    let options = QuantizeOptions { min_weight_elements: 200, ..QuantizeOptions::default() };
    let mut layers = Vec::new();
    for model in fixtures() {
        declared.check("ModelReport", &model.report());
        let quantized = quantize(&model, QuantizeMode::Int8Dynamic, None, &options);
        if let Ok((_, report)) = quantized {
            declared.check("QuantizeReport", &report);
            layers.extend(report.layers);
        }
    }
    let is_skipped = |layer: &LayerReport| matches!(layer.outcome, LayerOutcome::Skipped { .. });
    assert!(layers.iter().any(is_skipped) && !layers.iter().all(is_skipped), "{layers:?}");
}

#[test]
fn every_kind_of_value_has_the_declared_fields() {
    let declared = Declared::of(&schema::reports());
    let dims = vec![Dim::Fixed(1), Dim::Symbol("n".into()), Dim::Unknown];
    let tensor = ValueType::Tensor { dtype: DType::BF16, shape: SymbolicShape::new(dims) };
    let map = ValueType::Map { key: DType::I64, value: Box::new(tensor.clone()) };
    let unranked = ValueType::SparseTensor { dtype: DType::F32, shape: SymbolicShape::unranked() };
    let kinds = [
        tensor,
        map.clone(),
        ValueType::Sequence { element: Box::new(map) },
        ValueType::Optional { element: Box::new(unranked.clone()) },
        unranked,
        ValueType::Opaque,
        ValueType::Unknown,
    ];
    for value_type in kinds {
        declared.check("ValueInfo", &ValueInfo { name: "x".into(), value_type });
    }
}
