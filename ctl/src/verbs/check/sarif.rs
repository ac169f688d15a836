//! The report for code hosts: SARIF 2.1.0, which shows each finding at its line.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::given::Located;
use super::report::Report;

/// The characters that a path in a URI cannot have.
const ESCAPED: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The report as a SARIF log. Findings have the level `error`, warnings `warning`, and notes `note`.
pub fn log(report: &Report) -> Value {
    let levels = [
        ("error", &report.findings),
        ("warning", &report.warnings),
        ("note", &report.notes),
    ];
    let mut checks = BTreeSet::new();
    let mut results = Vec::new();
    for (level, located) in levels {
        for one in located {
            checks.insert(one.check);
            results.push(result(level, one));
        }
    }
    let rules: Vec<Value> = checks.iter().map(|check| json!({ "id": check })).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "halftonectl",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(level: &str, one: &Located) -> Value {
    let finding = &one.finding;
    let parts = [
        finding.resource.as_deref().unwrap_or_default(),
        &finding.path,
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.file) },
            "region": { "startLine": one.at.line, "startColumn": one.at.column },
        },
    });
    let mut text = finding.message.clone();
    if !parts.is_empty() {
        let place = parts.join(": ");
        text = format!("{place}: {text}");
        if let Some(location) = location.as_object_mut() {
            let logical = json!([{ "fullyQualifiedName": place }]);
            location.insert("logicalLocations".into(), logical);
        }
    }
    json!({
        "ruleId": one.check,
        "level": level,
        "message": { "text": text },
        "locations": [location],
    })
}

/// The file as a URI: relative to the folder of the call, or absolute.
fn uri(file: &str) -> String {
    let path = utf8_percent_encode(file.trim_start_matches("./"), &ESCAPED);
    if file.starts_with('/') {
        format!("file://{path}")
    } else {
        path.to_string()
    }
}
