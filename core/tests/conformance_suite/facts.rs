//! Facts of JSON reports and of errors, each named by a JSON pointer.

use ortlet::Error;
use serde_json::Value as Json;

use super::case::{ExpectedError, Named};

/// Whether every fact is so. `what` is what the report is called in failures.
pub fn check(what: &str, report: &Json, facts: &Named) -> Result<(), String> {
    for (pointer, expected) in facts {
        let actual = report.pointer(pointer);
        if !holds(actual, expected) {
            let actual = actual.map_or_else(|| "absent".to_owned(), Json::to_string);
            return Err(format!("{what} {pointer} is {actual}, expected {expected}\nof {report}"));
        }
    }
    Ok(())
}

pub fn check_error(error: &Error, expected: &ExpectedError) -> Result<(), String> {
    if error.code().slug() != expected.code {
        return Err(format!("fails with {error:?}, expected the code {}", expected.code));
    }
    check("details", &error.details(), &expected.details)?;
    let message = error.to_string();
    match expected.message_contains.iter().find(|part| !message.contains(part.as_str())) {
        None => Ok(()),
        Some(part) => Err(format!("`{part}` is not in the message: {message}")),
    }
}

/// Whether a value is the expected one, or has the property that an object with one key `$…` says.
fn holds(actual: Option<&Json>, expected: &Json) -> bool {
    let property = expected.as_object().filter(|object| object.len() == 1).and_then(|object| {
        let (key, operand) = object.iter().next()?;
        Some((key.strip_prefix('$')?, operand))
    });
    match (property, actual) {
        (Some(("present", operand)), _) => operand.as_bool() == Some(actual.is_some()),
        (_, None) => false,
        (Some((name, operand)), Some(actual)) => has(actual, name, operand),
        (None, Some(actual)) => same(actual, expected),
    }
}

fn has(actual: &Json, name: &str, operand: &Json) -> bool {
    let numbers = || Some((actual.as_f64()?, operand.as_f64()?));
    match name {
        "type" => operand == kind(actual),
        "at_least" => numbers().is_some_and(|(actual, bound)| actual >= bound),
        "at_most" => numbers().is_some_and(|(actual, bound)| actual <= bound),
        "length" => length(actual).is_some_and(|length| operand.as_u64() == Some(length as u64)),
        "contains" => match actual {
            Json::String(text) => operand.as_str().is_some_and(|part| text.contains(part)),
            Json::Array(elements) => elements.iter().any(|element| same(element, operand)),
            _ => false,
        },
        other => panic!("no property ${other}"),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn length(value: &Json) -> Option<usize> {
    value.as_array().map(Vec::len).or_else(|| value.as_object().map(serde_json::Map::len))
}

/// Equal, and numbers by their value: 1 is 1.0.
fn same(actual: &Json, expected: &Json) -> bool {
    match (actual, expected) {
        (Json::Number(actual), Json::Number(expected)) => actual.as_f64() == expected.as_f64(),
        (Json::Array(actual), Json::Array(expected)) => {
            actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| same(a, e))
        }
        (Json::Object(actual), Json::Object(expected)) => {
            let matches = |(key, value)| actual.get(key).is_some_and(|own| same(own, value));
            actual.len() == expected.len() && expected.iter().all(matches)
        }
        _ => actual == expected,
    }
}
