//! The tables for people.

use std::fmt::Write;

use ortlet_kernels::Isa;

use super::{FORMATS, Product, Products, name};

const LEGEND: &str = "\
Products [M, K] x [K, N] on one thread, bias added, inputs and outputs f32. GOP/s: 1e9 multiplications and additions a
second of CPU time. peak: the share of what the same instruction reaches on registers alone, measured by turns. ops/B:
operations for each byte that has to be read or written.
";

/// All tables.
pub fn text(products: &Products) -> String {
    let mut out = LEGEND.to_owned();
    for isa in products.isas() {
        out += &of(products, isa);
    }
    out
}

fn of(products: &Products, isa: Isa) -> String {
    let mut out = format!("\n{}; memory: {:.1} GB/s", isa.name(), products.bandwidth);
    for format in FORMATS {
        if let Some(peak) = products.peak(isa, format) {
            let _ = write!(out, "; peak of {}: {peak:.0} GOP/s", name(format));
        }
    }
    let _ = write!(out, "\n  {:>4} {:>5} {:>5}", "M", "K", "N");
    for format in FORMATS {
        let _ = write!(out, "   {:>11} {:>6} {:>6}", format!("{} GOP/s", name(format)), "peak", "ops/B");
    }
    out.push('\n');
    let of_isa = |product: &&Product| product.case.isa == isa;
    let first = products.all.iter().filter(of_isa).filter(|product| product.case.format == FORMATS[0]);
    for Product { case, .. } in first {
        let _ = write!(out, "  {:>4} {:>5} {:>5}", case.rows, case.k, case.n);
        for format in FORMATS {
            let wanted = super::Case { format, ..*case };
            let product = products.all.iter().find(|product| product.case == wanted);
            out += &product.map_or_else(String::new, cells);
        }
        out.push('\n');
    }
    for product in products.all.iter().filter(of_isa) {
        if let Some(problem) = &product.problem {
            let case = product.case;
            let _ =
                writeln!(out, "  {} {} x {} x {}: {problem}", name(case.format), case.rows, case.k, case.n);
        }
    }
    out
}

fn cells(product: &Product) -> String {
    let text = |figure: Option<String>| figure.unwrap_or_else(|| "-".into());
    let rate = text(product.rate().map(|rate| format!("{rate:.1}")));
    let share = text(product.share().map(|share| format!("{:.0}%", 100.0 * share)));
    format!("   {rate:>11} {share:>6} {:>6.1}", product.case.intensity())
}

#[cfg(test)]
mod tests {
    use ortlet_kernels::Format;

    use super::*;
    use crate::products::Case;

    #[test]
    fn every_product_has_its_cell_and_every_problem_its_line() {
        let product = |format, problem: Option<&str>| Product {
            case: Case { isa: Isa::Portable, format, rows: 8, k: 384, n: 16 },
            problem: problem.map(str::to_owned),
            rates: vec![3.0],
            peaks: vec![4.0],
        };
        let all = vec![
            product(Format::Int8, None),
            product(Format::Bf16, None),
            product(Format::Fp32, Some("odd")),
        ];
        let text = text(&Products { bandwidth: 20.0, all });
        assert!(text.contains("3.0    75%"), "{text}");
        assert!(text.contains("fp32 8 x 384 x 16: odd"), "{text}");
        assert_eq!(text.matches("portable").count(), 1);
    }
}
