//! The race as SVG: each candidate's medians from round to round, until it drops out.

use ortlet::{Plan, PlanCandidate, PlanOutcome, PlanRound};

use crate::output::duration;
use crate::report::axis::Axis;
use crate::report::page::escape;
use crate::report::svg::{BOTTOM, LEFT, RIGHT, Size, Svg, tick_label};

const TOP: f64 = 20.0;
/// Room for the numbers of the candidates at the ends of their lines.
const ENDS: f64 = 14.0;

/// The race. Candidates are numbered as in the table, the default is 0.
pub fn race(plan: &Plan, size: Size) -> String {
    let rounds = || plan.candidates.iter().flat_map(|candidate| &candidate.rounds);
    let last = rounds().map(|round| round.round).max().unwrap_or_default();
    let low = rounds().map(|round| round.median_ns).fold(f64::INFINITY, f64::min);
    let high = rounds().map(|round| round.median_ns).fold(0.0, f64::max);
    let across = Axis::from_zero(last as f64 + 1.0, LEFT, size.width - RIGHT - ENDS);
    let up = Axis::around(low.min(high), high, size.height - BOTTOM, TOP);
    let mut svg = Svg::new("race", size, "The race", &describe(plan));
    svg.horizontal_grid(&up, 5, tick_label, size);
    // The default and the winner come last, so that no other line hides them.
    let mut order: Vec<usize> = (0..plan.candidates.len()).collect();
    order.sort_by_key(|&number| (rank(&plan.candidates[number]), number));
    for &number in &order {
        line(&mut svg, &plan.candidates[number], number, &across, &up);
    }
    svg.axis_of_numbers(&across, size, "round");
    svg.finish()
}

fn rank(candidate: &PlanCandidate) -> u8 {
    match (candidate.outcome, candidate.changes.is_empty()) {
        (PlanOutcome::Chosen, _) => 2,
        (_, true) => 1,
        _ => 0,
    }
}

fn class(candidate: &PlanCandidate) -> &'static str {
    ["lost", "default", "chosen"][usize::from(rank(candidate))]
}

/// One candidate: a line through its medians, for the best two a band between their quartiles, and its number at the
/// end.
fn line(svg: &mut Svg, candidate: &PlanCandidate, number: usize, across: &Axis, up: &Axis) {
    let Some(last) = candidate.rounds.last() else { return };
    let class = class(candidate);
    let x = |round: &PlanRound| across.place(round.round as f64 + 0.5);
    let point = |round: &PlanRound, value: f64| format!("{:.1},{:.1} ", x(round), up.place(value));
    let line: String = candidate.rounds.iter().map(|round| point(round, round.median_ns)).collect();
    if class != "lost" {
        let upper = candidate.rounds.iter().map(|round| point(round, round.upper_quartile_ns));
        let lower = candidate.rounds.iter().rev().map(|round| point(round, round.lower_quartile_ns));
        let around: String = upper.chain(lower).collect();
        svg.add(format_args!("<polygon class='spread {class}' points='{}'/>", around.trim_end()));
    }
    svg.add(format_args!(
        "<polyline class='runner {class}' points='{}'><title>{}</title></polyline>",
        line.trim_end(),
        escape(&candidate.name)
    ));
    for round in &candidate.rounds {
        let (x, y, name) = (x(round), up.place(round.median_ns), escape(&candidate.name));
        let tip = format!("{name}, round {}: {}", round.round + 1, duration(round.median_ns));
        svg.add(format_args!(
            "<circle class='dot {class}' cx='{x:.1}' cy='{y:.1}' r='2'><title>{tip}</title></circle>"
        ));
    }
    let (x, y) = (x(last) + 5.0, up.place(last.median_ns) + 4.0);
    svg.add(format_args!("<text class='runner halo {class}' x='{x:.1}' y='{y:.1}'>{number}</text>"));
}

fn describe(plan: &Plan) -> String {
    let told = |(number, candidate): (usize, &PlanCandidate)| {
        format!(
            "{number} {}: {} in {} rounds",
            candidate.name,
            duration(candidate.median_ns),
            candidate.round_count
        )
    };
    let raced = plan.candidates.iter().enumerate().filter(|(_, candidate)| candidate.round_count > 0);
    format!("Median latency by round. {}", raced.map(told).collect::<Vec<_>>().join("; "))
}
