//! One line on the terminal for the one who waits; nothing where nobody does.

use std::fmt;
use std::io::{IsTerminal, Write, stderr};

/// That line; cleared when dropped.
pub struct Progress {
    watched: bool,
}

impl Progress {
    /// Replaces the line.
    pub fn show(&self, text: impl fmt::Display) {
        if self.watched {
            // Back to the start of the line, and the rest of it cleared. Lost progress is no reason to stop.
            let _ = write!(stderr(), "\r\x1b[K{text}");
            let _ = stderr().flush();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self { watched: stderr().is_terminal() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}
