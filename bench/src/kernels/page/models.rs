//! The part of the page about whole models: bars, tables, accuracy.

use std::fmt::Write;

use ortlet_bench::harness::comparison::{Comparison, Entry};
use ortlet_bench::harness::statistics::ratio;

use super::escape;
use crate::models::{BF16, CREATION, FIRST_OUTPUT, FP32, INT8, Judged, LOAD, Models, OWN, Outcome, STEADY};

/// Bars for each number of threads, a table for each situation, and how good outputs are.
pub fn of(models: &Models) -> String {
    let mut threads: Vec<u32> = models.outcomes.iter().map(|outcome| outcome.situation.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let mut out: String = threads.into_iter().map(|threads| bars(models, threads)).collect();
    out += &accuracy(&models.judged);
    out.extend(models.outcomes.iter().map(table));
    out
}

fn bars(models: &Models, threads: u32) -> String {
    let outcomes: Vec<&Outcome> =
        models.outcomes.iter().filter(|outcome| outcome.situation.threads == threads).collect();
    let speeds = outcomes.iter().flat_map(|outcome| {
        outcome.comparison.entries.iter().filter_map(|entry| speed(&outcome.comparison, entry.name))
    });
    let fastest = speeds.fold(1.0, f64::max);
    let mut rows = String::new();
    for outcome in outcomes {
        let (model, dims) = (outcome.situation.model.name, outcome.situation.dims());
        let _ = writeln!(rows, "<tr><th colspan='3' scope='rowgroup'>{model} {dims:?}</th></tr>");
        for Entry { name, .. } in &outcome.comparison.entries {
            let Some(speed) = speed(&outcome.comparison, name) else { continue };
            let _ = writeln!(
                rows,
                "<tr><td>{name}</td><td><div class='bar {}' style='width:{:.1}%'></div></td><td>{speed:.2}x</td></tr>",
                class(name),
                100.0 * speed / fastest
            );
        }
    }
    format!(
        "<section>\n<h2>How many times as fast as plain ORT, {threads} thread{}</h2>\n<table class='bars'>\n\
         <colgroup><col class='name'><col><col class='speed'></colgroup>\n{rows}</table>\n<p class='note'>The median over the rounds, each against plain ORT in the \
         same round.</p>\n</section>\n",
        if threads == 1 { "" } else { "s" }
    )
}

/// How many times as fast as the peer.
fn speed(comparison: &Comparison, name: &str) -> Option<f64> {
    ratio(comparison.values(comparison.peer, STEADY)?, comparison.values(name, STEADY)?)
}

fn class(name: &str) -> &'static str {
    match name {
        INT8 => "int8",
        BF16 => "bf16",
        FP32 => "fp32",
        _ => "",
    }
}

fn table(outcome: &Outcome) -> String {
    let comparison = &outcome.comparison;
    let metrics = [STEADY, CREATION, FIRST_OUTPUT, LOAD];
    let mut rows = String::new();
    for Entry { name, problem, .. } in &comparison.entries {
        let own = if OWN.contains(name) { " class='own'" } else { "" };
        let _ = write!(rows, "<tr{own}><td>{name}</td>");
        if let Some(problem) = problem {
            let _ = writeln!(rows, "<td class='problem' colspan='5'>{}</td></tr>", escape(problem));
            continue;
        }
        for metric in metrics {
            let figure = comparison.figure(name, metric);
            let text =
                figure.map(|figure| format!("{:.2} <small>{:.2}x</small>", figure.median, figure.ratio));
            let _ = write!(rows, "<td>{}</td>", text.unwrap_or_else(|| "–".into()));
        }
        let cosine = outcome.cosines.iter().find(|(known, _)| known == name).and_then(|(_, cosine)| *cosine);
        let _ = writeln!(
            rows,
            "<td>{}</td></tr>",
            cosine.map_or_else(|| "–".into(), |cosine| format!("{cosine:.5}"))
        );
    }
    format!(
        "<section>\n<h2>{}</h2>\n<div class='scroll'><table>\n<tr><th></th><th scope='col'>steady ms</th>\
         <th scope='col'>creation ms</th><th scope='col'>+ first output ms</th><th scope='col'>load MB</th>\
         <th scope='col'>cosine</th></tr>\n{rows}</table></div>\n</section>\n",
        escape(&comparison.title)
    )
}

fn accuracy(judged: &[Judged]) -> String {
    let mut rows = String::new();
    for Judged { model, accuracies } in judged {
        for (name, accuracy) in accuracies {
            let _ = match accuracy {
                Ok(accuracy) => writeln!(
                    rows,
                    "<tr><td>{model}, {name}</td><td>{:.6}</td><td>{:.6}</td><td>{}</td></tr>",
                    accuracy.mean_cosine,
                    accuracy.min_cosine,
                    accuracy.answers()
                ),
                Err(reason) => writeln!(
                    rows,
                    "<tr><td>{model}, {name}</td><td class='problem' colspan='3'>{}</td></tr>",
                    escape(reason)
                ),
            };
        }
    }
    format!(
        "<section>\n<h2>Outputs for held-out inputs, against plain ORT</h2>\n<div class='scroll'><table>\n\
         <tr><th></th><th scope='col'>cosine, mean</th><th scope='col'>minimum</th><th scope='col'>answers</th></tr>\n\
         {rows}</table></div>\n<p class='note'>The cosine of all outputs, limited by the error's length. Answers: mean and \
         minimum cosine of embeddings, or how many labels of a hundred are the same.</p>\n</section>\n"
    )
}

#[cfg(test)]
mod tests {
    use ortlet_bench::harness::contestant::PLAIN_ORT;

    use super::*;

    #[test]
    fn speed_is_the_inverse_of_the_time() {
        let entry = |name, values: &[f64]| Entry {
            name,
            problem: None,
            agreement: None,
            values: vec![values.to_vec()],
        };
        let comparison = Comparison {
            title: "t".into(),
            peer: PLAIN_ORT.name,
            metrics: vec![STEADY],
            entries: vec![entry(PLAIN_ORT.name, &[6.0, 60.0]), entry(INT8, &[2.0, 20.0])],
        };
        assert_eq!(speed(&comparison, INT8), Some(3.0));
        assert_eq!((speed(&comparison, PLAIN_ORT.name), speed(&comparison, "x")), (Some(1.0), None));
    }

    #[test]
    fn who_was_not_judged_has_a_reason() {
        let judged = [Judged { model: "m", accuracies: vec![("x".into(), Err("a < b".into()))] }];
        assert!(accuracy(&judged).contains("a &lt; b"));
    }
}
