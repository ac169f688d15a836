//! Where in a resource something is wrong, as people write it: `spec.http[0].route`.

use jsonschema::Validator;
use serde_json::Value;

/// A field of what stands at `path`.
pub(super) fn field(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// An item of the list at `path`.
pub(super) fn item(path: &str, place: usize) -> String {
    format!("{path}[{place}]")
}

/// What a schema has against the `value` at `path`, each as `path: what is wrong`.
pub(super) fn violations(validator: &Validator, value: &Value, path: &str) -> Vec<String> {
    let errors = validator.iter_errors(value);
    errors
        .map(|error| {
            let place = below(path, error.instance_path().as_str());
            if place.is_empty() {
                error.to_string()
            } else {
                format!("{place}: {error}")
            }
        })
        .collect()
}

/// What a JSON pointer leads to, from `path`.
fn below(path: &str, pointer: &str) -> String {
    let steps = pointer.split('/').skip(1);
    steps.fold(path.to_owned(), |path, step| match step.parse() {
        Ok(place) => item(&path, place),
        Err(_) => field(&path, &step.replace("~1", "/").replace("~0", "~")),
    })
}
