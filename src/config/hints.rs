//! Guesses at what the author of a configuration meant.

use super::{duration, size, time};

/// Fields that are often written one level too high, after the field under which they belong.
const INSIDE: [(&str, &[&str]); 15] = [
    (
        "releases",
        &[
            "name",
            "hosts",
            "services",
            "principal",
            "exclusive",
            "holdout",
            "canary",
            "blueGreen",
            "mirrors",
            "guard",
            "fallback",
            "route",
        ],
    ),
    ("services", &["namespace", "clusterDomain"]),
    ("exclusive", &["group", "from", "to"]),
    ("canary", &["takeOver", "rules", "split", "ramp", "session"]),
    ("ramp", &["start", "points", "shape", "hold"]),
    ("blueGreen", &["active", "preview"]),
    (
        "mirrors",
        &[
            "destination",
            "cluster",
            "methods",
            "timeout",
            "maxInFlight",
            "compare",
        ],
    ),
    (
        "match",
        &[
            "headers",
            "withoutHeaders",
            "cookies",
            "queryParams",
            "sourceLabels",
            "path",
            "method",
            "clientOs",
            "percentage",
            "jwtClaims",
            "withoutClientOs",
            "invited",
        ],
    ),
    (
        "guard",
        &[
            "failures",
            "slowerThan",
            "margin",
            "atLeast",
            "ceiling",
            "retry",
        ],
    ),
    ("fallback", &["probe", "resend"]),
    ("session", &["key", "cookie", "salt"]),
    (
        "cookie",
        &["maxAge", "domain", "secure", "httpOnly", "sameSite", "keep"],
    ),
    ("destination", &["host", "port", "subset"]),
    ("headers", &["set", "remove"]),
    (
        "compare",
        &["status", "body", "ignore", "samples", "redact"],
    ),
];

/// Fields of the whole configuration, which are sometimes written in a release.
const TOP: [&str; 4] = ["signing", "explain", "accessLog", "mirrorBudget"];

/// Guesses the string that another one means.
type Guess = fn(&str) -> Option<String>;

/// What strings of the wire type `name` hold, if it is more than a text, and how to guess the string
/// that another one means.
pub fn kind_of_string(name: &str) -> Option<(&'static str, Guess)> {
    match name {
        "DurationConfig" => Some((duration::EXPECTED, duration::meant)),
        "TimeConfig" => Some((time::EXPECTED, time::meant)),
        "RetryConfig" => Some((r#""never", or a duration such as "10m""#, duration::meant)),
        "SizeConfig" => Some((size::EXPECTED, size::meant)),
        _ => None,
    }
}

/// The field that a string in place of an object with these fields most likely means.
pub fn main_field(fields: &[&'static str]) -> Option<&'static str> {
    match fields {
        [only] => Some(only),
        [exact @ "exact", ..] => Some(exact),
        _ => None,
    }
}

/// The message about the unknown field `name` of an object with these fields.
pub fn unknown_field(name: &str, fields: &[&'static str]) -> String {
    let is_home =
        |(home, inside): &&(&str, &[&str])| fields.contains(home) && inside.contains(&name);
    let hint = if let Some((home, _)) = INSIDE.iter().find(is_home) {
        format!("`{name}` belongs under `{home}`; the")
    } else if TOP.contains(&name) {
        format!("`{name}` belongs at the top level; the")
    } else if let Some(similar) = similar(name, fields) {
        format!("did you mean `{similar}`? The")
    } else {
        "the".into()
    };
    format!(
        "unknown field; {hint} fields here are {}",
        fields.join(", ")
    )
}

/// The word that is most like `text`, if at most a third of the characters differ. Case is ignored.
pub fn similar(text: &str, words: &[&'static str]) -> Option<&'static str> {
    const LONGEST: usize = 40;
    if text.len() > LONGEST {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let distance = |word: &str| strsim::osa_distance(&text, &word.to_ascii_lowercase());
    let nearest = words.iter().min_by_key(|word| distance(word))?;
    (distance(nearest) * 3 <= text.chars().count()).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_word_differs_in_at_most_a_third() {
        let words = ["hosts", "principal", "split", "accessLog", "in", "match"];
        let table = [
            ("host", Some("hosts")),
            ("principle", Some("principal")),
            ("spilt", Some("split")),
            ("accesslog", Some("accessLog")),
            ("ACCESS_LOG", Some("accessLog")),
            ("is", None),
            ("IN", Some("in")),
            ("when", None),
            ("", None),
            (&"split".repeat(1_000), None),
        ];
        for (text, expected) in table {
            assert_eq!(similar(text, &words), expected, "{text}");
        }
    }

    /// The tables above repeat names of fields. The schema has them.
    #[cfg(feature = "schema")]
    #[test]
    fn every_field_is_where_it_belongs() {
        let schema = schemars::schema_for!(crate::config::PluginConfig).to_value();
        let objects: Vec<_> = schema["$defs"]
            .as_object()
            .unwrap()
            .values()
            .chain([&schema])
            .filter_map(|object| object["properties"].as_object())
            .collect();
        for name in TOP {
            assert!(schema["properties"].get(name).is_some(), "{name}");
        }
        for (home, inside) in INSIDE {
            let referred: Vec<String> = objects
                .iter()
                .filter_map(|fields| fields.get(home))
                .map(|field| field.to_string())
                .collect();
            let is_object_with = |name: &str| {
                schema["$defs"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .any(|(definition, object)| {
                        object["properties"].get(name).is_some()
                            && referred
                                .iter()
                                .any(|field| field.contains(&format!("\"#/$defs/{definition}\"")))
                    })
            };
            for name in inside {
                assert!(is_object_with(name), "{home}.{name}");
            }
        }
    }
}
