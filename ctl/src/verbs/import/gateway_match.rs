//! Matches of the Gateway API, as matches of Halftone.

use serde_json::{Value, json};

use super::document::{Fields, objects, text};
use super::matches::{Difference, compile};

/// What decides between two matches that both hold, the most important first: the kind of the path, its length, the
/// method, the number of headers and of query parameters. A larger one wins.
pub type Rank = (u8, usize, bool, usize, usize);

/// A match of the Gateway API.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The matches of Halftone, of which one must hold. Empty: every request.
    pub alternatives: Vec<Fields>,
    /// The precedence.
    pub rank: Rank,
    /// The differences, each once.
    pub differences: Vec<Difference>,
}

impl Converted {
    /// Whether it holds for every request.
    pub fn is_any(&self) -> bool {
        self.alternatives.is_empty()
    }
}

/// The matches of Halftone that together mean the same as `written`, an `HTTPRouteMatch`.
///
/// # Errors
///
/// Halftone has no such condition: ``Halftone has no condition on `port` ``.
pub fn converted(written: &Fields) -> Result<Converted, String> {
    let mut differences = Vec::new();
    let mut differ = |difference| {
        if !differences.contains(&difference) {
            differences.push(difference);
        }
    };
    let known = ["path", "headers", "queryParams", "method"];
    if let Some(other) = written.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("Halftone has no condition on `{other}`"));
    }
    let mut conditions = Fields::new();
    let mut counts = [0, 0];
    let fields = [
        ("headers", Difference::RepeatedHeader),
        ("queryParams", Difference::QueryParameter),
    ];
    for ((field, difference), count) in fields.into_iter().zip(&mut counts) {
        let mut tests = Fields::new();
        for one in objects(written.get(field)) {
            differ(difference);
            let value = text(one, "value").unwrap_or_default();
            let test = match text(one, "type").unwrap_or("Exact") {
                "Exact" => json!({"exact": value}),
                "RegularExpression" => {
                    differ(Difference::LongValue);
                    json!({"regex": value})
                }
                other => return Err(format!("Halftone has no test `{other}` of `{field}`")),
            };
            let name = text(one, "name").unwrap_or_default();
            let name = if field == "headers" {
                name.to_ascii_lowercase()
            } else {
                name.to_owned()
            };
            // The first test of a name counts.
            tests.entry(name).or_insert(test);
            *count += 1;
        }
        if !tests.is_empty() {
            conditions.insert(field.into(), tests.into());
        }
    }
    let method = text(written, "method");
    if let Some(method) = method {
        conditions.insert("method".into(), json!({"exact": method}));
    }
    let path = written.get("path").and_then(Value::as_object);
    let value = path.and_then(|path| text(path, "value")).unwrap_or("/");
    let (kind, length, paths) = match path
        .and_then(|path| text(path, "type"))
        .unwrap_or("PathPrefix")
    {
        "Exact" => (3, value.len(), vec![json!({"exact": value})]),
        "PathPrefix" => {
            let value = value.trim_end_matches('/');
            let paths = if value.is_empty() {
                Vec::new()
            } else {
                vec![
                    json!({"exact": value}),
                    json!({"prefix": format!("{value}/")}),
                ]
            };
            (2, value.len(), paths)
        }
        "RegularExpression" => {
            differ(Difference::LongValue);
            differ(Difference::RegexPath);
            (1, value.len(), vec![json!({"regex": value})])
        }
        other => return Err(format!("Halftone has no test `{other}` of `path`")),
    };
    let mut alternatives: Vec<Fields> = paths
        .into_iter()
        .map(|path| {
            let mut one = conditions.clone();
            one.insert("path".into(), path);
            one
        })
        .collect();
    if alternatives.is_empty() && !conditions.is_empty() {
        alternatives.push(conditions);
    }
    for one in &alternatives {
        compile(one)?;
    }
    let [headers, parameters] = counts;
    Ok(Converted {
        alternatives,
        rank: (kind, length, method.is_some(), headers, parameters),
        differences,
    })
}
