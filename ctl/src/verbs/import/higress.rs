//! A Higress `WasmPlugin` with the plugin `traffic-tag`.
//!
//! It writes a header by conditions and weights, and routes match the header. So the release routes by that header, and
//! the routes stay as they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document::{Document, Fields, Imported, Plugin, label, objects, set, text};
use super::report::{Line, Outcome};
use super::routes::unique;

/// The key of a percentage: `header`, `parameter` or `cookie`, and its name.
type Key = (String, String);

/// The version of requests to which the plugin writes no header.
const UNTAGGED: &str = "base";

/// Whether the document is a `traffic-tag`.
pub fn is_traffic_tag(document: &Document) -> bool {
    let url = document.spec("url").and_then(Value::as_str);
    let has_groups = |config: &Value| {
        config.get("conditionGroups").is_some() || config.get("weightGroups").is_some()
    };
    document.is("extensions.higress.io", "WasmPlugin")
        && (url.is_some_and(|url| url.contains("traffic-tag"))
            || document.name.contains("traffic-tag")
            || document.spec("defaultConfig").is_some_and(has_groups))
}

/// The releases of a `traffic-tag`: one for each set of hosts.
pub fn import(document: &Document) -> Imported {
    let mut imported = Imported::default();
    let mut releases = Vec::new();
    for (index, rule) in objects(document.spec("matchRules")).enumerate() {
        let path = format!("spec.matchRules[{index}]");
        let domains = rule.get("domain").and_then(Value::as_array);
        let config = rule.get("config").and_then(Value::as_object);
        match (domains.filter(|domains| !domains.is_empty()), config) {
            (Some(domains), Some(config)) => releases.extend(release(
                document,
                &format!("{path}.config"),
                config,
                domains,
                releases.len(),
                &mut imported.lines,
            )),
            _ => imported.lines.push(document.line(
                &path,
                Outcome::NotCarriedOver,
                "selects by Ingress; write the hosts of the Ingress as domain, and import the file again",
            )),
        }
    }
    let config = document.spec("defaultConfig").and_then(Value::as_object);
    let is_off = document.spec("defaultConfigDisable") == Some(&json!(true));
    if let (Some(config), false) = (config, is_off) {
        releases.extend(release(
            document,
            "spec.defaultConfig",
            config,
            &vec![json!("*")],
            releases.len(),
            &mut imported.lines,
        ));
    }
    if releases.is_empty() {
        let message = "has no conditionGroups and no weightGroups that can be carried over";
        imported
            .lines
            .push(document.line("", Outcome::NotCarriedOver, message));
        return imported;
    }
    let message = "the result is a WasmPlugin of Istio; for a gateway of Higress, write its pluginConfig as the defaultConfig of a plugin with Halftone's url";
    imported
        .lines
        .push(document.line("", Outcome::WithADifference, message));
    imported.plugin = Some(Plugin {
        name: format!("{}-release", label(&document.name)),
        namespace: document.namespace.clone(),
        targets: Vec::new(),
        config: json!({"releases": releases}),
    });
    imported.checked(document)
}

/// The release of one configuration. None: it tags by several headers, or not at all.
fn release(
    document: &Document,
    path: &str,
    config: &Fields,
    hosts: &Vec<Value>,
    index: usize,
    lines: &mut Vec<Line>,
) -> Option<Value> {
    let groups = |field: &str| objects(config.get(field));
    let mut headers: BTreeSet<String> = BTreeSet::new();
    for group in groups("conditionGroups").chain(groups("weightGroups")) {
        headers.extend(text(group, "headerName").map(str::to_ascii_lowercase));
    }
    let default = text(config, "defaultTagKey").zip(text(config, "defaultTagVal"));
    headers.extend(default.map(|(name, _)| name.to_ascii_lowercase()));
    let mut names = headers.iter();
    let (header, None) = (names.next()?, names.next()) else {
        let names: Vec<&str> = headers.iter().map(String::as_str).collect();
        let message = format!(
            "writes several headers: {}; a release has one, so split it into a plugin for each",
            names.join(", ")
        );
        lines.push(document.line(path, Outcome::NotCarriedOver, message));
        return None;
    };
    let principal = default.map_or(UNTAGGED, |(_, value)| value);
    let mut keys: BTreeSet<Key> = BTreeSet::new();
    let mut rules = Vec::new();
    let mut names = BTreeSet::new();
    for (index, group) in groups("conditionGroups").enumerate() {
        let path = format!("{path}.conditionGroups[{index}]");
        let version = text(group, "headerValue").unwrap_or_default();
        match matches(group) {
            Ok((matches, key)) => {
                let name = unique(&format!("{version}-{index}"), index, &mut names);
                let message = format!("rule {name}: version {version}");
                lines.push(document.line(&path, Outcome::CarriedOver, message));
                keys.extend(key);
                rules.push(json!({"name": name, "match": matches, "version": version}));
            }
            Err(why) => lines.push(document.line(&path, Outcome::NotCarriedOver, why)),
        }
    }
    let mut canary = json!({});
    if !rules.is_empty() {
        set(&mut canary, "rules", rules.into());
    }
    let mut split: Vec<Value> = Vec::new();
    let mut sum = 0_u64;
    for group in groups("weightGroups") {
        let weight = group.get("weight").and_then(Value::as_u64).unwrap_or(0);
        sum += weight;
        let version = text(group, "headerValue").unwrap_or_default();
        match split
            .iter_mut()
            .find(|one| one.get("version") == Some(&json!(version)))
        {
            Some(known) => {
                add_weight(known, weight);
            }
            None => split.push(json!({"version": version, "weight": weight})),
        }
    }
    if !split.is_empty() {
        let path = format!("{path}.weightGroups");
        let rest = 100_u64.saturating_sub(sum);
        match split
            .iter_mut()
            .find(|one| one.get("version") == Some(&json!(principal)))
        {
            Some(known) => {
                add_weight(known, rest);
            }
            None => split.push(json!({"version": principal, "weight": rest})),
        }
        let message = format!("split, of which {principal} has the rest, {rest} %");
        lines.push(document.line(&path, Outcome::CarriedOver, message));
        set(&mut canary, "split", split.into());
    }
    add_session(document, path, &keys, &mut canary, lines);
    let name = label(&document.name);
    let name = if index == 0 {
        name
    } else {
        label(&format!("{name}-{index}"))
    };
    let message = format!(
        "Halftone writes {header}: {principal} for all other requests, where Higress {}, and removes the header that a client sends; routes that match the header stay as they are",
        default.map_or("writes no header", |_| "does the same")
    );
    lines.push(document.line(path, Outcome::WithADifference, message));
    Some(json!({
        "name": name, "hosts": hosts, "principal": principal, "canary": canary, "route": {"header": header},
    }))
}

fn add_weight(arm: &mut Value, more: u64) {
    let known = arm.get("weight").and_then(Value::as_u64);
    set(arm, "weight", json!(known.unwrap_or(0) + more));
}

/// Adds the session by which percentages select.
fn add_session(
    document: &Document,
    path: &str,
    keys: &BTreeSet<Key>,
    canary: &mut Value,
    lines: &mut Vec<Line>,
) {
    let mut all = keys.iter();
    let Some((kind, name)) = all.next() else {
        return;
    };
    let field = match kind.as_str() {
        "header" => "header",
        "cookie" => "cookie",
        _ => "queryParam",
    };
    set(canary, "session", json!({"key": [{field: name}]}));
    let message =
        format!("percentages select by the {kind} {name}, but not the same users as Higress");
    lines.push(document.line(path, Outcome::WithADifference, message));
    for (kind, name) in all {
        let message = format!(
            "a release has one session, so no percentage selects by the {kind} {name}; write a header that both have"
        );
        lines.push(document.line(path, Outcome::NotCarriedOver, message));
    }
}

/// The matches of a group, and the key of a percentage.
fn matches(group: &Fields) -> Result<(Vec<Value>, Option<Key>), String> {
    let conditions: Vec<&Fields> = objects(group.get("conditions")).collect();
    if conditions.is_empty() {
        return Err("has no conditions; write some".into());
    }
    let is_any = text(group, "logic") == Some("or");
    let mut key = None;
    let mut matches: Vec<Value> = Vec::new();
    let mut all = json!({});
    for condition in conditions {
        let mut one = json!({});
        let target = if is_any { &mut one } else { &mut all };
        add(condition, target, &mut key)?;
        if is_any {
            matches.push(one);
        }
    }
    if !is_any {
        matches.push(all);
    }
    Ok((matches, key))
}

fn add(condition: &Fields, to: &mut Value, key: &mut Option<Key>) -> Result<(), String> {
    let name = text(condition, "key").unwrap_or_default();
    let values = condition.get("value").and_then(Value::as_array);
    let values: Vec<&str> = values
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let first = values.first().copied().unwrap_or_default();
    let kind = text(condition, "conditionType").unwrap_or_default();
    let operator = text(condition, "operator").unwrap_or_default();
    let (test, is_inverted) = match operator {
        "equal" => (json!({"exact": first}), false),
        "not_equal" => (json!({"exact": first}), true),
        "prefix" => (json!({"prefix": first}), false),
        "in" => (json!({"in": values}), false),
        "not_in" => (json!({"in": values}), true),
        // Higress looks for the expression anywhere in the value.
        "regex" => (
            json!({"regex": format!("(?s:.*)(?:{first})(?s:.*)")}),
            false,
        ),
        "percentage" => {
            let percentage: f64 = first
                .parse()
                .map_err(|_| format!("`{first}` is no percentage; write a number"))?;
            if to.get("percentage").is_some() {
                return Err("has two percentages; write one".into());
            }
            set(to, "percentage", super::mirrors::number(percentage));
            *key = Some((kind.to_owned(), name.to_owned()));
            return Ok(());
        }
        other => {
            return Err(format!(
                "Halftone has no operator `{other}`; write another condition"
            ));
        }
    };
    let (field, name) = match (kind, is_inverted) {
        ("header", false) => ("headers", name.to_ascii_lowercase()),
        ("header", true) => ("withoutHeaders", name.to_ascii_lowercase()),
        ("parameter", false) => ("queryParams", name.to_owned()),
        ("cookie", false) => ("cookies", name.to_owned()),
        _ => {
            return Err(format!(
                "Halftone has no opposite of a {kind}; write a rule for the {kind} above, and let this one follow"
            ));
        }
    };
    let tests = to
        .as_object_mut()
        .map(|fields| fields.entry(field).or_insert_with(|| json!({})));
    let Some(Value::Object(tests)) = tests else {
        return Ok(());
    };
    if tests.contains_key(&name) {
        return Err(format!("tests the {kind} {name} twice; write one test"));
    }
    tests.insert(name, test);
    Ok(())
}
