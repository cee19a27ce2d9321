//! The targets, and whether they were met.

use ortlet_bench::harness::goal::{Limit, Verdict};
use ortlet_bench::quantizing::Made;

use crate::contestants::Tool;
use crate::outcome::{Outcome, Row};

/// A little slower is noise.
const NOT_SLOWER: f64 = 0.97;
const THREADS: [u32; 2] = [1, 2];

/// All of them, of the tasks that were measured.
pub fn verdicts(outcomes: &[Outcome]) -> Vec<Verdict> {
    let ortlet = || outcomes.iter().flat_map(|outcome| outcome.rows.iter().map(move |row| (outcome, row)));
    let ortlet = || ortlet().filter(|(_, row)| row.contestant.is_ortlet());
    let auto = || outcomes.iter().flat_map(|outcome| THREADS.map(|threads| (outcome, threads)));
    let mut verdicts = vec![
        Verdict::everywhere("every model of Ortlet is valid", ortlet().map(invalid)),
        Verdict::everywhere(
            &format!("Ortlet auto is never slower (at least {NOT_SLOWER}x)"),
            auto().map(|(outcome, threads)| slower(outcome, threads)),
        ),
        Verdict::everywhere(
            "Ortlet auto keeps its budget on held-out samples",
            auto().map(|(outcome, threads)| out_of_budget(outcome, threads)),
        ),
    ];
    for outcome in outcomes {
        match outcome.task.name {
            "minilm" => verdicts.extend(minilm(outcome)),
            "magika" => verdicts.extend(magika(outcome)),
            _ => {}
        }
    }
    verdicts
}

fn invalid((outcome, row): (&Outcome, &Row)) -> Option<Option<String>> {
    let problem = row.problem();
    Some(problem.map(|reason| format!("{}, {}: {reason}", outcome.task.name, row.contestant.name)))
}

fn auto_speed(outcome: &Outcome, threads: u32) -> Option<f64> {
    outcome.speed(outcome.row(Tool::Auto(threads))?, threads)
}

/// Whether a choice is slower by the median and by the quick quarters: one of them alone is noise, of which a model that
/// was left as it is has as much as any.
fn slower(outcome: &Outcome, threads: u32) -> Option<Option<String>> {
    let row = outcome.row(Tool::Auto(threads))?;
    let (speed, quiet) = (outcome.speed(row, threads)?, outcome.quiet_speed(row, threads)?);
    Some((speed.max(quiet) < NOT_SLOWER).then(|| {
        format!("{} {speed:.2}x, of the quick quarters {quiet:.2}x, for {threads} threads", outcome.task.name)
    }))
}

fn out_of_budget(outcome: &Outcome, threads: u32) -> Option<Option<String>> {
    let accuracy = outcome.row(Tool::Auto(threads))?.judged.as_ref()?.accuracy?;
    let budget = outcome.task.budget();
    let agreement = accuracy.task_percent.map(|percent| percent / 100.0);
    let figures = [
        ("mean cosine", budget.mean_cosine, Some(accuracy.mean_cosine)),
        ("minimum cosine", budget.min_cosine, Some(accuracy.min_cosine)),
        ("top-1 agreement", budget.top1_agreement, agreement),
    ];
    let broken = figures.into_iter().find_map(|(what, budget, actual)| {
        let (budget, actual) = (budget?, actual?);
        (actual < budget).then(|| format!("{what} {actual:.5} below {budget}"))
    });
    Some(broken.map(|reason| format!("{} for {threads} threads: {reason}", outcome.task.name)))
}

fn minilm(outcome: &Outcome) -> [Verdict; 5] {
    let accuracy = outcome.row(Tool::Auto(1)).and_then(|row| row.judged.as_ref()?.accuracy);
    let made: Option<&Made> = outcome.row(Tool::Int8Dynamic).and_then(|row| row.made.as_ref().ok());
    // All of the process, what it had before included.
    let share = made.and_then(|made| Some(1024.0 * made.peak_kib? as f64 / outcome.original_bytes as f64));
    [
        Verdict::figure("minilm, 1 thread, at least 2.0x", auto_speed(outcome, 1), Limit::AtLeast(2.0)),
        Verdict::figure(
            "minilm, mean cosine at least 0.999",
            accuracy.map(|accuracy| accuracy.mean_cosine),
            Limit::AtLeast(0.999),
        ),
        Verdict::figure(
            "minilm, minimum cosine at least 0.997",
            accuracy.map(|accuracy| accuracy.min_cosine),
            Limit::AtLeast(0.997),
        ),
        Verdict::figure(
            "minilm, int8 dynamic made in at most 0.3 s",
            made.map(|made| made.seconds),
            Limit::AtMost(0.3),
        ),
        Verdict::figure(
            "minilm, int8 dynamic made with less than 3 times the model's size in memory",
            share,
            Limit::AtMost(3.0),
        ),
    ]
}

fn magika(outcome: &Outcome) -> [Verdict; 2] {
    let same = outcome.row(Tool::Auto(1)).and_then(|row| row.judged.as_ref()?.accuracy?.task_percent);
    [
        Verdict::figure("magika, 1 thread, at least 2.3x", auto_speed(outcome, 1), Limit::AtLeast(2.3)),
        Verdict::figure("magika, at least 99 % of labels", same, Limit::AtLeast(99.0)),
    ]
}
