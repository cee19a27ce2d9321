//! What is in a model: the report of the library as tables.

use std::collections::BTreeMap;
use std::path::Path;

use ortlet::Error;
use ortlet::error::ResultExt;
use ortlet::model::{DynamicDim, Model, ModelReport, QuantizedValue};
use ortlet::tensor::{DType, ValueInfo};
use serde::Serialize;

use crate::output::{bytes, count, facts, note, right_align, table};
use crate::quantize::METADATA_KEY;

/// Operators beyond so many are summed up in one row; JSON has them all.
const MOST_OPERATORS: usize = 20;
/// Scales beyond so many are counted instead of listed.
const MOST_SCALES: usize = 4;

/// The report, and why the model cannot be run, if it cannot: a damaged model is still worth looking into, but nobody
/// should take it for sound.
#[derive(Serialize)]
pub struct Document {
    #[serde(flatten)]
    report: ModelReport,
    problem: Option<serde_json::Value>,
}

impl Document {
    /// Looks into a model; says on standard error what keeps it from being run, unless it goes into JSON.
    pub fn of(model: &Model, path: &Path, as_json: bool) -> Self {
        let problem = model.validate().with_context(|| format!("model `{}`", path.display())).err();
        if let Some(problem) = problem.as_ref().filter(|_| !as_json) {
            note(&format!("this model cannot be run: {problem}"));
        }
        Self { report: model.report(), problem: problem.as_ref().map(Error::details) }
    }

    /// As tables. `title` says which model it is.
    pub fn text(&self, title: &str) -> String {
        text(title, &self.report)
    }
}

fn text(title: &str, report: &ModelReport) -> String {
    let mut parts = vec![facts(general(title, report)).to_string(), values(report)];
    parts.extend(dimensions(&report.dynamic_dims));
    parts.push(operators(report));
    parts.extend(parameters(report));
    parts.extend(external_files(report));
    parts.extend(quantization(report));
    parts.join("\n\n") + "\n"
}

fn general(title: &str, report: &ModelReport) -> Vec<(&'static str, String)> {
    let joined = |texts: &[String]| texts.join(", ");
    let versions = |opsets: &BTreeMap<String, i64>| {
        opsets.iter().map(|(domain, version)| format!("{domain} {version}")).collect::<Vec<_>>().join(", ")
    };
    let mut size = bytes(report.model_bytes);
    if report.total_bytes > report.model_bytes {
        size += &format!(", {} with external data", bytes(report.total_bytes));
    }
    let mut nodes = count(report.node_count);
    if report.subgraph_count > 0 {
        nodes += &format!(", some of them in {} graphs inside nodes", count(report.subgraph_count));
    }
    let rows = [
        ("model", title.to_string()),
        ("producer", format!("{} {}", report.producer_name, report.producer_version).trim().to_string()),
        ("graph", report.graph_name.clone()),
        ("domain", report.domain.clone()),
        ("description", report.doc_string.clone()),
        ("IR version", report.ir_version.to_string()),
        ("operator sets", versions(&report.opsets)),
        ("size", size),
        ("parameters", format!("{} ({})", count(report.parameter_count), bytes(report.parameter_bytes))),
        ("nodes", nodes),
        ("control flow", counts(&report.control_flow_counts)),
        ("own functions", joined(&report.functions)),
        ("custom domains", joined(&report.custom_domains)),
        ("quantized by Ortlet", verdict(&report.metadata)),
        ("metadata", metadata(&report.metadata)),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, number)| format!("{name} {}", count(*number))).collect::<Vec<_>>().join(", ")
}

/// What `ortlet quantize` says of the model that it made.
fn verdict(texts: &BTreeMap<String, String>) -> String {
    let origin =
        texts.get(METADATA_KEY).and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    origin.and_then(|origin| Some(origin["verdict"].as_str()?.to_owned())).unwrap_or_default()
}

fn metadata(texts: &BTreeMap<String, String>) -> String {
    let short = |(key, value): (&String, &String)| {
        const MOST: usize = 60;
        let text: String = value.chars().take(MOST).collect();
        format!("{key}: {}{}", text.escape_debug(), if text.len() < value.len() { "…" } else { "" })
    };
    texts.iter().map(short).collect::<Vec<_>>().join("\n")
}

fn values(report: &ModelReport) -> String {
    let mut table = table(["", "name", "type"]);
    for (role, values) in [
        ("input", &report.inputs),
        ("optional input", &report.overridable_initializers),
        ("output", &report.outputs),
    ] {
        for ValueInfo { name, value_type } in values {
            table.add_row([role, name, &value_type.to_string()]);
        }
    }
    table.to_string()
}

fn dimensions(dims: &[DynamicDim]) -> Option<String> {
    let mut table = table(["open dimension", "where"]);
    // Those without a name stand in no relation to each other: the types above say all about them.
    for (dim, name) in dims.iter().filter_map(|dim| Some((dim, dim.name.as_deref()?))) {
        let places: Vec<String> =
            dim.axes.iter().map(|axis| format!("{} axis {}", axis.value, axis.axis)).collect();
        table.add_row([name, &places.join(", ")]);
    }
    (!table.is_empty()).then(|| table.to_string())
}

fn operators(report: &ModelReport) -> String {
    let mut operators: Vec<(&String, u64)> =
        report.op_type_counts.iter().map(|(name, number)| (name, *number)).collect();
    operators.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut table = table(["operator", "nodes"]);
    for (name, number) in operators.iter().take(MOST_OPERATORS) {
        table.add_row([name.as_str(), &count(*number)]);
    }
    if let Some(rest) = operators.get(MOST_OPERATORS..).filter(|rest| !rest.is_empty()) {
        let nodes = rest.iter().map(|(_, number)| number).sum();
        table.add_row([format!("{} others", rest.len()), count(nodes)]);
    }
    right_align(&mut table, [1]);
    table.to_string()
}

fn parameters(report: &ModelReport) -> Option<String> {
    let mut table = table(["parameters of type", "size"]);
    for (dtype, size) in &report.dtype_bytes {
        table.add_row([dtype.as_str(), &bytes(*size)]);
    }
    right_align(&mut table, [1]);
    (!report.dtype_bytes.is_empty()).then(|| table.to_string())
}

fn external_files(report: &ModelReport) -> Option<String> {
    let mut table = table(["external data", "tensors", "size"]);
    for file in &report.external_files {
        table.add_row([file.location.clone(), count(file.tensor_count), bytes(file.tensor_bytes)]);
    }
    right_align(&mut table, [1, 2]);
    (!report.external_files.is_empty()).then(|| table.to_string())
}

fn quantization(report: &ModelReport) -> Option<String> {
    let quantization = &report.quantization;
    if quantization.schemes.is_empty() {
        return None;
    }
    let mut schemes = table(["quantized", "nodes", "weights", "share of weights"]);
    for scheme in &quantization.schemes {
        let share = format!("{:.1} %", scheme.weight_share * 100.0);
        // The name is the one in JSON, so that both can be searched for the same word.
        let kind = serde_json::to_value(scheme.kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default().to_string();
        schemes.add_row([kind, count(scheme.node_count), count(scheme.weight_count), share]);
    }
    right_align(&mut schemes, 1..=3);
    let mut values = table(["quantized value", "type", "scale", "zero point"]);
    for (role, quantized) in [("input", &quantization.inputs), ("output", &quantization.outputs)] {
        for value in quantized {
            values.add_row(quantized_row(role, value));
        }
    }
    if values.is_empty() { Some(schemes.to_string()) } else { Some(format!("{schemes}\n\n{values}")) }
}

fn quantized_row(role: &str, value: &QuantizedValue) -> [String; 4] {
    [
        format!("{role} {}", value.name),
        value.dtype.map_or("unknown", DType::name).to_string(),
        few(&value.scales),
        few(&value.zero_points),
    ]
}

fn few<T: ToString>(values: &[T]) -> String {
    match values.len() {
        0..=MOST_SCALES => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        many => format!("{many} values"),
    }
}
