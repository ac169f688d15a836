//! What is measured: a table of rows, to which others can be added.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use halftone_lab::proxy::{Plugin, Proxy, Route};
use serde_json::{Value, json};

use crate::ratios::Ratio;
use crate::settings::Settings;
use crate::traffic::HOST;

/// The cluster that answers.
pub const SERVICE: &str = "service";

/// The cluster that mirrored requests go to.
pub const MIRROR: &str = "mirror";

/// When the service's answers were made, as they say.
pub const NOW: &str = "2026-01-01T00:00:00.000Z";

/// The same of a mirror that takes its time.
const LATER: &str = "2026-01-01T00:00:00.001Z";

/// What the keys of rows with the other build end with.
const OTHER: &str = "-other";

/// A counter, by its name and some of its labels.
pub type Counter = (&'static str, &'static [(&'static str, &'static str)]);

const DECIDED: Counter = (
    "halftone_requests_total",
    &[("release", HOST), ("version", "v1"), ("reason", "active")],
);
const ANSWERED: Counter = ("halftone_mirrors_total", &[("outcome", "answered")]);
const SAME: Counter = ("halftone_comparisons_total", &[("result", "same")]);

/// What is divided by what: what a row adds to another, by what Envoy's own mirror adds to no filter.
pub const RATIOS: [Ratio; 4] = [
    Ratio::new("a mirrored GET", "mirror", "halftone", Some(1.25)),
    Ratio::new(
        "a mirrored GET, the filter's own cost in it",
        "mirror",
        "none",
        None,
    ),
    Ratio::new(
        "a mirrored and compared GET",
        "compare",
        "halftone",
        Some(1.6),
    ),
    Ratio::new(
        "a mirrored GET, compared field by field",
        "ignore",
        "halftone",
        None,
    ),
];

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called by in `ROWS` and in the results.
    pub key: String,
    /// What it is, for the reader.
    pub name: String,
    /// The key of the row that it is compared with.
    pub base: Option<String>,
    /// Whether each request also goes to [`MIRROR`].
    pub mirrored: bool,
    /// The timestamp in the mirror's answers.
    pub mirror_time: &'static str,
    /// The counters that count each request.
    pub counters: Vec<Counter>,
    /// What it makes of an Envoy that knows [`SERVICE`] and [`MIRROR`].
    complete: fn(Proxy) -> Proxy,
    /// The filter's module, if it is another one.
    module: Option<PathBuf>,
}

/// The rows that `settings` ask for.
pub fn chosen(settings: &Settings) -> Result<Vec<Row>> {
    let mut rows = all();
    for key in &settings.rows {
        ensure!(
            rows.iter().any(|row| row.key == *key),
            "ROWS: there is no {key}; there are {}",
            rows.iter()
                .map(|row| row.key.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    rows.retain(|row| settings.rows.is_empty() || settings.rows.contains(&row.key));
    if let Some(module) = &settings.compare_with {
        let others = rows.iter().filter(|row| row.counters.contains(&DECIDED));
        rows.extend(others.map(|row| row.other(module)).collect::<Vec<_>>());
    }
    Ok(rows)
}

fn all() -> Vec<Row> {
    vec![
        Row::new("none", "no filter", |proxy| routes(proxy, json!({}))),
        Row::new("native", "Envoy's own mirror", |proxy| {
            routes(
                proxy,
                json!({"request_mirror_policies": [{"cluster": MIRROR}]}),
            )
        })
        .over("none")
        .mirrored(),
        Row::new("halftone", "Halftone", |proxy| halftone(proxy, json!({})))
            .over("none")
            .counted(&[DECIDED]),
        Row::new("mirror", "Halftone, mirror", |proxy| {
            halftone(proxy, mirror(json!({})))
        })
        .over("halftone")
        .mirrored()
        .counted(&[DECIDED, ANSWERED]),
        Row::new("compare", "Halftone, compare: equal", compare)
            .over("halftone")
            .mirrored()
            .counted(&[DECIDED, ANSWERED, SAME]),
        Row::new(
            "ignore",
            "Halftone, compare: differs where ignored",
            compare,
        )
        .over("halftone")
        .mirrored()
        .mirror_time(LATER)
        .counted(&[DECIDED, ANSWERED, SAME]),
    ]
}

impl Row {
    fn new(key: &str, name: &str, complete: fn(Proxy) -> Proxy) -> Self {
        Self {
            key: key.to_owned(),
            name: name.to_owned(),
            base: None,
            mirrored: false,
            mirror_time: NOW,
            counters: Vec::new(),
            complete,
            module: None,
        }
    }

    fn over(mut self, base: &str) -> Self {
        self.base = Some(base.to_owned());
        self
    }

    fn mirrored(mut self) -> Self {
        self.mirrored = true;
        self
    }

    fn mirror_time(mut self, time: &'static str) -> Self {
        self.mirror_time = time;
        self
    }

    fn counted(mut self, counters: &[Counter]) -> Self {
        self.counters = counters.to_vec();
        self
    }

    /// The same with another build of the filter, compared with this one.
    fn other(&self, module: &Path) -> Self {
        Self {
            key: format!("{}{OTHER}", self.key),
            name: format!("{} (other build)", self.name),
            base: Some(self.key.clone()),
            module: Some(module.to_owned()),
            ..self.clone()
        }
    }

    /// The whole proxy, of one that knows the clusters. It has one worker, so that a round keeps it busy.
    pub fn proxy(&self, proxy: Proxy) -> Proxy {
        let proxy = (self.complete)(proxy.concurrency(1));
        match &self.module {
            Some(module) => proxy.module(module),
            None => proxy,
        }
    }
}

/// The same routes in every row, with `fields` of Envoy's `RouteAction`.
fn routes(proxy: Proxy, fields: Value) -> Proxy {
    let fields = json!({ "route": fields });
    proxy
        .route(
            Route::header("x-halftone-version", "v1")
                .to(SERVICE)
                .with(fields.clone()),
        )
        .route(Route::any().to(SERVICE).with(fields))
}

/// Halftone with one release, with `fields` besides its strategy.
fn halftone(proxy: Proxy, fields: Value) -> Proxy {
    let mut release = json!({
        "name": HOST,
        "hosts": [HOST],
        "principal": "v1",
        "blueGreen": {"active": "v1"},
    });
    if let (Some(release), Value::Object(fields)) = (release.as_object_mut(), fields) {
        release.extend(fields);
    }
    let config = json!({"releases": [release]}).to_string();
    routes(proxy, json!({})).plugin(Plugin::new("halftone").config(&config))
}

/// A mirror for all GET requests, with `fields`.
fn mirror(fields: Value) -> Value {
    let mut mirror = json!({
        "name": "shadow",
        "cluster": MIRROR,
        "percentage": 100,
        "methods": ["GET"],
    });
    if let (Some(mirror), Value::Object(fields)) = (mirror.as_object_mut(), fields) {
        mirror.extend(fields);
    }
    json!({"mirrors": [mirror]})
}

fn compare(proxy: Proxy) -> Proxy {
    let compare = json!({"body": "auto", "ignore": ["/timestamp"]});
    halftone(proxy, mirror(json!({ "compare": compare })))
}
