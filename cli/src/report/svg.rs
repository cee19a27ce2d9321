//! Pictures as SVG: their sizes, axes and grids.

use std::fmt::Write;

use crate::report::axis::Axis;
use crate::report::page::escape;

/// Size of a chart in pixels. The same chart is drawn for wide and for narrow screens, so that its text stays legible.
#[derive(Clone, Copy)]
pub struct Size {
    /// Part of identifiers and of the class that shows or hides it.
    pub name: &'static str,
    pub width: f64,
    pub height: f64,
    /// About so many ticks fit along the horizontal axis.
    pub ticks: usize,
    pub bins: usize,
}

pub const WIDE: Size = Size { name: "wide", width: 880.0, height: 340.0, ticks: 8, bins: 88 };
pub const NARROW: Size = Size { name: "narrow", width: 360.0, height: 300.0, ticks: 4, bins: 44 };

/// Room beside and below the drawing, for the axes.
pub const LEFT: f64 = 64.0;
pub const RIGHT: f64 = 22.0;
pub const BOTTOM: f64 = 44.0;

/// A duration for a tick: round, so without the zeros that measured values keep.
pub fn tick_label(ns: f64) -> String {
    let (value, unit) = match ns {
        0.0 => return "0".into(),
        _ if ns < 1e3 => (ns, "ns"),
        _ if ns < 1e6 => (ns / 1e3, "µs"),
        _ if ns < 1e9 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    // Ticks have few digits; what floating-point arithmetic adds behind them is rounded away.
    format!("{} {unit}", (value * 1e4).round() / 1e4)
}

/// An SVG picture while it is drawn.
pub struct Svg(String);

impl Svg {
    /// Starts a picture that says in words what it shows.
    pub fn new(id: &str, size: Size, title: &str, about: &str) -> Self {
        let Size { name, width, height, .. } = size;
        Self(format!(
            "<svg class='{name}' viewBox='0 0 {width} {height}' role='img' aria-labelledby='{id}-{name}-t {id}-{name}-d'>\n\
             <title id='{id}-{name}-t'>{}</title>\n<desc id='{id}-{name}-d'>{}</desc>\n",
            escape(title),
            escape(about)
        ))
    }

    /// Adds an element.
    pub fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{element}");
    }

    /// Lines across the drawing at round values.
    pub fn horizontal_grid(&mut self, up: &Axis, about: usize, label: impl Fn(f64) -> String, size: Size) {
        let right = size.width - RIGHT;
        for tick in up.ticks(about) {
            let y = up.place(tick);
            self.add(format_args!("<line class='grid' x1='{LEFT}' x2='{right}' y1='{y:.1}' y2='{y:.1}'/>"));
            let (x, y, text) = (LEFT - 8.0, y + 4.0, label(tick));
            self.add(format_args!("<text class='tick' x='{x}' y='{y:.1}' text-anchor='end'>{text}</text>"));
        }
    }

    /// The axis below the drawing, of durations.
    pub fn horizontal_axis(&mut self, across: &Axis, size: Size, name: &str) {
        self.axis(across, size, name, tick_label);
    }

    /// The axis below the drawing, of whole numbers.
    pub fn axis_of_numbers(&mut self, across: &Axis, size: Size, name: &str) {
        self.axis(
            across,
            size,
            name,
            |tick| if tick.fract() == 0.0 { format!("{tick}") } else { String::new() },
        );
    }

    fn axis(&mut self, across: &Axis, size: Size, name: &str, label: impl Fn(f64) -> String) {
        let (y, right) = (size.height - BOTTOM, size.width - RIGHT);
        self.add(format_args!("<line class='axis' x1='{LEFT}' x2='{right}' y1='{y}' y2='{y}'/>"));
        for tick in across.ticks(size.ticks) {
            let (x, text) = (across.place(tick), label(tick));
            let (mark, below) = (y + 5.0, y + 19.0);
            self.add(format_args!("<line class='axis' x1='{x:.1}' x2='{x:.1}' y1='{y}' y2='{mark}'/>"));
            self.add(format_args!(
                "<text class='tick' x='{x:.1}' y='{below}' text-anchor='middle'>{text}</text>"
            ));
        }
        let (middle, below) = ((LEFT + right) / 2.0, size.height - 8.0);
        self.add(format_args!(
            "<text class='name' x='{middle}' y='{below}' text-anchor='middle'>{name}</text>"
        ));
    }

    /// The picture's text.
    pub fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_read_well() {
        assert_eq!([0.0, 500.0, 1.5e6, 2e9].map(tick_label), ["0", "500 ns", "1.5 ms", "2 s"]);
    }
}
