//! The report as one page: no script, nothing loaded from elsewhere, light and dark, for screens of any width.

use ortlet::metrics::LatencySummary;

use crate::bench::{Report, chart, operators_html};
use crate::output::{bytes, duration, per_second, runs};
use crate::report::page::{self, escape, figure, short_name, table};

/// The page.
pub fn page(report: &Report) -> String {
    let title = format!("Latency of {}", short_name(&report.model.path));
    let mut page = String::new();
    page.push_str(&lead(report));
    page.push_str(&tiles(report));
    page.push_str(&figure(
        "How often each latency occurred",
        "Every measured run is in here. The dashed lines mark percentiles: p99 is the latency that 99 % of the runs \
         did not exceed.",
        |size| chart::histogram(&report.histogram, &report.latency, size),
    ));
    page.push_str(&figure(
        "Latency over time",
        "The band reaches from the shortest to the longest run of each moment, the line is their mean.",
        |size| chart::timeline(&report.timeline, &report.latency, report.elapsed_ns, size),
    ));
    page.push_str(&report.operator_profile.as_ref().map(operators_html::figures).unwrap_or_default());
    page.push_str("<div class='tables'>\n");
    page.push_str(&table("Results", report.results()));
    page.push_str(&table("Model and machine", setup(report)));
    page.push_str("</div>\n");
    page::page(&title, &page)
}

fn lead(report: &Report) -> String {
    format!(
        "<p class='lead'>{} in {} after {} to warm up · ONNX Runtime {} · {}</p>\n",
        runs(report.run_count),
        duration(report.elapsed_ns as f64),
        runs(report.warmup_run_count),
        escape(&report.environment.runtime_version),
        escape(&report.environment.processor),
    )
}

fn tiles(report: &Report) -> String {
    let LatencySummary { p50_ns, p99_ns, .. } = report.latency;
    let mut tiles = vec![
        ("p50", duration(p50_ns as f64)),
        ("p99", duration(p99_ns as f64)),
        ("throughput", format!("{} /s", per_second(report.runs_per_second))),
        ("first run", duration(report.first_run_ns as f64)),
        (report.creation(), duration(report.creation_ns as f64)),
    ];
    tiles.extend(report.cpu_ns_per_run.map(|time| ("CPU time per run", duration(time))));
    tiles.extend(report.memory.private_bytes.map(|size| ("private memory", bytes(size))));
    tiles.extend(report.memory.peak_bytes.map(|size| ("peak memory", bytes(size))));
    let tile = |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
    format!("<dl class='tiles'>\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

fn setup(report: &Report) -> Vec<(&'static str, String)> {
    let environment = &report.environment;
    let mut rows = report.facts();
    let outputs: Vec<String> = report.model.outputs.iter().map(ToString::to_string).collect();
    rows.insert(2, ("outputs", outputs.join("\n")));
    rows.push(("options", options(report)));
    rows.push(("processor", format!("{} ({})", environment.processor, environment.architecture)));
    rows.push(("usable cores", environment.usable_physical_core_count.to_string()));
    rows.push(("system", environment.operating_system.to_string()));
    rows
}

/// The options that are not as they are by default.
fn options(report: &Report) -> String {
    let as_json = |options: &ortlet::SessionOptions| serde_json::to_value(options).unwrap_or_default();
    let (given, default) = (as_json(&report.options), as_json(&ortlet::SessionOptions::default()));
    let fields = given.as_object().into_iter().flatten();
    // Threads and cache have rows of their own.
    let told = ["threads", "cache"];
    let changed =
        fields.filter(|(name, value)| default.get(name) != Some(value) && !told.contains(&name.as_str()));
    let lines: Vec<String> = changed.map(|(name, value)| format!("{name}: {value}")).collect();
    if lines.is_empty() { "default".into() } else { lines.join("\n") }
}
