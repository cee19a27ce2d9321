//! The two charts of the report as SVG: how often each latency occurred, and latency over time.

use ortlet::metrics::{HistogramSnapshot, LatencySummary};

use crate::bench::timeline::{Slot, Timeline};
use crate::output::{count, duration, runs};
use crate::report::axis::Axis;
use crate::report::svg::{BOTTOM, LEFT, RIGHT, Size, Svg, tick_label};

const LINE: f64 = 18.0;
/// Points are drawn one by one up to so many slots.
const MAX_DOTS: usize = 120;

/// The percentiles that are marked, with their CSS class.
fn markers(latency: &LatencySummary) -> [(&'static str, &'static str, u64); 4] {
    [
        ("p50", "m50", latency.p50_ns),
        ("p90", "m90", latency.p90_ns),
        ("p99", "m99", latency.p99_ns),
        ("p99.9", "m999", latency.p99_9_ns),
    ]
}

/// How often each latency occurred.
pub fn histogram(snapshot: &HistogramSnapshot, latency: &LatencySummary, size: Size) -> String {
    let top = 8.0 + LINE * markers(latency).len() as f64;
    let across = Axis::around(latency.min_ns as f64, latency.max_ns as f64, LEFT, size.width - RIGHT);
    // Narrower bins than the histogram's own buckets would show the buckets.
    let bins = bins(snapshot, &across, size.bins.min(across.most_stretches(1.0 / 128.0)));
    let most = bins.iter().copied().fold(0.0, f64::max);
    let up = Axis::from_zero(most * 1.02, size.height - BOTTOM, top);
    let mut svg = Svg::new("histogram", size, "Latency histogram", &describe(latency, snapshot.count()));
    let whole = |tick: f64| if tick.fract() == 0.0 { count(tick as u64) } else { String::new() };
    svg.horizontal_grid(&up, 4, whole, size);
    let (x, y) = (LEFT - 8.0, top - 8.0);
    svg.add(format_args!("<text class='name' x='{x}' y='{y}' text-anchor='end'>runs</text>"));
    bars(&mut svg, &bins, &across, &up);
    let name = if across.is_logarithmic() { "latency (logarithmic)" } else { "latency" };
    svg.horizontal_axis(&across, size, name);
    // All lines first, so that none runs through a label.
    let mut labels = Vec::new();
    for (row, (name, class, value)) in markers(latency).into_iter().enumerate() {
        let (x, y) = (across.place(value as f64), 4.0 + LINE * (row as f64 + 1.0));
        let (y1, y2) = (y - 10.0, size.height - BOTTOM);
        svg.add(format_args!("<line class='{class}' x1='{x:.1}' x2='{x:.1}' y1='{y1:.1}' y2='{y2}'/>"));
        let (x, anchor) = if x > size.width * 0.6 { (x - 6.0, "end") } else { (x + 6.0, "start") };
        let place = format!("x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'");
        labels.push(format!("<text class='{class} halo' {place}>{name} {}</text>", duration(value as f64)));
    }
    labels.iter().for_each(|label| svg.add(format_args!("{label}")));
    svg.finish()
}

/// A bar for each bin that has runs.
fn bars(svg: &mut Svg, bins: &[f64], across: &Axis, up: &Axis) {
    let (left, bottom) = (across.place(0.0), up.place(0.0));
    let step = (across.place(f64::MAX) - left) / bins.len() as f64;
    let width = (step - 1.0).max(1.0);
    for (index, number) in bins.iter().enumerate().filter(|(_, number)| **number > 0.0) {
        let border = |index: usize| duration(across.value(index as f64 / bins.len() as f64));
        let tip = format!("{} to {}: about {}", border(index), border(index + 1), runs(number.ceil() as u64));
        // A bin with a single run among thousands must not vanish.
        let y = up.place(*number).min(bottom - 1.5);
        let (x, height) = (left + index as f64 * step, bottom - y);
        svg.add(format_args!(
            "<rect class='bar' x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{height:.1}'><title>{tip}</title></rect>"
        ));
    }
}

fn describe(latency: &LatencySummary, number: u64) -> String {
    let parts = markers(latency).map(|(name, _, value)| format!("{name} {}", duration(value as f64)));
    let (min, max) = (duration(latency.min_ns as f64), duration(latency.max_ns as f64));
    format!("{} from {min} to {max}: {}", runs(number), parts.join(", "))
}

/// Runs in each of `bin_count` equal stretches of the axis. A bucket counts for each bin by the share it covers;
/// what lies outside of the exact extremes is no part of it.
fn bins(snapshot: &HistogramSnapshot, across: &Axis, bin_count: usize) -> Vec<f64> {
    let mut bins = vec![0.0; bin_count];
    let (min, max) = (snapshot.min_ns().unwrap_or_default(), snapshot.max_ns().unwrap_or_default());
    for bucket in snapshot.buckets() {
        let end = |value: u64| across.share(value.clamp(min, max) as f64) * bin_count as f64;
        let (from, to) = (end(bucket.low_ns), end(bucket.high_ns));
        let first = (from as usize).min(bin_count - 1);
        if to - from < 1e-6 {
            bins[first] += bucket.count as f64;
            continue;
        }
        let last = (to.ceil() as usize).min(bin_count);
        for (index, bin) in bins.iter_mut().enumerate().take(last).skip(first) {
            let covered = to.min(index as f64 + 1.0) - from.max(index as f64);
            *bin += bucket.count as f64 * (covered / (to - from)).clamp(0.0, 1.0);
        }
    }
    bins
}

/// Latency over time: a band from the shortest to the longest run of each moment, and a line for their mean.
pub fn timeline(timeline: &Timeline, latency: &LatencySummary, elapsed_ns: u64, size: Size) -> String {
    let top = 14.0;
    let across = Axis::from_zero(elapsed_ns as f64, LEFT, size.width - RIGHT);
    let up = Axis::around(latency.min_ns as f64, latency.max_ns as f64, size.height - BOTTOM, top);
    let about = format!(
        "Latency of the runs over {}: the band reaches from the shortest to the longest run of each moment, the line \
         is their mean.",
        duration(elapsed_ns as f64)
    );
    let mut svg = Svg::new("timeline", size, "Latency over time", &about);
    svg.horizontal_grid(&up, 5, tick_label, size);
    let slots = merged(timeline.slots(), (size.width - LEFT - RIGHT) / 2.0);
    let x = |slot: &Slot| across.place(slot.start_ns as f64);
    let point = |slot: &Slot, value: f64| format!("{:.1},{:.1} ", x(slot), up.place(value));
    let upper: String = slots.iter().map(|slot| point(slot, slot.max_ns as f64)).collect();
    let lower: String = slots.iter().rev().map(|slot| point(slot, slot.min_ns as f64)).collect();
    svg.add(format_args!("<polygon class='band' points='{}'/>", (upper + &lower).trim_end()));
    let mean = |slot: &Slot| slot.sum_ns as f64 / slot.count as f64;
    let line: String = slots.iter().map(|slot| point(slot, mean(slot))).collect();
    svg.add(format_args!("<polyline class='mean' points='{}'/>", line.trim_end()));
    if slots.len() <= MAX_DOTS {
        for slot in &slots {
            let (x, y) = (x(slot), up.place(mean(slot)));
            let tip = format!("at {}: {}", duration(slot.start_ns as f64), duration(mean(slot)));
            svg.add(format_args!(
                "<circle class='dot' cx='{x:.1}' cy='{y:.1}' r='2.5'><title>{tip}</title></circle>"
            ));
        }
    }
    let right = size.width - RIGHT;
    for (name, class, value) in
        markers(latency).into_iter().filter(|marker| ["p50", "p99"].contains(&marker.0))
    {
        let y = up.place(value as f64);
        svg.add(format_args!("<line class='{class}' x1='{LEFT}' x2='{right}' y1='{y:.1}' y2='{y:.1}'/>"));
        // At either end, because the lines may lie close together.
        let (x, anchor) = if name == "p50" { (LEFT + 4.0, "start") } else { (right, "end") };
        let y = y - 5.0;
        svg.add(format_args!(
            "<text class='{class} halo' x='{x}' y='{y:.1}' text-anchor='{anchor}'>{name}</text>"
        ));
    }
    svg.horizontal_axis(&across, size, "time since measuring began");
    svg.finish()
}

/// The slots, so many neighbours joined that at most `most` remain.
fn merged(slots: &[Slot], most: f64) -> Vec<Slot> {
    let group = (slots.len() as f64 / most).ceil().max(1.0) as usize;
    let join = |slots: &[Slot]| Slot {
        start_ns: slots[0].start_ns,
        min_ns: slots.iter().map(|slot| slot.min_ns).min().unwrap_or_default(),
        max_ns: slots.iter().map(|slot| slot.max_ns).max().unwrap_or_default(),
        sum_ns: slots.iter().map(|slot| slot.sum_ns).sum(),
        count: slots.iter().map(|slot| slot.count).sum(),
    };
    slots.chunks(group).map(join).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ortlet::metrics::Histogram;

    #[test]
    fn bins_keep_every_run() {
        for values in [vec![1_000_000; 7], (1..2000).map(|n| n * 1000).collect(), vec![1, 4_000_000_000_000]]
        {
            let histogram = Histogram::new();
            values.iter().for_each(|value| histogram.record(*value));
            let snapshot = histogram.snapshot();
            let ends = (snapshot.min_ns().unwrap() as f64, snapshot.max_ns().unwrap() as f64);
            let bins = bins(&snapshot, &Axis::around(ends.0, ends.1, 0.0, 1.0), 50);
            assert!((bins.iter().sum::<f64>() - values.len() as f64).abs() < 1e-3 * values.len() as f64);
        }
    }
}
