//! Where the time of runs goes, by operator and by node: read from ONNX Runtime's recording of a session.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// Where the time of a model's runs goes, by operator and by node.
///
/// A node's time is that of its kernel on the thread that runs it: work that an execution provider does behind it on
/// another device is not in it. A node with graphs inside of it, such as `If` and `Loop`, has the time of its own, and
/// the nodes inside have theirs, so nothing counts twice. Together with [`overhead`](OperatorProfile::overhead) the
/// times of the nodes, or of the operators, are [`total_ns`](OperatorProfile::total_ns), unless an execution provider
/// runs nodes side by side: then they are more.
///
/// ONNX Runtime records whole microseconds and cuts off the rest. Recording itself takes some microseconds for each
/// node, which show in the node's time, in that of a node around it, and in the overhead; so the figures of nodes that
/// take no longer than that say little.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OperatorProfile {
    /// How many runs the figures are of.
    pub run_count: u64,
    /// What these runs took in nanoseconds.
    pub total_ns: u64,
    /// What all nodes took that have the operator and the execution provider in common; the longest time first.
    pub operators: Vec<OperatorTime>,
    /// What each node took; the longest time first.
    pub nodes: Vec<NodeTime>,
    /// What no kernel took: preparing and ending a run, going from node to node, and recording all this.
    pub overhead: KernelTime,
}

/// What the nodes with one operator took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OperatorTime {
    /// The operator.
    #[serde(flatten)]
    pub operator: Operator,
    /// The execution provider that ran them, as ONNX Runtime names it.
    pub provider: String,
    /// How many nodes there are.
    pub node_count: u64,
    /// How often they were run, in all runs together.
    pub call_count: u64,
    /// What that took.
    #[serde(flatten)]
    pub time: KernelTime,
}

/// What one node took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeTime {
    /// Its name; where the model gives it none, one that ONNX Runtime makes of operator and index. Two nodes of this
    /// name, with the same operator, provider and index in two graphs of the model, count as one.
    pub name: String,
    /// Its operator.
    #[serde(flatten)]
    pub operator: Operator,
    /// The execution provider that ran it, as ONNX Runtime names it.
    pub provider: String,
    /// How often it was run, in all runs together.
    pub call_count: u64,
    /// What that took.
    #[serde(flatten)]
    pub time: KernelTime,
}

/// An operator. Displayed as `domain::operator`, or without the domain where that is ONNX's own or not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Operator {
    /// The operator's domain; empty for ONNX's own, `None` if it is not known.
    pub domain: Option<String>,
    /// The operator's name within its domain.
    pub op_type: String,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.domain.as_ref().filter(|domain| !domain.is_empty()) {
            write!(f, "{domain}::")?;
        }
        f.write_str(&self.op_type)
    }
}

/// A part of the time that runs took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelTime {
    /// Nanoseconds in all runs together.
    pub total_ns: u64,
    /// Nanoseconds in one run, on average.
    pub mean_ns_per_run: f64,
    /// Share of what the runs took, from 0 to 1.
    pub share: f64,
}

impl OperatorProfile {
    /// Reads what ONNX Runtime recorded of a session in Chrome's trace event format, without the first
    /// `warmup_run_count` runs.
    ///
    /// ONNX Runtime does not record domains: `domain_of` is asked for them with the name of a node and its operator.
    ///
    /// # Errors
    /// `integrity` if the recording is damaged or incomplete, or holds no more runs than those to warm up.
    pub fn parse(
        recording: &[u8],
        warmup_run_count: u64,
        domain_of: impl Fn(&str, &str) -> Option<String>,
    ) -> Result<Self> {
        let events: Vec<Event<'_>> =
            serde_json::from_slice(recording).map_err(|error| damaged(error.to_string()))?;
        let sums = Sums::of(&events, warmup_run_count)?;
        if sums.run_count == 0 {
            return Err(damaged(format!("no run is left after {warmup_run_count} to warm up")));
        }
        Ok(sums.profile(domain_of))
    }
}

fn damaged(reason: impl Into<String>) -> Error {
    ErrorKind::Integrity { what: "ONNX Runtime's profile".into(), reason: reason.into() }.into()
}

/// What is read of an event. Times are in microseconds.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    cat: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    tid: u64,
    ts: u64,
    dur: u64,
    #[serde(borrow, default)]
    args: Arguments<'a>,
}

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    op_name: Cow<'a, str>,
    #[serde(borrow, default)]
    provider: Cow<'a, str>,
    #[serde(borrow, default)]
    node_index: Cow<'a, str>,
}

impl Event<'_> {
    /// The node's name if the event is a kernel's run.
    fn node(&self) -> Option<&str> {
        self.name.strip_suffix("_kernel_time").filter(|_| self.cat == "Node")
    }

    fn is_run(&self) -> bool {
        self.cat == "Session" && self.name == "model_run"
    }

    fn duration_ns(&self) -> u64 {
        self.dur.saturating_mul(1000)
    }
}

/// What tells one node from another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Node<'a> {
    name: &'a str,
    op_type: &'a str,
    provider: &'a str,
    index: &'a str,
}

/// What the runs that count add up to.
#[derive(Default)]
struct Sums<'a> {
    run_count: u64,
    total_ns: u64,
    /// Calls and nanoseconds, in the order in which the nodes were first done.
    nodes: Vec<(Node<'a>, u64, u64)>,
    places: HashMap<Node<'a>, usize>,
}

impl<'a> Sums<'a> {
    /// Events are recorded when what they tell of ends, so a run comes after its kernels.
    fn of(events: &'a [Event<'a>], warmup_run_count: u64) -> Result<Self> {
        let (mut sums, mut kernels, mut runs_seen) = (Self::default(), Vec::new(), 0);
        for event in events {
            if let Some(name) = event.node() {
                kernels.push((node(event, name)?, event));
            } else if event.is_run() {
                runs_seen += 1;
                if runs_seen > warmup_run_count {
                    sums.add_run(event, &kernels);
                }
                kernels.clear();
            }
        }
        Ok(sums)
    }

    fn add_run(&mut self, run: &Event<'_>, kernels: &[(Node<'a>, &Event<'_>)]) {
        self.run_count += 1;
        self.total_ns = self.total_ns.saturating_add(run.duration_ns());
        let mut threads: HashMap<u64, Done> = HashMap::new();
        for (node, event) in kernels {
            let own_ns = threads.entry(event.tid).or_default().own_ns(event);
            let place = *self.places.entry(*node).or_insert_with(|| {
                self.nodes.push((*node, 0, 0));
                self.nodes.len() - 1
            });
            let (_, call_count, total_ns) = &mut self.nodes[place];
            *call_count += 1;
            *total_ns = total_ns.saturating_add(own_ns);
        }
    }

    fn profile(self, domain_of: impl Fn(&str, &str) -> Option<String>) -> OperatorProfile {
        let time = |total_ns| self.time(total_ns);
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for &(Node { name, op_type, provider, .. }, call_count, total_ns) in &self.nodes {
            let operator = Operator { domain: domain_of(name, op_type), op_type: op_type.to_owned() };
            let (name, provider, time) = (name.to_owned(), provider.to_owned(), time(total_ns));
            nodes.push(NodeTime { name, operator, provider, call_count, time });
        }
        let mut operators = by_operator(&nodes, time);
        nodes.sort_by_key(|node| std::cmp::Reverse(node.time.total_ns));
        operators.sort_by_key(|operator| std::cmp::Reverse(operator.time.total_ns));
        let in_kernels = nodes.iter().fold(0_u64, |sum, node| sum.saturating_add(node.time.total_ns));
        let overhead = time(self.total_ns.saturating_sub(in_kernels));
        OperatorProfile { run_count: self.run_count, total_ns: self.total_ns, operators, nodes, overhead }
    }

    fn time(&self, total_ns: u64) -> KernelTime {
        let share = if self.total_ns == 0 { 0.0 } else { total_ns as f64 / self.total_ns as f64 };
        KernelTime { total_ns, mean_ns_per_run: total_ns as f64 / self.run_count as f64, share }
    }
}

fn node<'a>(event: &'a Event<'a>, name: &'a str) -> Result<Node<'a>> {
    let Arguments { op_name, provider, node_index } = &event.args;
    if op_name.is_empty() {
        return Err(damaged(format!("node `{name}` has no operator")));
    }
    Ok(Node { name, op_type: op_name, provider, index: node_index })
}

fn by_operator(nodes: &[NodeTime], time: impl Fn(u64) -> KernelTime) -> Vec<OperatorTime> {
    let mut operators: Vec<OperatorTime> = Vec::new();
    let mut places = HashMap::new();
    for node in nodes {
        let place = *places.entry((&node.operator, &node.provider)).or_insert_with(|| {
            let (operator, provider) = (node.operator.clone(), node.provider.clone());
            let time = KernelTime::default();
            operators.push(OperatorTime { operator, provider, node_count: 0, call_count: 0, time });
            operators.len() - 1
        });
        let operator = &mut operators[place];
        operator.node_count += 1;
        operator.call_count += node.call_count;
        operator.time = time(operator.time.total_ns.saturating_add(node.time.total_ns));
    }
    operators
}

/// The kernels of one thread that are done, and not known to be part of another: when they started and what they took.
#[derive(Default)]
struct Done(Vec<(u64, u64)>);

impl Done {
    /// What the kernel took without the kernels inside of it: those before it that started no earlier.
    fn own_ns(&mut self, event: &Event<'_>) -> u64 {
        // A kernel that was done before this one started, but within the same microsecond, took zero microseconds.
        let first_inside =
            self.0.iter().rposition(|(start, _)| *start < event.ts).map_or(0, |before| before + 1);
        let inside_ns = self.0.drain(first_inside..).fold(0_u64, |sum, (_, ns)| sum.saturating_add(ns));
        self.0.push((event.ts, event.duration_ns()));
        event.duration_ns().saturating_sub(inside_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel: name, operator, start and duration in microseconds.
    fn kernel(name: &str, op_type: &str, ts: u64, dur: u64) -> String {
        format!(
            r#"{{"cat":"Node","pid":1,"tid":2,"dur":{dur},"ts":{ts},"ph":"X","name":"{name}_kernel_time",
                "args":{{"op_name":"{op_type}","provider":"P","node_index":"0","more":{{"x":[1.5,null]}}}}}}"#
        )
    }

    /// Anything else that a session does.
    fn session(name: &str, ts: u64, dur: u64) -> String {
        format!(
            r#"{{"cat":"Session","pid":1,"tid":2,"dur":{dur},"ts":{ts},"ph":"X","name":"{name}","args":{{}}}}"#
        )
    }

    fn parse(events: &[String], warmup_run_count: u64) -> Result<OperatorProfile> {
        let recording = format!("[\n{}\n]\n", events.join(",\n"));
        OperatorProfile::parse(recording.as_bytes(), warmup_run_count, |name, _| {
            (name != "unknown").then(|| if name.starts_with('f') { "own".into() } else { String::new() })
        })
    }

    /// Name, calls and nanoseconds.
    fn nodes(profile: &OperatorProfile) -> Vec<(&str, u64, u64)> {
        profile.nodes.iter().map(|node| (node.name.as_str(), node.call_count, node.time.total_ns)).collect()
    }

    #[test]
    fn runs_that_count_are_summed_by_node_and_by_operator() {
        let run = |ts: u64, conv: u64| {
            [
                kernel("a", "Conv", ts + 1, conv),
                kernel("fused", "Conv", ts + 100, 20),
                kernel("b", "Conv", ts + 200, 5),
                session("SequentialExecutor::Execute", ts, 240),
                session("model_run", ts, 250),
            ]
        };
        let mut events = vec![session("session_initialization", 0, 999)];
        events.extend([run(1000, 90), run(2000, 10), run(3000, 14)].concat());
        let profile = parse(&events, 1).unwrap();
        assert_eq!((profile.run_count, profile.total_ns), (2, 500_000));
        assert_eq!(nodes(&profile), [("fused", 2, 40_000), ("a", 2, 24_000), ("b", 2, 10_000)]);
        let operators: Vec<_> = profile
            .operators
            .iter()
            .map(|o| (o.operator.to_string(), o.node_count, o.call_count, o.time.total_ns))
            .collect();
        assert_eq!(operators, [("own::Conv".to_owned(), 1, 2, 40_000), ("Conv".to_owned(), 2, 4, 34_000)]);
        assert_eq!(profile.overhead.total_ns, 500_000 - 74_000);
        let time = profile.nodes[0].time;
        assert!(time.mean_ns_per_run == 20_000.0 && (time.share - 0.08).abs() < 1e-12);
    }

    #[test]
    fn what_is_inside_of_a_node_counts_once() {
        let events = [
            kernel("before", "Shape", 10, 0),
            // Within the same microsecond as its parent, and one level deeper.
            kernel("deep", "Add", 12, 30),
            session("SequentialExecutor::Execute", 11, 35),
            kernel("inner", "If", 10, 37),
            kernel("beside", "Mul", 48, 2),
            session("SequentialExecutor::Execute", 10, 41),
            kernel("outer", "Loop", 10, 42),
            kernel("after", "Relu", 60, 5),
            session("model_run", 5, 70),
        ];
        let profile = parse(&events, 0).unwrap();
        let expected = [
            ("deep", 1, 30_000),
            ("inner", 1, 7_000),
            ("after", 1, 5_000),
            ("outer", 1, 3_000),
            ("beside", 1, 2_000),
            ("before", 1, 0),
        ];
        assert_eq!(nodes(&profile), expected);
        assert_eq!(profile.overhead.total_ns, 23_000);
    }

    #[test]
    fn kernels_of_other_threads_are_not_inside() {
        let elsewhere = kernel("elsewhere", "Add", 20, 30).replace("\"tid\":2", "\"tid\":3");
        let profile =
            parse(&[elsewhere, kernel("here", "Mul", 10, 50), session("model_run", 5, 60)], 0).unwrap();
        assert_eq!(nodes(&profile), [("here", 1, 50_000), ("elsewhere", 1, 30_000)]);
        assert_eq!(profile.overhead.total_ns, 0);
    }

    #[test]
    fn names_are_repeated_escaped_and_like_others() {
        let at = |index: u64| {
            let event = kernel("same", "Add", 10 + index, 1);
            event.replace("\"node_index\":\"0\"", &format!("\"node_index\":\"{index}\""))
        };
        let events = [
            at(0),
            at(1),
            kernel(r#"a\"\u00e9\\"#, "Add", 20, 3),
            kernel("unknown", "Add", 30, 1),
            session("x_kernel_time", 0, 8),
            session("model_run", 0, 9),
        ];
        let profile = parse(&events, 0).unwrap();
        assert_eq!(
            nodes(&profile),
            [("a\"é\\", 1, 3000), ("same", 1, 1000), ("same", 1, 1000), ("unknown", 1, 1000)]
        );
        assert_eq!(profile.operators.len(), 2, "a domain that is not known is not ONNX's");
        assert_eq!((profile.operators[0].node_count, &profile.nodes[3].operator.domain), (3, &None));
    }

    #[test]
    fn json_comes_back() {
        let profile = parse(&[kernel("a", "Add", 1, 1), session("model_run", 0, 9)], 0).unwrap();
        let json = serde_json::to_value(&profile).unwrap();
        assert_eq!(
            (&json["nodes"][0]["op_type"], &json["nodes"][0]["total_ns"]),
            (&"Add".into(), &1000.into())
        );
        assert_eq!(serde_json::from_value::<OperatorProfile>(json).unwrap(), profile);
    }

    #[test]
    fn damage_is_an_error() {
        let events =
            [kernel("a", "Add", 1, 1), session("model_run", 0, u64::MAX), session("model_run", 0, 9)];
        assert_eq!(parse(&events, 0).unwrap().total_ns, u64::MAX, "sums stop at the end of numbers");
        let text = format!("[{}]", events.join(","));
        for len in 0..text.len() {
            let error = OperatorProfile::parse(&text.as_bytes()[..len], 0, |_, _| None).unwrap_err();
            assert_eq!(error.code(), crate::ErrorCode::Integrity);
        }
        for (old, new) in [
            ("\"dur\":1,", ""),
            ("\"ts\":1", "\"ts\":-1"),
            ("\"ts\":1", "\"ts\":\"1\""),
            ("\"op_name\":\"Add\",", ""),
            ("a_kernel", "a\u{0}_kernel"),
            ("model_run", "model"),
        ] {
            assert!(text.contains(old));
            let damaged = text.replace(old, new);
            let error = OperatorProfile::parse(damaged.as_bytes(), 0, |_, _| None).unwrap_err();
            assert_eq!(error.code(), crate::ErrorCode::Integrity, "{new}");
        }
        assert!(parse(&events, 2).is_err() && parse(&[], 0).is_err());
        let nested = "[".repeat(100_000);
        assert!(OperatorProfile::parse(nested.as_bytes(), 0, |_, _| None).is_err());
    }
}
