//! Where the time goes, by operator and by node, as tables for a person.

use ortlet::metrics::{KernelTime, NodeTime, OperatorProfile, OperatorTime};

use crate::output::{count, duration, right_align, runs, significant, table};

/// Nodes that have a row of their own; the others share one.
const SHOWN_NODES: usize = 20;

/// A row of a table: what it is about, how often that was run in each run, and the time it took.
pub struct Row {
    pub what: String,
    /// The node's operator or the number of the operator's nodes.
    pub about: String,
    pub calls: String,
    pub time: KernelTime,
}

impl Row {
    /// The time in each run.
    pub fn duration(&self) -> String {
        duration(self.time.mean_ns_per_run)
    }

    /// The share of the time that the runs took.
    pub fn percent(&self) -> String {
        format!("{:.1} %", self.time.share * 100.0)
    }
}

/// A table of rows that add up to the whole time.
pub struct Table {
    /// What its first two columns hold.
    pub heads: [&'static str; 2],
    pub rows: Vec<Row>,
}

/// The two tables.
pub fn tables(profile: &OperatorProfile) -> [Table; 2] {
    [by_operator(profile), by_node(profile)]
}

/// How many runs the tables are about, and how long these took.
pub fn basis(profile: &OperatorProfile) -> String {
    let mean_ns = profile.total_ns as f64 / profile.run_count as f64;
    format!("{} of {} on average", runs(profile.run_count), duration(mean_ns))
}

fn by_operator(profile: &OperatorProfile) -> Table {
    let row = |operator: &OperatorTime| Row {
        what: operator.operator.to_string(),
        about: count(operator.node_count),
        calls: calls(operator.call_count, profile),
        time: operator.time,
    };
    let rows = profile.operators.iter().map(row).chain([overhead(profile)]).collect();
    Table { heads: ["operator", "nodes"], rows }
}

fn by_node(profile: &OperatorProfile) -> Table {
    let row = |node: &NodeTime| Row {
        what: node.name.clone(),
        about: node.operator.to_string(),
        calls: calls(node.call_count, profile),
        time: node.time,
    };
    let (shown, others) = profile.nodes.split_at(profile.nodes.len().min(SHOWN_NODES));
    let mut rows: Vec<Row> = shown.iter().map(row).collect();
    if !others.is_empty() {
        let call_count = others.iter().map(|node| node.call_count).sum();
        rows.push(Row {
            what: format!("(the other {})", count(others.len() as u64)),
            about: String::new(),
            calls: calls(call_count, profile),
            time: others.iter().fold(KernelTime::default(), |sum, node| add(sum, node.time)),
        });
    }
    rows.push(overhead(profile));
    Table { heads: ["node", "operator"], rows }
}

fn overhead(profile: &OperatorProfile) -> Row {
    let what = "(not in any operator)".into();
    Row { what, about: String::new(), calls: String::new(), time: profile.overhead }
}

fn calls(call_count: u64, profile: &OperatorProfile) -> String {
    significant(call_count as f64 / profile.run_count as f64)
}

fn add(a: KernelTime, b: KernelTime) -> KernelTime {
    KernelTime {
        total_ns: a.total_ns + b.total_ns,
        mean_ns_per_run: a.mean_ns_per_run + b.mean_ns_per_run,
        share: a.share + b.share,
    }
}

/// The tables as text.
pub fn text(profile: &OperatorProfile) -> String {
    let mut text = format!("\nwhere the time goes, with profiling on: {}\n", basis(profile));
    for Table { heads: [what, about], rows } in tables(profile) {
        let mut table = table([what, about, "calls per run", "time per run", "share"]);
        for row in rows {
            let (duration, percent) = (row.duration(), row.percent());
            table.add_row([row.what, row.about, row.calls, duration, percent]);
        }
        right_align(&mut table, 2..5);
        text.push_str(&format!("{table}\n"));
    }
    text
}
