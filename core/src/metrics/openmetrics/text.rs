//! The syntax of OpenMetrics text: families, samples, escapes, numbers.

use std::fmt;

/// What a family of samples is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// A text that grows family by family. Names and help are constants that need no escapes.
#[derive(Default)]
pub(super) struct Exposition {
    text: String,
}

impl Exposition {
    /// Opens a family; its samples follow. A name that ends in `_seconds` or `_bytes` has that unit.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        self.text.push_str(&format!("# TYPE {name} {}\n", kind.name()));
        if let Some(unit) = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")))
        {
            self.text.push_str(&format!("# UNIT {name} {unit}\n"));
        }
        self.text.push_str(&format!("# HELP {name} {help}\n"));
    }

    /// One line with a value.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        self.text.push_str(&format!("{name}{{{}}} {value}\n", labels.join(",")));
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Nanoseconds, written as seconds with every digit.
pub(super) struct Seconds(pub(super) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escape("a\"b\\c\nd\\n é\r"), r#"a\"b\\c\nd\\n é"#.to_owned() + "\r");
    }

    #[test]
    fn seconds_keep_every_digit() {
        for (ns, text) in [(0, "0.000000000"), (1, "0.000000001"), (u64::MAX, "18446744073.709551615")] {
            assert_eq!(Seconds(ns).to_string(), text);
        }
    }
}
