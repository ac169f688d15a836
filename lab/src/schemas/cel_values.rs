//! What a rule sees of a resource: Kubernetes types values by their schema, and gives some fields other names.

use std::collections::HashMap;

use cel::objects::{Key, Value as Cel};
use serde_json::{Number, Value};

/// Words that CEL keeps for itself: a field of such a name has underscores around it.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// `value` as CEL has it, by its schema.
pub(super) fn typed(schema: &Value, value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => typed_number(schema, number),
        Value::String(text) => Cel::from(text.as_str()),
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            Cel::from(
                items
                    .iter()
                    .map(|item| typed(schema, item))
                    .collect::<Vec<_>>(),
            )
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, field)| typed_field(schema, name, field));
            Cel::from(fields.collect::<HashMap<Key, Cel>>())
        }
    }
}

/// A number is an integer only where the schema says so, whatever it looks like.
fn typed_number(schema: &Value, number: &Number) -> Cel {
    let is_number = schema.get("type").and_then(Value::as_str) == Some("number");
    match number.as_i64() {
        Some(integer) if !is_number => Cel::Int(integer),
        _ => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// Fields of an object have names; the keys of a map are left as they are.
fn typed_field(schema: &Value, name: &str, field: &Value) -> (Key, Cel) {
    match schema
        .get("properties")
        .and_then(|properties| properties.get(name))
    {
        Some(property) => (Key::from(escaped(name)), typed(property, field)),
        None => {
            let schema = schema.get("additionalProperties").unwrap_or(&Value::Null);
            (Key::from(name), typed(schema, field))
        }
    }
}

fn escaped(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let name = name
        .replace("__", "__underscores__")
        .replace('.', "__dot__");
    name.replace('-', "__dash__").replace('/', "__slash__")
}
