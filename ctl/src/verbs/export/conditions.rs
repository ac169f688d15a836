//! Matches of Halftone, as matches of Istio.

use serde_json::{Value, json};

use crate::verbs::import::document::Fields;
use crate::verbs::import::matches::escaped;

/// The match of Istio that holds for the same requests as `conditions`, a match of Halftone.
///
/// # Errors
///
/// Istio has no such condition: ``Istio has no condition on `clientOs` ``.
pub fn written(conditions: &Fields) -> Result<Fields, String> {
    let mut one = Fields::new();
    for (field, value) in conditions {
        let tests = || value.as_object().into_iter().flatten();
        match field.as_str() {
            "headers" | "withoutHeaders" => {
                for (name, test) in tests() {
                    let is_absent = test.get("present") == Some(&json!(false));
                    let opposite = if field == "headers" {
                        "withoutHeaders"
                    } else {
                        "headers"
                    };
                    let (field, test) = if is_absent {
                        (opposite, json!({}))
                    } else {
                        (field.as_str(), string_match(test)?)
                    };
                    add(&mut one, field, name, test)?;
                }
            }
            "queryParams" => {
                for (name, test) in tests() {
                    if test.get("present") == Some(&json!(false)) {
                        return Err(format!("Istio cannot test that `{field}.{name}` is absent"));
                    }
                    add(&mut one, field, name, string_match(test)?)?;
                }
            }
            "cookies" => {
                for (name, test) in tests() {
                    let value = cookie_value(test)
                        .ok_or_else(|| format!("Istio cannot test `cookies.{name}` like that"))?;
                    let regex = format!(r"(?:.*;)?\s*{}={value}\s*(?:;.*)?", escaped(name));
                    add(&mut one, "headers", "cookie", json!({"regex": regex}))?;
                }
            }
            "path" => {
                one.insert("uri".into(), string_match(value)?);
            }
            "method" => {
                one.insert("method".into(), string_match(value)?);
            }
            "sourceLabels" => {
                one.insert("sourceLabels".into(), value.clone());
            }
            other => return Err(format!("Istio has no condition on `{other}`")),
        }
    }
    Ok(one)
}

fn add(one: &mut Fields, field: &str, name: &str, test: Value) -> Result<(), String> {
    let tests = one.entry(field).or_insert_with(|| json!({}));
    let Some(tests) = tests.as_object_mut() else {
        return Ok(());
    };
    if tests.insert(name.to_owned(), test).is_some() {
        return Err(format!("Istio tests `{field}.{name}` only once"));
    }
    Ok(())
}

/// The `StringMatch` of a test.
fn string_match(test: &Value) -> Result<Value, String> {
    let text = |kind: &str| test.get(kind).and_then(Value::as_str);
    for kind in ["exact", "prefix", "regex"] {
        if let Some(text) = text(kind) {
            return Ok(json!({kind: text}));
        }
    }
    if let Some(suffix) = text("suffix") {
        return Ok(json!({"regex": format!(".*{}", escaped(suffix))}));
    }
    if let Some(part) = text("contains") {
        return Ok(json!({"regex": format!(".*{}.*", escaped(part))}));
    }
    if let Some(Value::Array(values)) = test.get("in") {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<String> = values.map(escaped).collect();
        return Ok(json!({"regex": values.join("|")}));
    }
    if test.get("present") == Some(&json!(true)) {
        return Ok(json!({}));
    }
    let kind = test.as_object().and_then(|test| test.keys().next());
    let kind = kind.map_or("", String::as_str);
    Err(format!("Istio has no test `{kind}`"))
}

/// The regular expression of a cookie's value. None: it could match more than the value.
fn cookie_value(test: &Value) -> Option<String> {
    let text = |kind: &str| test.get(kind).and_then(Value::as_str);
    if let Some(exact) = text("exact") {
        return Some(escaped(exact));
    }
    if let Some(prefix) = text("prefix") {
        return Some(format!("{}[^;]*", escaped(prefix)));
    }
    if let Some(Value::Array(values)) = test.get("in") {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<String> = values.map(escaped).collect();
        return Some(format!("(?:{})", values.join("|")));
    }
    (test.get("present") == Some(&json!(true))).then(|| "[^;]*".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_becomes_the_same_match_of_istio() {
        let table = [
            (
                json!({"headers": {"a": {"exact": "x"}}}),
                json!({"headers": {"a": {"exact": "x"}}}),
            ),
            (
                json!({"headers": {"a": {"present": true}}}),
                json!({"headers": {"a": {}}}),
            ),
            (
                json!({"headers": {"a": {"present": false}}}),
                json!({"withoutHeaders": {"a": {}}}),
            ),
            (
                json!({"withoutHeaders": {"a": {"suffix": ".x"}}}),
                json!({"withoutHeaders": {"a": {"regex": r".*\.x"}}}),
            ),
            (
                json!({"queryParams": {"a": {"in": ["x", "y.z"]}}}),
                json!({"queryParams": {"a": {"regex": r"x|y\.z"}}}),
            ),
            (
                json!({"cookies": {"c": {"exact": "x"}}}),
                json!({"headers": {"cookie": {"regex": r"(?:.*;)?\s*c=x\s*(?:;.*)?"}}}),
            ),
            (
                json!({"path": {"contains": "+"}}),
                json!({"uri": {"regex": r".*\+.*"}}),
            ),
            (
                json!({"method": {"exact": "GET"}}),
                json!({"method": {"exact": "GET"}}),
            ),
            (
                json!({"sourceLabels": {"v": "2"}}),
                json!({"sourceLabels": {"v": "2"}}),
            ),
        ];
        for (conditions, expected) in table {
            let got = written(conditions.as_object().unwrap());
            assert_eq!(got.map(Value::from), Ok(expected), "{conditions}");
        }
    }

    #[test]
    fn a_condition_that_istio_has_not_is_refused() {
        let table = [
            (
                json!({"clientOs": ["ios"]}),
                "Istio has no condition on `clientOs`",
            ),
            (
                json!({"percentage": 5}),
                "Istio has no condition on `percentage`",
            ),
            (
                json!({"headers": {"a": {"semver": ">1"}}}),
                "Istio has no test `semver`",
            ),
            (
                json!({"cookies": {"c": {"regex": ".*"}}}),
                "Istio cannot test `cookies.c` like that",
            ),
            (
                json!({"queryParams": {"a": {"present": false}}}),
                "Istio cannot test that `queryParams.a` is absent",
            ),
            (
                json!({"cookies": {"a": {"exact": "1"}, "b": {"exact": "2"}}}),
                "Istio tests `headers.cookie` only once",
            ),
        ];
        for (conditions, expected) in table {
            let got = written(conditions.as_object().unwrap());
            assert_eq!(got, Err(expected.to_owned()), "{conditions}");
        }
    }
}
