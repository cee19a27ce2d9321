//! ONNX Runtime's log as `tracing` events with the target `onnxruntime`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ort::logging::{LogLevel, LoggerFunction};
use tracing::level_filters::LevelFilter;

/// The function that ONNX Runtime calls for each message.
pub(super) fn logger() -> LoggerFunction {
    Arc::new(|level, _category, id, location, message| {
        // A panic of somebody's subscriber must not cross into C++, where it would abort the process.
        let _ = catch_unwind(AssertUnwindSafe(|| forward(level, id, location, message)));
    })
}

fn forward(level: LogLevel, id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Verbose => tracing::trace!(target: "onnxruntime", id, location, "{message}"),
        LogLevel::Info => tracing::debug!(target: "onnxruntime", id, location, "{message}"),
        LogLevel::Warning => tracing::warn!(target: "onnxruntime", id, location, "{message}"),
        LogLevel::Error | LogLevel::Fatal => {
            tracing::error!(target: "onnxruntime", id, location, "{message}");
        }
    }
}

/// The lowest level worth formatting, given what `tracing` would record now.
pub(super) fn level() -> LogLevel {
    match LevelFilter::current() {
        LevelFilter::TRACE => LogLevel::Verbose,
        LevelFilter::DEBUG => LogLevel::Info,
        LevelFilter::INFO | LevelFilter::WARN => LogLevel::Warning,
        _ => LogLevel::Error,
    }
}
