//! Matches of Istio's routes, as matches of Halftone.

use regex_lite::Regex;
use serde_json::{Value, json};

use super::document::Fields;

/// What differs between Envoy and Halftone for a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A header that a request has twice.
    RepeatedHeader,
    /// A query parameter that a request has twice, or with percent-encoding.
    QueryParameter,
    /// A regular expression and a long value.
    LongValue,
    /// A path by a regular expression, in the Gateway API.
    RegexPath,
}

impl Difference {
    /// The difference, for the report.
    pub fn said(self) -> &'static str {
        match self {
            Self::RepeatedHeader => {
                "if a request repeats a header, Envoy up to 1.37 tests the values as one, joined by commas; Envoy from 1.39 on and Halftone test each"
            }
            Self::QueryParameter => {
                "Envoy tests the first parameter of a name as it was sent; Halftone tests each, percent-decoded"
            }
            Self::RegexPath => {
                "a path by a regular expression comes after all other paths, as in Istio; the Gateway API leaves that open"
            }
            Self::LongValue => "in Halftone, a value of more than 2,048 bytes matches no regex",
        }
    }
}

/// A match of Halftone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    /// Its conditions. Empty: every request matches.
    pub conditions: Fields,
    /// The differences, each once.
    pub differences: Vec<Difference>,
}

/// The match of Halftone that means the same as `written`, an `HTTPMatchRequest`.
///
/// # Errors
///
/// Halftone has no such condition: ``Halftone has no condition on `port` ``.
pub fn converted(written: &Fields) -> Result<Converted, String> {
    let mut converted = Converted::default();
    for (name, value) in written {
        match name.as_str() {
            "name" => {}
            "headers" => converted.headers("headers", value)?,
            "withoutHeaders" => converted.without_headers(value)?,
            "queryParams" => converted.query_params(value)?,
            "uri" => converted.path(value, written.get("ignoreUriCase"))?,
            "ignoreUriCase" => {}
            "method" => converted.add("method", test(value)?),
            "sourceLabels" if is_empty(value) => {}
            "sourceLabels" => converted.add("sourceLabels", value.clone()),
            _ if is_empty(value) => {}
            other => return Err(format!("Halftone has no condition on `{other}`")),
        }
    }
    if !converted.is_any() {
        compile(&converted.conditions)?;
    }
    Ok(converted)
}

impl Converted {
    /// Whether it holds for every request.
    pub fn is_any(&self) -> bool {
        self.conditions.is_empty()
    }

    fn add(&mut self, name: &str, value: Value) {
        if is_regex(&value) {
            self.differ(Difference::LongValue);
        }
        self.conditions.insert(name.into(), value);
    }

    fn differ(&mut self, difference: Difference) {
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }

    fn headers(&mut self, field: &str, written: &Value) -> Result<(), String> {
        let mut tests = Fields::new();
        for (name, one) in written.as_object().into_iter().flatten() {
            if name.starts_with('@') {
                return Err(format!(
                    "`{name}` is a claim that Istio has verified, and Halftone verifies none"
                ));
            }
            let one = test(one)?;
            if is_regex(&one) {
                self.differ(Difference::LongValue);
            }
            if one.get("present").is_none() {
                self.differ(Difference::RepeatedHeader);
            }
            tests.insert(name.to_ascii_lowercase(), one);
        }
        if !tests.is_empty() {
            self.conditions.insert(field.into(), tests.into());
        }
        Ok(())
    }

    /// For `withoutHeaders`, Envoy takes a missing header for an empty one.
    fn without_headers(&mut self, written: &Value) -> Result<(), String> {
        for (name, one) in written.as_object().into_iter().flatten() {
            if passes_empty(&test(one)?) {
                return Err(format!(
                    "`withoutHeaders.{name}` also excludes requests without this header, which Halftone would take"
                ));
            }
        }
        self.headers("withoutHeaders", written)
    }

    fn query_params(&mut self, written: &Value) -> Result<(), String> {
        let mut tests = Fields::new();
        for (name, one) in written.as_object().into_iter().flatten() {
            let one = test(one)?;
            if is_regex(&one) {
                self.differ(Difference::LongValue);
            }
            self.differ(Difference::QueryParameter);
            tests.insert(name.clone(), one);
        }
        if !tests.is_empty() {
            self.conditions.insert("queryParams".into(), tests.into());
        }
        Ok(())
    }

    fn path(&mut self, written: &Value, ignores_case: Option<&Value>) -> Result<(), String> {
        let mut test = test(written)?;
        if ignores_case.and_then(Value::as_bool) == Some(true) {
            for (kind, rest) in [("exact", ""), ("prefix", ".*")] {
                if let Some(text) = test.get(kind).and_then(Value::as_str) {
                    test = json!({"regex": format!("(?i:{}){rest}", escaped(text))});
                    break;
                }
            }
        }
        // Every path begins with a slash.
        if test == json!({"prefix": "/"}) || test.get("present").is_some() {
            return Ok(());
        }
        self.add("path", test);
        Ok(())
    }
}

/// Compiles a match of Halftone.
///
/// # Errors
///
/// The first violation: an expression that Halftone cannot compile, a header that it does not see.
pub fn compile(conditions: &Fields) -> Result<(), String> {
    let rule = json!({"name": "r", "match": [conditions], "version": "a"});
    let config = json!({"releases": [{
        "name": "r", "hosts": ["*"], "principal": "a", "canary": {"rules": [rule]},
    }]});
    let Err(violations) = halftone::config::load_value(&config) else {
        return Ok(());
    };
    let first = violations.iter().next().map(|one| {
        let path = one.path.split("match[0].").nth(1).unwrap_or(&one.path);
        let problem = one.message.split(';').next().unwrap_or_default();
        format!("Halftone rejects `{path}`: {problem}")
    });
    Err(first.unwrap_or_default())
}

/// A test of Halftone that means the same as a `StringMatch`.
pub fn test(written: &Value) -> Result<Value, String> {
    let kinds = ["exact", "prefix", "regex"];
    let fields = written.as_object().into_iter().flatten();
    let fields: Vec<_> = fields.filter(|(_, value)| !value.is_null()).collect();
    match *fields.as_slice() {
        [] => Ok(json!({"present": true})),
        // Istio takes this for "any value".
        [(kind, text)] if kind == "regex" && text == "*" => Ok(json!({"present": true})),
        [(kind, text)] if kinds.contains(&kind.as_str()) && text.is_string() => {
            Ok(json!({kind: text}))
        }
        _ => Err("it has a test that is none of exact, prefix and regex".into()),
    }
}

fn is_regex(test: &Value) -> bool {
    test.get("regex").is_some()
}

fn passes_empty(test: &Value) -> bool {
    let text = |kind| test.get(kind).and_then(Value::as_str);
    let by_regex =
        |regex: &str| Regex::new(&format!("^(?:{regex})$")).is_ok_and(|regex| regex.is_match(""));
    text("exact") == Some("") || text("prefix") == Some("") || text("regex").is_some_and(by_regex)
}

/// The regular expression that matches exactly `text`.
pub fn escaped(text: &str) -> String {
    regex_lite::escape(text)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
