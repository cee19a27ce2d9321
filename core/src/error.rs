//! The one error type: facts a program can act on, a stable number, and where it happened.
//!
//! [`Error`] is one word wide. [`ErrorKind`] holds the facts, with units in the field names; [`ErrorCode`] is the
//! stable number of the kind; [`ErrorCode::slug`] equals the serde tag, so [`Error::details`] reads the same in
//! every language. Contexts read outermost first: `load model "m.onnx": node 3: unknown element type 99`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Result with Ortlet's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something failed: what a program may react to, as data.
///
/// Serialised with the tag `code`, whose value is [`ErrorCode::slug`].
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or option has a value that can never work.
    #[error("invalid argument `{argument}`: {reason}")]
    InvalidArgument {
        /// Name of the argument or option.
        argument: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes are not a well-formed model.
    #[error("invalid model{}: {reason}", .offset_bytes.map(|at| format!(" at byte {at}")).unwrap_or_default())]
    InvalidModel {
        /// What is wrong.
        reason: String,
        /// Where in the model's bytes, if that is known.
        offset_bytes: Option<u64>,
    },
    /// Well-formed, but beyond what this build, runtime or device can do.
    #[error("unsupported {what}: {reason}")]
    Unsupported {
        /// The thing that is not supported.
        what: String,
        /// Why, and what would help.
        reason: String,
    },
    /// A tensor's type, rank or shape is not what is expected of it.
    #[error("tensor `{tensor}`: expected {expected}, got {actual}")]
    TensorMismatch {
        /// Name of the tensor.
        tensor: String,
        /// What was expected, for example `float32[batch, 3, 224, 224]`.
        expected: String,
        /// What was given, in the same notation.
        actual: String,
    },
    /// A name or a path that does not exist.
    #[error("{what} `{name}` not found{}", list(" (available: ", .available, ")"))]
    NotFound {
        /// The kind of thing: `file`, `input`, `output`, `execution provider`.
        what: String,
        /// The name that was asked for.
        name: String,
        /// The names that do exist, if they can be listed.
        available: Vec<String>,
    },
    /// The operating system refused to read or write.
    #[error("cannot {operation} `{path}`: {reason}")]
    Io {
        /// What was attempted: `read`, `write`, `map`.
        operation: String,
        /// The file or folder.
        path: String,
        /// The operating system's words.
        reason: String,
        /// The operating system's error number, if there is one.
        os_code: Option<i32>,
    },
    /// No ONNX Runtime library was found.
    #[error("ONNX Runtime not found. Searched:{}\n{remedy}", places(.searched))]
    RuntimeNotFound {
        /// Every place that was searched, in order.
        searched: Vec<SearchedPlace>,
        /// How to get the library.
        remedy: String,
    },
    /// The ONNX Runtime library that was found cannot be used.
    #[error("ONNX Runtime `{path}` is version {version}, but at least {minimum} is needed")]
    RuntimeIncompatible {
        /// The library.
        path: String,
        /// Its version, as it says itself.
        version: String,
        /// The oldest version that works.
        minimum: String,
    },
    /// ONNX Runtime reported a failure.
    #[error("ONNX Runtime failed to {operation}: {reason}")]
    RuntimeFailed {
        /// What it was asked to do: `create the session`, `run`.
        operation: String,
        /// Its own words.
        reason: String,
    },
    /// The run did not finish within its deadline.
    #[error("deadline exceeded: {elapsed_ns} ns elapsed of a budget of {budget_ns} ns")]
    DeadlineExceeded {
        /// Time spent when the run was given up.
        elapsed_ns: u64,
        /// Time that was allowed.
        budget_ns: u64,
    },
    /// The caller cancelled the operation.
    #[error("cancelled")]
    Cancelled,
    /// The bound on simultaneous runs is reached and the wait for a place was too long.
    #[error("pool exhausted: {limit_count} runs already under way after waiting {waited_ns} ns")]
    PoolExhausted {
        /// Runs allowed at once.
        limit_count: u64,
        /// Time spent waiting.
        waited_ns: u64,
    },
    /// Stored bytes are damaged or not what they claim to be.
    #[error("integrity of {what}: {reason}")]
    Integrity {
        /// The file or section.
        what: String,
        /// What does not match.
        reason: String,
    },
    /// No candidate stays within the accuracy that the caller asked for.
    #[error("accuracy budget missed: {metric} is {actual}, the budget is {budget}")]
    AccuracyBudget {
        /// The measure, for example `minimum cosine`.
        metric: String,
        /// The budget.
        budget: f64,
        /// The best that was reached.
        actual: f64,
    },
    /// A bound that protects the process would be passed.
    #[error("limit exceeded: {what} is {actual_count}, at most {limit_count} are allowed")]
    LimitExceeded {
        /// What is bounded, with its unit.
        what: String,
        /// The bound.
        limit_count: u64,
        /// What was asked for.
        actual_count: u64,
    },
    /// A bug in Ortlet.
    #[error("internal error, please report it: {reason}")]
    Internal {
        /// What was observed.
        reason: String,
    },
}

/// One place where the ONNX Runtime library was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchedPlace {
    /// Which rule led here, for example `ORTLET_RUNTIME`.
    pub rule: String,
    /// The path or library name tried; empty when the rule had nothing to offer.
    pub path: String,
    /// What was found there.
    pub outcome: String,
}

/// Stable numbers of the kinds of error. A number is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
#[non_exhaustive]
pub enum ErrorCode {
    /// See [`ErrorKind::InvalidArgument`].
    InvalidArgument = 1,
    /// See [`ErrorKind::InvalidModel`].
    InvalidModel = 2,
    /// See [`ErrorKind::Unsupported`].
    Unsupported = 3,
    /// See [`ErrorKind::TensorMismatch`].
    TensorMismatch = 4,
    /// See [`ErrorKind::NotFound`].
    NotFound = 5,
    /// See [`ErrorKind::Io`].
    Io = 6,
    /// See [`ErrorKind::RuntimeNotFound`].
    RuntimeNotFound = 7,
    /// See [`ErrorKind::RuntimeIncompatible`].
    RuntimeIncompatible = 8,
    /// See [`ErrorKind::RuntimeFailed`].
    RuntimeFailed = 9,
    /// See [`ErrorKind::DeadlineExceeded`].
    DeadlineExceeded = 10,
    /// See [`ErrorKind::Cancelled`].
    Cancelled = 11,
    /// See [`ErrorKind::PoolExhausted`].
    PoolExhausted = 12,
    /// See [`ErrorKind::Integrity`].
    Integrity = 13,
    /// See [`ErrorKind::AccuracyBudget`].
    AccuracyBudget = 14,
    /// See [`ErrorKind::LimitExceeded`].
    LimitExceeded = 15,
    /// See [`ErrorKind::Internal`].
    Internal = 16,
}

impl ErrorCode {
    /// Every code, in the order of their numbers, which start at 1 and have no gap.
    pub const ALL: [Self; 16] = [
        Self::InvalidArgument,
        Self::InvalidModel,
        Self::Unsupported,
        Self::TensorMismatch,
        Self::NotFound,
        Self::Io,
        Self::RuntimeNotFound,
        Self::RuntimeIncompatible,
        Self::RuntimeFailed,
        Self::DeadlineExceeded,
        Self::Cancelled,
        Self::PoolExhausted,
        Self::Integrity,
        Self::AccuracyBudget,
        Self::LimitExceeded,
        Self::Internal,
    ];

    /// The code's name in `snake_case`, the same in every language.
    pub fn slug(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::InvalidModel => "invalid_model",
            Self::Unsupported => "unsupported",
            Self::TensorMismatch => "tensor_mismatch",
            Self::NotFound => "not_found",
            Self::Io => "io",
            Self::RuntimeNotFound => "runtime_not_found",
            Self::RuntimeIncompatible => "runtime_incompatible",
            Self::RuntimeFailed => "runtime_failed",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Cancelled => "cancelled",
            Self::PoolExhausted => "pool_exhausted",
            Self::Integrity => "integrity",
            Self::AccuracyBudget => "accuracy_budget",
            Self::LimitExceeded => "limit_exceeded",
            Self::Internal => "internal",
        }
    }
}

impl ErrorKind {
    /// The stable number of this kind.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidArgument { .. } => ErrorCode::InvalidArgument,
            Self::InvalidModel { .. } => ErrorCode::InvalidModel,
            Self::Unsupported { .. } => ErrorCode::Unsupported,
            Self::TensorMismatch { .. } => ErrorCode::TensorMismatch,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Io { .. } => ErrorCode::Io,
            Self::RuntimeNotFound { .. } => ErrorCode::RuntimeNotFound,
            Self::RuntimeIncompatible { .. } => ErrorCode::RuntimeIncompatible,
            Self::RuntimeFailed { .. } => ErrorCode::RuntimeFailed,
            Self::DeadlineExceeded { .. } => ErrorCode::DeadlineExceeded,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::PoolExhausted { .. } => ErrorCode::PoolExhausted,
            Self::Integrity { .. } => ErrorCode::Integrity,
            Self::AccuracyBudget { .. } => ErrorCode::AccuracyBudget,
            Self::LimitExceeded { .. } => ErrorCode::LimitExceeded,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }
}

/// What went wrong and where. One word wide, `Send` and `Sync`.
///
/// # Examples
/// ```
/// use ortlet::{Error, ErrorCode};
///
/// let error = Error::invalid_argument("threads", "must be at least 1").context("load model `m.onnx`");
/// assert_eq!(error.code(), ErrorCode::InvalidArgument);
/// assert_eq!(error.to_string(), "load model `m.onnx`: invalid argument `threads`: must be at least 1");
/// ```
#[derive(Clone, PartialEq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq)]
struct Inner {
    kind: ErrorKind,
    /// Innermost first; shown in reverse.
    contexts: Vec<String>,
}

impl Error {
    /// The facts.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The stable number.
    pub fn code(&self) -> ErrorCode {
        self.0.kind.code()
    }

    /// The facts as JSON: `code` holds the slug, the other keys the fields of [`ErrorKind`], `message` the text.
    pub fn details(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Adds where it happened, outside of what is already known.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.0.contexts.push(context.into());
        self
    }

    /// An [`ErrorKind::InvalidArgument`].
    pub fn invalid_argument(argument: impl Into<String>, reason: impl Into<String>) -> Self {
        ErrorKind::InvalidArgument { argument: argument.into(), reason: reason.into() }.into()
    }

    /// An [`ErrorKind::InvalidModel`] without a position.
    pub fn invalid_model(reason: impl Into<String>) -> Self {
        ErrorKind::InvalidModel { reason: reason.into(), offset_bytes: None }.into()
    }

    /// An [`ErrorKind::Unsupported`].
    pub fn unsupported(what: impl Into<String>, reason: impl Into<String>) -> Self {
        ErrorKind::Unsupported { what: what.into(), reason: reason.into() }.into()
    }

    /// An [`ErrorKind::TensorMismatch`].
    pub fn tensor_mismatch(
        tensor: impl Into<String>,
        expected: impl fmt::Display,
        actual: impl fmt::Display,
    ) -> Self {
        let (expected, actual) = (expected.to_string(), actual.to_string());
        ErrorKind::TensorMismatch { tensor: tensor.into(), expected, actual }.into()
    }

    /// An [`ErrorKind::NotFound`].
    pub fn not_found<S: Into<String>>(
        what: impl Into<String>,
        name: impl Into<String>,
        available: impl IntoIterator<Item = S>,
    ) -> Self {
        let available = available.into_iter().map(Into::into).collect();
        ErrorKind::NotFound { what: what.into(), name: name.into(), available }.into()
    }

    /// An [`ErrorKind::LimitExceeded`].
    pub fn limit_exceeded(what: impl Into<String>, limit_count: u64, actual_count: u64) -> Self {
        ErrorKind::LimitExceeded { what: what.into(), limit_count, actual_count }.into()
    }

    /// An [`ErrorKind::Internal`].
    pub fn internal(reason: impl Into<String>) -> Self {
        ErrorKind::Internal { reason: reason.into() }.into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, contexts: Vec::new() }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in self.0.contexts.iter().rev() {
            write!(f, "{context}: ")?;
        }
        self.0.kind.fmt(f)
    }
}

/// As [`Error::details`] says.
impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Details<'a> {
            #[serde(flatten)]
            kind: &'a ErrorKind,
            message: String,
        }
        Details { kind: &self.0.kind, message: self.to_string() }.serialize(serializer)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.code().slug())
    }
}

impl std::error::Error for Error {}

/// Adds context to the error of a [`Result`].
pub trait ResultExt<T> {
    /// Adds where it happened; the text is made only when there is an error.
    fn with_context<S: Into<String>>(self, context: impl FnOnce() -> S) -> Result<T>;
}

impl<T> ResultExt<T> for Result<T> {
    fn with_context<S: Into<String>>(self, context: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.context(context()))
    }
}

fn list(before: &str, names: &[String], after: &str) -> String {
    if names.is_empty() { String::new() } else { format!("{before}{}{after}", names.join(", ")) }
}

fn places(searched: &[SearchedPlace]) -> String {
    let mut text = String::new();
    for SearchedPlace { rule, path, outcome } in searched {
        let path = if path.is_empty() { String::new() } else { format!(" {path}") };
        text.push_str(&format!("\n  - {rule}:{path} ({outcome})"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn the_slug_is_the_serde_tag_of_every_kind() {
        let s = String::new;
        let kinds = [
            ErrorKind::InvalidArgument { argument: s(), reason: s() },
            ErrorKind::InvalidModel { reason: s(), offset_bytes: Some(3) },
            ErrorKind::Unsupported { what: s(), reason: s() },
            ErrorKind::TensorMismatch { tensor: s(), expected: s(), actual: s() },
            ErrorKind::NotFound { what: s(), name: s(), available: vec![] },
            ErrorKind::Io { operation: s(), path: s(), reason: s(), os_code: None },
            ErrorKind::RuntimeNotFound { searched: vec![], remedy: s() },
            ErrorKind::RuntimeIncompatible { path: s(), version: s(), minimum: s() },
            ErrorKind::RuntimeFailed { operation: s(), reason: s() },
            ErrorKind::DeadlineExceeded { elapsed_ns: 1, budget_ns: 2 },
            ErrorKind::Cancelled,
            ErrorKind::PoolExhausted { limit_count: 1, waited_ns: 2 },
            ErrorKind::Integrity { what: s(), reason: s() },
            ErrorKind::AccuracyBudget { metric: s(), budget: 0.0, actual: 0.0 },
            ErrorKind::LimitExceeded { what: s(), limit_count: 1, actual_count: 2 },
            ErrorKind::Internal { reason: s() },
        ];
        assert_eq!(kinds.clone().map(|kind| kind.code()), ErrorCode::ALL);
        for (index, kind) in kinds.into_iter().enumerate() {
            let error = Error::from(kind.clone());
            assert_eq!(error.code() as usize, index + 1);
            assert_eq!(error.details()["code"], error.code().slug());
            assert_eq!(serde_json::to_value(error.code()).unwrap(), error.code().slug());
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<ErrorKind>(&json).unwrap(), kind);
        }
    }

    #[test]
    fn contexts_read_outermost_first() {
        let error = Error::invalid_model("no graph").context("parse").context("load `m.onnx`");
        assert_eq!(error.to_string(), "load `m.onnx`: parse: invalid model: no graph");
    }
}
