//! The part of the page about products.

use ortlet_kernels::Isa;

use super::{escape, roofline};
use crate::products::{Case, FORMATS, Product, Products, name};

/// For each instruction set a chart and a table.
pub fn of(products: &Products) -> String {
    products.isas().into_iter().map(|isa| figure(products, isa) + &table(products, isa)).collect()
}

fn figure(products: &Products, isa: Isa) -> String {
    format!(
        "<figure>\n<h2>Roofline of {}</h2>\n{}<figcaption>Products of one thread: \
         <b class='int8'>●</b> int8, <b class='bf16'>◆</b> bf16, <b class='fp32'>▲</b> fp32. Flat lines: the same instruction on registers alone. Slope: what \
         memory feeds; products of few rows lie above it where their weights are still in a cache.</figcaption>\n\
         </figure>\n",
        isa.name(),
        roofline::of(products, isa)
    )
}

fn table(products: &Products, isa: Isa) -> String {
    let heads: String =
        FORMATS.iter().map(|&format| format!("<th scope='col'>{}</th>", name(format))).collect();
    let of_isa = |product: &&Product| product.case.isa == isa && product.case.format == FORMATS[0];
    let row = |product: &Product| {
        let case = product.case;
        let cells: String = FORMATS
            .iter()
            .map(|&format| {
                let wanted = Case { format, ..case };
                cell(products.all.iter().find(|product| product.case == wanted))
            })
            .collect();
        format!("<tr><td>{} × {} × {}</td>{cells}</tr>\n", case.rows, case.k, case.n)
    };
    let rows: String = products.all.iter().filter(of_isa).map(row).collect();
    format!(
        "<section>\n<h2>Products with {}: GOP/s and share of the peak</h2>\n<div class='scroll'><table>\n\
         <tr><th scope='col'>M × K × N</th>{heads}</tr>\n{rows}</table></div>\n</section>\n",
        isa.name()
    )
}

fn cell(product: Option<&Product>) -> String {
    let Some(product) = product else { return "<td>–</td>".into() };
    match (product.rate(), product.share(), &product.problem) {
        (Some(rate), Some(share), _) => format!("<td>{rate:.0} <small>{:.0} %</small></td>", 100.0 * share),
        (Some(rate), None, _) => format!("<td>{rate:.0}</td>"),
        (None, _, problem) => {
            format!("<td class='problem'>{}</td>", escape(problem.as_deref().unwrap_or("–")))
        }
    }
}

#[cfg(test)]
mod tests {
    use ortlet_kernels::Format;

    use super::*;

    #[test]
    fn cells_have_figures_or_reasons() {
        let case = Case { isa: Isa::Portable, format: Format::Int8, rows: 1, k: 2, n: 3 };
        let product = Product { case, problem: None, rates: vec![75.0], peaks: vec![100.0] };
        assert_eq!(cell(Some(&product)), "<td>75 <small>75 %</small></td>");
        let bad = Product { problem: Some("a < b".into()), ..product };
        assert_eq!(cell(Some(&bad)), "<td class='problem'>a &lt; b</td>");
        assert_eq!(cell(None), "<td>–</td>");
    }
}
