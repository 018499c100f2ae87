//! Which latency a document promises for a load, so that charts can draw the promise beside the measurement.

use crate::model::{Bound, RunResult, Unit};

/// The promised 99th percentile for the operation of a load, in microseconds, with the promise's words.
pub fn promised_p99_us(result: &RunResult, load: &str) -> Option<(f64, String)> {
    let (operation, _) = operation_and_route(result, load);
    let id = match operation.as_str() {
        "kv2.read" => "read.p99",
        "kv2.write" => "write.p99",
        _ => return None,
    };
    let row = result.objectives.iter().find(|row| row.id == id)?;
    let bound: Bound = row.target.parse().ok()?;
    let us = match bound.unit {
        Unit::Ms => bound.value * 1e3,
        Unit::S => bound.value * 1e6,
        _ => return None,
    };
    (us > 0.0).then(|| (us, format!("p99 promised {}", row.target)))
}

/// Operation and route of a load by its name, which is `operation via route`.
pub fn operation_and_route(result: &RunResult, load: &str) -> (String, String) {
    if let Some(row) = result.load.iter().find(|row| row.name == load) {
        return (row.operation.clone(), row.route.clone());
    }
    let (operation, route) = load.split_once(" via ").unwrap_or((load, ""));
    (operation.to_owned(), route.to_owned())
}
