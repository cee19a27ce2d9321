//! The figures as JSON.

use serde_json::{Map, Value, json};

use super::{FORMATS, Product, Products, name};

/// All products, with every burst.
pub fn record(products: &Products) -> Value {
    let isas: Vec<Value> = products
        .isas()
        .into_iter()
        .map(|isa| {
            let peaks: Map<_, _> = FORMATS
                .iter()
                .map(|&format| (name(format).into(), json!(products.peak(isa, format))))
                .collect();
            let of_isa = products.all.iter().filter(|product| product.case.isa == isa);
            let all: Vec<Value> = of_isa.map(|each| product(each, products.bandwidth)).collect();
            json!({ "isa": isa.name(), "peak_gops": peaks, "products": all })
        })
        .collect();
    json!({ "threads": 1, "memory_gb_per_s": products.bandwidth, "isas": isas })
}

fn product(product: &Product, bandwidth: f64) -> Value {
    let case = product.case;
    let memory = case.intensity() * bandwidth;
    json!({
        "format": name(case.format),
        "m": case.rows,
        "k": case.k,
        "n": case.n,
        "problem": product.problem,
        "gops": product.rate(),
        "share_of_peak": product.share(),
        "ops_per_byte": case.intensity(),
        "roof_gops": product.roof(bandwidth),
        "roof": product.peak().map(|peak| if memory < peak { "memory" } else { "peak" }),
        "values": { "gops": product.rates, "peak_gops": product.peaks },
    })
}
