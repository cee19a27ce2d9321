//! One line on the terminal for the one who waits; nothing where nobody does.

use std::fmt;
use std::io::{IsTerminal, Write, stderr};

pub struct Progress {
    watched: bool,
}

impl Progress {
    pub fn new() -> Self {
        Self { watched: stderr().is_terminal() }
    }

    /// Replaces the line.
    pub fn show(&self, text: impl fmt::Display) {
        if self.watched {
            // Back to the start of the line, and the rest of it cleared. Lost progress is no reason to stop.
            let _ = write!(stderr(), "\r\x1b[K{text}");
            let _ = stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}
