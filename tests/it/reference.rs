//! The tables of `docs/reference.md` against the published schema and against the code: each table
//! has the fields of one type, and each default is what the code does without the field.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::documents::{read, root};

/// The tables of fields: heading, first cell of the table's head, and where [`BASES`] have such an
/// object, as a JSON pointer.
const TABLES: [(&str, &str, &str); 30] = [
    ("Configuration", "field", ""),
    ("Configuration", "field of `signing`", "/signing"),
    ("Configuration", "field of `explain`", "/explain"),
    ("Configuration", "field of `metrics`", "/metrics"),
    ("Releases", "field", "/releases/0"),
    ("Releases", "field of a service", "/releases/0/services/0"),
    ("Releases", "field of `route`", "/releases/0/route"),
    (
        "Blue-green",
        "field of `blueGreen`",
        "/releases/0/blueGreen",
    ),
    (
        "Blue-green",
        "field of `preview`",
        "/releases/0/blueGreen/preview",
    ),
    ("Canary", "field of `canary`", "/releases/0/canary"),
    ("Canary", "field of a rule", "/releases/0/canary/rules/0"),
    ("Canary", "field of a weight", "/releases/0/canary/split/0"),
    (
        "Releases that share no users",
        "field of `exclusive`",
        "/releases/0/exclusive",
    ),
    (
        "Releases that share no users",
        "field of `holdout`",
        "/releases/0/holdout",
    ),
    ("Ramps", "field of `ramp`", "/releases/0/canary/ramp"),
    (
        "Ramps",
        "field of a point",
        "/releases/0/canary/ramp/points/0",
    ),
    ("Canary", "field of `session`", "/releases/0/canary/session"),
    (
        "Canary",
        "key (one field in each)",
        "/releases/0/canary/session/key/0",
    ),
    (
        "Canary",
        "field of `cookie`",
        "/releases/0/canary/session/cookie",
    ),
    (
        "Matches",
        "field of a match",
        "/releases/0/mirrors/0/match/0",
    ),
    (
        "Invitations",
        "field of `invited`",
        "/releases/0/canary/rules/0/match/0/invited",
    ),
    (
        "Tests of a value",
        "field of a test",
        "/releases/0/mirrors/0/match/0/path",
    ),
    ("Guard", "field of `guard`", "/releases/0/guard"),
    ("Fallback", "field of `fallback`", "/releases/0/fallback"),
    ("Fallback", "field of `probe`", "/releases/0/fallback/probe"),
    ("Mirrors", "field of a mirror", "/releases/0/mirrors/0"),
    (
        "Mirrors",
        "field of `destination`",
        "/releases/0/mirrors/0/destination",
    ),
    (
        "Mirrors",
        "field of `headers`",
        "/releases/0/mirrors/0/headers",
    ),
    (
        "Comparing answers",
        "field of `compare`",
        "/releases/0/mirrors/0/compare",
    ),
    (
        "Comparing answers",
        "field of `redact`",
        "/releases/0/mirrors/0/compare/redact",
    ),
];

/// The table of fields that are not in a plugin configuration.
const CASE_FILES: (&str, &str) = ("Case files", "field of a case");

/// Valid configurations that together have every field whose default a table gives, each with
/// another value than the default.
const BASES: [&str; 5] = [
    "
metrics: { responses: false }
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary: { takeOver: v2 }
  mirrors: [ { name: shadow, cluster: shadow } ]
",
    "
signing: { keys: [HALFTONE_KEY] }
explain: { header: x-explain }
accessLog: true
mirrorBudget: 8MiB
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    takeOver: v2
    rules:
    - name: testers
      match: [ { path: { exact: /testers }, invited: { queryParam: invite, cookie: invite } } ]
      split: [ { version: v2, weight: 1 }, { version: v1, weight: 2 } ]
      guarded: false
    split: [ { version: v2, weight: 3 }, { version: v1, weight: 4 } ]
    session:
      salt: shop
      key: [ { header: x-user } ]
      cookie:
        { name: sid, maxAge: 7s, path: /shop, domain: example.com, secure: false, httpOnly: false, sameSite: Strict, keep: true }
  guard: { failures: [reset], slowerThan: 7s, margin: 7, atLeast: 7, ceiling: 7, retry: 7s }
  fallback: { probe: { path: /healthz, every: 7s }, resend: true }
  route: { header: x-version }
  mirrors:
  - name: shadow
    destination: { host: shadow, port: 9080, subset: v9 }
    percentage: 5
    match: [ { path: { exact: /mirrored } } ]
    methods: [POST]
    timeout: 7s
    maxBody: 1KiB
    maxInFlight: 7
    authority: shadow:80
    headers: { set: { x-env: shadow }, remove: [cookie] }
    compare: { percentage: 5, status: false, headers: [x-total], body: json, ignore: [/at], maxBody: 1KiB, samples: 7,
      redact: { headers: [x-key], pointers: [/token] }, query: true }
",
    "
signing: { keys: [HALFTONE_KEY] }
releases:
- name: reviews
  services: [ { name: reviews, namespace: bookinfo, clusterDomain: example.org } ]
  principal: v1
  blueGreen:
    active: v2
    preview: { version: v1, match: [ { path: { exact: /preview } } ] }
  route: { authority: { v1: reviews-v1, v2: reviews-v2 } }
  mirrors: [ { name: shadow, cluster: shadow } ]
",
    "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  canary:
    rules: [ { name: testers, match: [ { path: { exact: /testers } } ], version: v2 } ]
    takeOver: v1
  mirrors: [ { name: shadow, cluster: shadow } ]
",
    "
releases:
- name: reviews
  hosts: [reviews]
  principal: v1
  exclusive: { group: q4, from: 5, to: 15 }
  holdout: { group: all, percentage: 3 }
  canary:
    session: { key: [ { header: x-user } ] }
    ramp: { version: v2, start: '2026-12-01T09:00:00Z', points: [ { after: 1h, percentage: 5 } ], shape: steps, hold: 7 }
  mirrors: [ { name: shadow, cluster: shadow } ]
",
];

/// A table of a Markdown file.
struct Table<'r> {
    heading: &'r str,
    head: Vec<&'r str>,
    rows: Vec<Vec<&'r str>>,
}

fn tables(markdown: &str) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    let (mut heading, mut in_table) = ("", false);
    for line in markdown.lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches(['#', ' ']);
        }
        let Some(row) = line.strip_prefix("| ") else {
            in_table = false;
            continue;
        };
        let row = cells(row);
        if !in_table {
            let rows = Vec::new();
            tables.push(Table {
                heading,
                head: row,
                rows,
            });
            in_table = true;
        } else if !row.iter().all(|cell| *cell == "---") {
            tables.last_mut().unwrap().rows.push(row);
        }
    }
    tables
}

/// The cells of a row. A `|` after a backslash is text.
fn cells(row: &str) -> Vec<&str> {
    let bars = row
        .char_indices()
        .filter(|(at, char)| *char == '|' && !row[..*at].ends_with('\\'));
    let mut start = 0;
    let mut cells = Vec::new();
    for (at, _) in bars {
        cells.push(row[start..at].trim());
        start = at + 1;
    }
    cells
}

/// The published JSON Schema.
struct Schema(Value);

impl Schema {
    fn published() -> Self {
        Self(serde_json::from_str(&read(&root().join("docs/halftone.schema.json"))).unwrap())
    }

    /// The name and the definition of the object at a place of a configuration.
    fn object(&self, pointer: &str) -> (String, &Value) {
        let mut found = (String::new(), &self.0);
        for step in pointer.split('/').skip(1) {
            let parent = found.1;
            let of = match step.parse::<usize>() {
                Ok(_) => &parent["items"],
                Err(_) => &parent["properties"][step],
            };
            found = self.resolved(of);
            assert!(!found.1.is_null(), "the schema has no {pointer}");
        }
        found
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> (String, &'s Value) {
        let choices = schema["anyOf"].as_array().into_iter().flatten();
        let reference = std::iter::once(schema)
            .chain(choices)
            .find_map(|one| one["$ref"].as_str());
        match reference.and_then(|reference| reference.strip_prefix("#/$defs/")) {
            Some(name) => (name.to_owned(), &self.0["$defs"][name]),
            None => (String::new(), schema),
        }
    }

    /// The names of all objects with fields. The configuration itself has none.
    fn objects(&self) -> BTreeSet<String> {
        let definitions = self.0["$defs"].as_object().unwrap().iter();
        let objects = definitions.filter(|(_, definition)| definition["properties"].is_object());
        let names = objects.map(|(name, _)| name.clone());
        names.chain([String::new()]).collect()
    }
}

/// The errors in the tables of the reference.
fn problems(reference: &str) -> Vec<String> {
    let schema = Schema::published();
    let mut problems = Vec::new();
    let mut objects = schema.objects();
    let mut expected = TABLES.to_vec();
    for table in tables(reference) {
        let title = table.head.first().copied().unwrap_or_default();
        if !title.starts_with("field") && !title.starts_with("key")
            || (table.heading, title) == CASE_FILES
        {
            continue;
        }
        let place = format!("{}, table of {title}", table.heading);
        let Some(index) = expected
            .iter()
            .position(|one| (one.0, one.1) == (table.heading, title))
        else {
            problems.push(format!(
                "{place}: is not in the list of tables, or is there twice"
            ));
            continue;
        };
        let (_, _, pointer) = expected.remove(index);
        let (name, definition) = schema.object(pointer);
        objects.remove(&name);
        let report = |problem: String| problems.push(format!("{place}: {problem}"));
        check(&table, pointer, definition, report);
    }
    problems.extend(
        expected
            .iter()
            .map(|one| format!("{}: has no table of {}", one.0, one.1)),
    );
    problems.extend(
        objects
            .iter()
            .map(|name| format!("no table has the fields of {name}")),
    );
    problems
}

/// Compares a table with the definition of its type, and its defaults with what the code does.
fn check(table: &Table<'_>, pointer: &str, definition: &Value, mut report: impl FnMut(String)) {
    let names: Vec<&str> = table
        .rows
        .iter()
        .map(|row| row[0].trim_matches('`'))
        .collect();
    let fields: BTreeSet<&str> = definition["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let documented: BTreeSet<&str> = names.iter().copied().collect();
    if documented != fields || names.len() != fields.len() {
        report(format!("has the rows {names:?}; the fields are {fields:?}"));
    }
    let Some(column) = table.head.iter().position(|cell| *cell == "default") else {
        return;
    };
    for (row, name) in table.rows.iter().zip(names) {
        let is_required = definition["required"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == name));
        if is_required != (row[column] == "required") {
            report(format!(
                "{name}: the schema differs on whether it is required"
            ));
        }
        if let Err(problem) = check_default(pointer, name, row[column]) {
            report(format!("{name}: {problem}"));
        }
    }
}

/// Compares a documented default with what each base does without the field.
fn check_default(pointer: &str, name: &str, default: &str) -> Result<(), String> {
    let mut is_checked = false;
    // The name of all releases in the bases.
    let default = match default {
        "the release's name" => "`reviews`",
        default => default,
    };
    for base in BASES {
        let base: Value = serde_saphyr::from_str(base).unwrap();
        let must = ["required", "one of the two"].contains(&default);
        let Some(without) = without(&base, pointer, name, !must) else {
            continue;
        };
        is_checked = true;
        let before = compiled(&base).unwrap();
        match (default, compiled(&without)) {
            (_, Err(_)) if must => {}
            (_, Ok(_)) if must => return Err("can be omitted".to_owned()),
            // Another field of the base needs this one; other bases have this one alone.
            (_, Err(violations)) if violations.contains("needs a session") => {}
            (_, Err(violations)) if violations.contains("needs a key") => {}
            (_, Err(violations)) => return Err(format!("cannot be omitted: {violations}")),
            // The field excludes another, which the text beside it names.
            ("", Ok(_)) => {}
            (_, Ok(after)) if after == before => return Err("the base has the default".to_owned()),
            (_, Ok(after)) => match literal(default) {
                Some(value) => {
                    let mut written = base;
                    written.pointer_mut(pointer).unwrap()[name] = value;
                    if compiled(&written)? != after {
                        return Err(format!("{default} is not what the code does without it"));
                    }
                }
                None => {
                    let added = added(&before, &after);
                    if !added.is_empty() {
                        return Err(format!(
                            "{default:?}, but without it the code has {added:?}"
                        ));
                    }
                }
            },
        }
    }
    is_checked
        .then_some(())
        .ok_or_else(|| "no base has it".to_owned())
}

/// A configuration without a field. With `whole`, an object that has no other field is removed with it.
fn without(config: &Value, pointer: &str, name: &str, whole: bool) -> Option<Value> {
    let mut without = config.clone();
    let object = without.pointer_mut(pointer)?.as_object_mut()?;
    object.remove(name)?;
    if whole
        && object.is_empty()
        && let Some((parent, name)) = pointer.rsplit_once('/')
    {
        without.pointer_mut(parent)?.as_object_mut()?.remove(name)?;
    }
    Some(without)
}

/// What the code makes of a configuration, in lines.
fn compiled(config: &Value) -> Result<Vec<String>, String> {
    match halftone::config::load_value(config) {
        Ok(releases) => Ok(format!("{releases:#?}")
            .lines()
            .map(|line| line.trim().to_owned())
            // A hash of the text, and what follows from the matches.
            .filter(|line| !line.starts_with("identity: ") && !line.starts_with("invites: "))
            .collect()),
        Err(violations) => Err(violations.to_string()),
    }
}

/// A default that is written as code: one value, or several strings of an array.
fn literal(default: &str) -> Option<Value> {
    let codes: Option<Vec<&str>> = default
        .split(", ")
        .map(|code| code.strip_prefix('`')?.strip_suffix('`'))
        .collect();
    match codes?.as_slice() {
        [code] => Some(serde_saphyr::from_str(code).unwrap()),
        codes => Some(codes.to_vec().into()),
    }
}

/// The values that are in `after` and neither in `before` nor empty. A field that only shortens a
/// string, such as a cookie's attributes, adds none.
fn added<'l>(before: &[String], after: &'l [String]) -> Vec<&'l str> {
    let mut removed: Vec<&String> = before.iter().collect();
    let mut added: Vec<&String> = Vec::new();
    for line in after {
        match removed.iter().position(|one| *one == line) {
            Some(index) => drop(removed.swap_remove(index)),
            None => added.push(line),
        }
    }
    let is_empty = |line: &str| {
        let value = line.rsplit(": ").next().unwrap_or(line);
        ["None,", "[],", "{},", "0,"].contains(&value)
    };
    let is_shortened = |line: &str| {
        removed.iter().any(|long| {
            let mut rest = long.chars();
            line.chars().all(|char| rest.any(|other| other == char))
        })
    };
    added.retain(|line| !is_empty(line) && !is_shortened(line));
    added.into_iter().map(String::as_str).collect()
}

fn reference() -> String {
    read(&root().join("docs/reference.md"))
}

#[test]
fn the_reference_has_each_field_in_the_table_of_its_type_with_its_default() {
    assert_eq!(problems(&reference()).join("\n"), "");
}

/// The reference with one row changed: in the table below `heading` that has `title`, the row of the
/// field `name`.
fn changed(heading: &str, title: &str, name: &str, change: impl Fn(&str) -> String) -> String {
    let reference = reference();
    let tables = tables(&reference);
    let table = tables
        .iter()
        .find(|table| (table.heading, table.head[0]) == (heading, title))
        .unwrap();
    let row = table
        .rows
        .iter()
        .find(|row| row[0].trim_matches('`') == name)
        .unwrap();
    let line = reference
        .lines()
        .find(|line| {
            line.strip_prefix("| ")
                .is_some_and(|line| cells(line) == *row)
        })
        .unwrap();
    let changed = reference.replacen(&format!("{line}\n"), &change(line), 1);
    assert_ne!(changed, reference);
    changed
}

#[test]
fn a_wrong_default_in_the_reference_is_found() {
    let table = [
        ("Mirrors", "field of a mirror", "timeout", "`5s`", "`6s`"),
        (
            "Mirrors",
            "field of a mirror",
            "methods",
            "`GET`, `HEAD`, `OPTIONS`",
            "`GET`, `HEAD`",
        ),
        (
            "Mirrors",
            "field of a mirror",
            "methods",
            "`GET`, `HEAD`, `OPTIONS`",
            "none",
        ),
        (
            "Mirrors",
            "field of a mirror",
            "maxInFlight",
            "`128`",
            "required",
        ),
        (
            "Mirrors",
            "field of `destination`",
            "host",
            "required",
            "none",
        ),
        (
            "Mirrors",
            "field of `destination`",
            "port",
            "required",
            "`80`",
        ),
        ("Canary", "field of `canary`", "takeOver", "none", "`v2`"),
        (
            "Canary",
            "field of `cookie`",
            "domain",
            "the host that set it",
            "`example.org`",
        ),
        ("Canary", "field of `cookie`", "sameSite", "`Lax`", "`None`"),
        ("Configuration", "field", "accessLog", "`false`", "`true`"),
        (
            "Comparing answers",
            "field of `compare`",
            "maxBody",
            "`64KiB`",
            "`64MiB`",
        ),
    ];
    for (heading, title, name, right, wrong) in table {
        let reference = changed(heading, title, name, |row| {
            row.replacen(&format!("| {right} |"), &format!("| {wrong} |"), 1) + "\n"
        });
        assert_ne!(problems(&reference), [""; 0], "{title}: {name}: {wrong}");
    }
}

#[test]
fn a_missing_or_unknown_field_in_the_reference_is_found() {
    let (heading, title) = ("Comparing answers", "field of `compare`");
    let rows: [fn(&str) -> String; 3] = [
        |_| String::new(),
        |row| row.replacen("`samples`", "`sample`", 1) + "\n",
        |row| format!("{row}\n{row}\n"),
    ];
    for row in rows {
        assert_ne!(problems(&changed(heading, title, "samples", row)), [""; 0]);
    }
}
