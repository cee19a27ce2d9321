//! The roofline: what the machine allows for so many operations a byte, and what products reach of it.

use std::fmt::Write;

use ortlet_kernels::{Format, Isa};

use super::axis::Axis;
use super::escape;
use crate::products::{FORMATS, Product, Products, name};

/// Size of a chart in pixels. It is drawn for wide and for narrow screens, so that its text stays legible.
#[derive(Clone, Copy)]
struct Size {
    /// The class that shows or hides it.
    name: &'static str,
    width: f64,
    height: f64,
    ticks: usize,
}

const SIZES: [Size; 2] = [
    Size { name: "wide", width: 880.0, height: 440.0, ticks: 12 },
    Size { name: "narrow", width: 360.0, height: 340.0, ticks: 5 },
];
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;

/// The chart of an instruction set, in both sizes.
pub fn of(products: &Products, isa: Isa) -> String {
    SIZES.iter().map(|&size| Chart::new(products, isa, size).draw()).collect()
}

struct Chart<'a> {
    products: &'a Products,
    isa: Isa,
    size: Size,
    across: Axis,
    up: Axis,
}

impl<'a> Chart<'a> {
    fn new(products: &'a Products, isa: Isa, size: Size) -> Self {
        let good =
            || products.all.iter().filter(|product| product.case.isa == isa && product.rate().is_some());
        let peaks = FORMATS.iter().filter_map(|&format| products.peak(isa, format));
        let rates = good().filter_map(Product::rate);
        // The place where memory feeds the highest peak belongs into the picture.
        let ridges = peaks.clone().map(|peak| peak / products.bandwidth);
        let intensities = good().map(|product| product.case.intensity()).chain(ridges);
        let across = Axis::around(intensities, LEFT, size.width - RIGHT);
        let up = Axis::around(rates.chain(peaks), size.height - BOTTOM, TOP);
        Self { products, isa, size, across, up }
    }

    fn draw(&self) -> String {
        let Size { name: class, width, height, .. } = self.size;
        let (id, isa) = (format!("roof-{}-{class}", self.isa.name()), self.isa.name());
        let mut out = format!(
            "<svg class='{class}' viewBox='0 0 {width} {height}' role='img' aria-labelledby='{id}'>\n\
             <title id='{id}'>Roofline of {isa}: giga-operations a second over operations a byte, on logarithmic \
             axes</title>\n"
        );
        self.axes(&mut out);
        self.memory_roof(&mut out);
        FORMATS.iter().for_each(|&format| self.peak_roof(&mut out, format));
        let of_isa = self.products.all.iter().filter(|product| product.case.isa == self.isa);
        of_isa.for_each(|product| self.point(&mut out, product));
        // Above everything, so that they can be read.
        FORMATS.iter().for_each(|&format| self.peak_label(&mut out, format));
        out + "</svg>\n"
    }

    fn axes(&self, out: &mut String) {
        let (right, bottom) = (self.size.width - RIGHT, self.size.height - BOTTOM);
        for tick in self.up.ticks(9) {
            let y = self.up.place(tick);
            let _ = writeln!(
                out,
                "<line class='grid' x1='{LEFT}' x2='{right}' y1='{y:.1}' y2='{y:.1}'/>\
                 <text class='tick' x='{:.1}' y='{:.1}' text-anchor='end'>{}</text>",
                LEFT - 8.0,
                y + 4.0,
                label(tick)
            );
        }
        for tick in self.across.ticks(self.size.ticks) {
            let x = self.across.place(tick);
            let _ = writeln!(
                out,
                "<line class='axis' x1='{x:.1}' x2='{x:.1}' y1='{bottom}' y2='{}'/>\
                 <text class='tick' x='{x:.1}' y='{}' text-anchor='middle'>{}</text>",
                bottom + 5.0,
                bottom + 19.0,
                label(tick)
            );
        }
        let _ = writeln!(
            out,
            "<line class='axis' x1='{LEFT}' x2='{right}' y1='{bottom}' y2='{bottom}'/>\n\
             <text class='name' x='{}' y='{}' text-anchor='middle'>operations per byte</text>\n\
             <text class='name' x='4' y='14'>GOP/s, one thread</text>",
            (LEFT + right) / 2.0,
            self.size.height - 8.0
        );
    }

    /// From where it enters the picture to the highest peak.
    fn memory_roof(&self, out: &mut String) {
        let bandwidth = self.products.bandwidth;
        let Some(highest) =
            FORMATS.iter().filter_map(|&format| self.products.peak(self.isa, format)).max_by(f64::total_cmp)
        else {
            return;
        };
        let ((left, _), (bottom, _)) = (self.across.ends(), self.up.ends());
        let start = left.max(bottom / bandwidth);
        let (x1, y1) = self.place(start, start * bandwidth);
        let (x2, y2) = self.place(highest / bandwidth, highest);
        // Beside the line, a third of the way up.
        let middle = start * (highest / bandwidth / start).powf(0.3);
        let (x, y) = self.place(middle, middle * bandwidth);
        let _ = writeln!(
            out,
            "<line class='roof' x1='{x1:.1}' y1='{y1:.1}' x2='{x2:.1}' y2='{y2:.1}'/>\n\
             <text class='halo' x='{:.1}' y='{:.1}'>memory {bandwidth:.0} GB/s</text>",
            x + 10.0,
            y + 12.0
        );
    }

    /// From where memory feeds it to the right end.
    fn peak_roof(&self, out: &mut String, format: Format) {
        let Some(peak) = self.products.peak(self.isa, format) else { return };
        let (x1, y) = self.place(peak / self.products.bandwidth, peak);
        let (right, class) = (self.size.width - RIGHT, name(format));
        let _ =
            writeln!(out, "<line class='roof {class}' x1='{x1:.1}' x2='{right}' y1='{y:.1}' y2='{y:.1}'/>");
    }

    fn peak_label(&self, out: &mut String, format: Format) {
        let Some(peak) = self.products.peak(self.isa, format) else { return };
        let (x, y, class) = (self.size.width - RIGHT, self.up.place(peak) - 6.0, name(format));
        let _ = writeln!(
            out,
            "<text class='halo {class}' x='{x}' y='{y:.1}' text-anchor='end'>{class} peak {peak:.0}</text>"
        );
    }

    /// A circle, a diamond or a triangle, so that formats differ not by colour alone.
    fn point(&self, out: &mut String, product: &Product) {
        let Some(rate) = product.rate() else { return };
        let share =
            product.share().map_or_else(String::new, |share| format!(" {:.0} % of the peak,", 100.0 * share));
        let case = product.case;
        let (x, y) = self.place(case.intensity(), rate);
        let class = name(case.format);
        let about = escape(&format!(
            "{class}, {} × {} × {}: {rate:.0} GOP/s,{share} {:.1} operations per byte",
            case.rows,
            case.k,
            case.n,
            case.intensity()
        ));
        let shape = match case.format {
            Format::Int8 => format!("circle cx='{x:.1}' cy='{y:.1}' r='5'"),
            Format::Bf16 => format!("path d='M{x:.1} {:.1}l6 6l-6 6l-6 -6z'", y - 6.0),
            Format::Fp16 | Format::Fp32 => format!("path d='M{x:.1} {:.1}l5.5 10h-11z'", y - 6.0),
        };
        let element = shape.split(' ').next().unwrap_or_default();
        let _ = writeln!(out, "<{shape} class='point {class}'><title>{about}</title></{element}>");
    }

    fn place(&self, intensity: f64, rate: f64) -> (f64, f64) {
        (self.across.place(intensity), self.up.place(rate))
    }
}

fn label(tick: f64) -> String {
    // Ticks have few digits; what floating-point arithmetic adds behind them is rounded away.
    format!("{}", (tick * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::Case;

    #[test]
    fn points_roofs_and_units_are_drawn_in_both_sizes() {
        let product = |format, rows, rate, peak| Product {
            case: Case { isa: Isa::Portable, format, rows, k: 384, n: 384 },
            problem: None,
            rates: vec![rate],
            peaks: vec![peak],
        };
        let all = vec![
            product(Format::Int8, 1, 60.0, 1000.0),
            product(Format::Int8, 128, 800.0, 1000.0),
            product(Format::Fp32, 128, 100.0, 250.0),
        ];
        let chart = of(&Products { bandwidth: 20.0, all }, Isa::Portable);
        assert_eq!((chart.matches("<circle").count(), chart.matches("<path").count()), (4, 2));
        assert_eq!(chart.matches("class='roof").count(), 2 * 3);
        for text in ["operations per byte", "GOP/s", "memory 20 GB/s", "int8 peak 1000", "80 % of the peak"] {
            assert!(chart.contains(text), "{text}");
        }
        assert!(!chart.contains("NaN") && !chart.contains("inf"));
    }
}
