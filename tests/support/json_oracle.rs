//! Compares two documents with another parser.

use serde_json::Value;

/// Whether the two are the same. All numbers must be exact as doubles.
pub fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            let same = |(left, right)| is_same(left, right);
            left.len() == right.len() && left.iter().zip(right).all(same)
        }
        (Value::Object(left), Value::Object(right)) => {
            let same = |(name, left)| right.get(name).is_some_and(|right| is_same(left, right));
            left.len() == right.len() && left.iter().all(same)
        }
        _ => left == right,
    }
}
