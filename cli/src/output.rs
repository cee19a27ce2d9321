//! What goes to the terminal: tables, JSON, numbers with units, notes and errors.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use ortlet::{Error, Result};
use serde::Serialize;

use crate::files::io_error;

/// Writes text to standard output. A reader that has gone away, as `head` does, ends the program quietly.
///
/// # Errors
/// `io`
pub fn emit(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(visible(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.map_err(|error| io_error("write", Path::new("standard output"), &error)),
    }
}

/// The text with control characters spelled out: names in models must not command the terminal.
fn visible(text: &str) -> Cow<'_, str> {
    let commands = |c: char| c.is_control() && c != '\n';
    if !text.contains(commands) {
        return text.into();
    }
    let spell = |c: char| if commands(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(spell).collect::<String>().into()
}

/// Writes a value as JSON to standard output.
///
/// # Errors
/// `io`
pub fn emit_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::internal(error.to_string()))?;
    emit(&(text + "\n"))
}

/// Says something on standard error that is no error.
pub fn note(text: &str) {
    // If nobody listens, nothing is lost.
    let _ = writeln!(io::stderr(), "note: {}", visible(text));
}

/// Says on standard error what went wrong without keeping the work from being done.
pub fn warning(text: &str) {
    // If nobody listens, nothing is lost.
    let _ = writeln!(io::stderr(), "warning: {}", visible(text));
}

/// Shows an error on standard error, as one JSON object if JSON was asked for.
pub fn show_error(error: &Error, json: bool) {
    let text = if json { error.details().to_string() } else { format!("error: {error}") };
    let text = visible(&text);
    // If nobody listens, the exit code still tells.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A table with these column heads, as wide as the terminal at most.
pub fn table<const N: usize>(heads: [&str; N]) -> Table {
    let mut table = plain_table();
    table.set_header(heads);
    table
}

/// A table of names and values, without heads.
pub fn facts(rows: impl IntoIterator<Item = (&'static str, String)>) -> Table {
    let mut table = plain_table();
    for (name, value) in rows {
        table.add_row([name.to_string(), value]);
    }
    table
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    let width = terminal_size::terminal_size().map(|(width, _)| width.0);
    if let Some(width) = width.filter(|_| io::stdout().is_terminal()) {
        table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

/// Aligns columns of numbers to the right.
pub fn right_align(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A duration with three significant digits: `850 ns`, `12.3 µs`, `4.56 ms`, `1.23 s`.
pub fn duration(ns: f64) -> String {
    match ns {
        _ if ns < 999.5 => format!("{} ns", significant(ns)),
        _ if ns < 999.5e3 => format!("{} µs", significant(ns / 1e3)),
        _ if ns < 999.5e6 => format!("{} ms", significant(ns / 1e6)),
        _ => format!("{} s", significant(ns / 1e9)),
    }
}

/// A size with three significant digits, in powers of 1000.
pub fn bytes(size: u64) -> String {
    let size = size as f64;
    match size {
        _ if size < 1e3 => format!("{size} B"),
        _ if size < 999.5e3 => format!("{} kB", significant(size / 1e3)),
        _ if size < 999.5e6 => format!("{} MB", significant(size / 1e6)),
        _ => format!("{} GB", significant(size / 1e9)),
    }
}

/// So many runs.
pub fn runs(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "run" } else { "runs" })
}

/// How many in a second.
pub fn per_second(rate: f64) -> String {
    if rate < 1000.0 { significant(rate) } else { count(rate.round() as u64) }
}

/// A number with three significant digits and no exponent.
pub fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        magnitude if magnitude >= 99.95 => 0,
        magnitude if magnitude >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') && value.fract() == 0.0 { format!("{value:.0}") } else { text }
}

/// A whole number with commas between thousands.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelled_out() {
        assert_eq!(visible("a\u{1b}[2J\tb\nc"), "a\\u{1b}[2J\\tb\nc");
        assert_eq!(visible("größe 😀\n"), "größe 😀\n");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0.0, 850.0, 12_345.0, 4.5611e6, 1.2e9, 75e9].map(duration),
            ["0 ns", "850 ns", "12.3 µs", "4.56 ms", "1.20 s", "75 s"]
        );
        assert_eq!(duration(999_600.0), "1.00 ms");
        assert_eq!(
            [0, 999, 1000, 12_345_678, 3_000_000_000].map(bytes),
            ["0 B", "999 B", "1 kB", "12.3 MB", "3 GB"]
        );
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
