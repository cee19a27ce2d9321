//! Where the time goes, by operator and by node, as tables with bars for the report.

use std::fmt::Write;

use ortlet::metrics::OperatorProfile;

use crate::bench::operators::{Row, Table, basis, tables};
use crate::report::page::escape;

/// The figures.
pub fn figures(profile: &OperatorProfile) -> String {
    let [operators, nodes] = tables(profile);
    let about = format!(
        "From {}, after the measurement and with profiling on, which slows them down by some microseconds for each \
         node: compare these times with each other, not with the latency.",
        basis(profile)
    );
    let inside = "A node with graphs inside of it, such as If or Loop, has only the time that the nodes in these do \
                  not have.";
    figure("Where the time goes, by operator", &about, &operators)
        + &figure("Where the time goes, by node", inside, &nodes)
}

fn figure(title: &str, caption: &str, table: &Table) -> String {
    let [what, about] = table.heads;
    let mut figure = format!(
        "<figure>\n<h2>{title}</h2>\n<table class='shares'>\n<tr><th scope='col' class='what'>{what}</th>\
         <th scope='col' class='about'>{about}</th><th scope='col' class='calls'>calls per run</th>\
         <th scope='col' class='time'>time per run</th><th scope='col' class='time'>share</th></tr>\n"
    );
    for row in &table.rows {
        // Writing to a string cannot fail.
        let _ = writeln!(figure, "{}", cells(row));
    }
    let _ = write!(figure, "</table>\n<figcaption>{}</figcaption>\n</figure>\n", escape(caption));
    figure
}

fn cells(row: &Row) -> String {
    let width = (row.time.share * 100.0).clamp(0.0, 100.0);
    format!(
        "<tr><td class='what'>{}<div style='width:{width:.1}%'></div></td><td class='about'>{}</td>\
         <td class='calls'>{}</td><td class='time'>{}</td><td class='time'>{}</td></tr>",
        escape(&row.what),
        escape(&row.about),
        row.calls,
        row.duration(),
        row.percent()
    )
}
