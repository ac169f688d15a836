//! The table of all rows.

use std::path::{Path, PathBuf};

use anyhow::Result;
use halftone_lab::proxy::{Plugin, Proxy};
use halftone_lab::tools;
use halftone_lab::workload::native::by_version;
use halftone_lab::workload::upstreams::{Answers, LATER, NOW, V1, V2};
use halftone_lab::workload::{HOST, halftone, native};

use crate::settings::Settings;

/// The end of the keys of rows with another build.
const OTHER: &str = "-other";

/// The name of a counter, and some of its labels.
pub type Counter = (&'static str, &'static [(&'static str, &'static str)]);

const MATCHED: Counter = decided(&[
    ("release", HOST),
    ("version", V2),
    ("reason", "rule:testers"),
]);
const SPLIT: Counter = decided(&[("release", HOST), ("reason", "split")]);
const SESSION: Counter = decided(&[("release", HOST), ("reason", "session")]);
const ANSWERED: Counter = ("halftone_mirrors_total", &[("outcome", "answered")]);
const SAME: Counter = ("halftone_comparisons_total", &[("result", "same")]);

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name in `ROWS` and in the file of results.
    pub key: String,
    /// Its name in tables.
    pub name: String,
    /// The key of its base, the row that it is compared with.
    pub base: Option<String>,
    /// The versions that answer.
    pub answers: Answers,
    /// Whether each request also goes to the mirror.
    pub mirrored: bool,
    /// The timestamp in the mirror's answers.
    pub mirror_time: &'static str,
    /// The counters that count each request.
    pub counters: Vec<Counter>,
    /// Adds the routes and the plugin to a proxy that has the clusters.
    complete: fn(Proxy) -> Proxy,
    module: Module,
}

/// The module of a row's plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Module {
    /// There is no plugin.
    None,
    Empty,
    Halftone,
    /// Another build of Halftone.
    Other(PathBuf),
}

/// The keys of all rows.
pub fn keys() -> Vec<String> {
    all().into_iter().map(|row| row.key).collect()
}

/// The rows that `settings` select.
pub fn chosen(settings: &Settings) -> Vec<Row> {
    let mut rows = all();
    rows.retain(|row| settings.wants(&row.key));
    if let Some(module) = &settings.compare_with {
        let ours = rows.iter().filter(|row| row.module == Module::Halftone);
        rows.extend(ours.map(|row| row.other(module)).collect::<Vec<_>>());
    }
    rows
}

fn all() -> Vec<Row> {
    let ours = |key, name, complete, answers, counter| {
        Row::new(key, name, complete, answers)
            .over("none")
            .runs(Module::Halftone)
            .counted(&[counter])
    };
    let (v1, v2) = (Answers::All(V1), Answers::All(V2));
    vec![
        Row::new("none", "no filter", by_version, v1),
        Row::new("native-header", "Envoy's header match", native::header, v2).over("none"),
        Row::new(
            "native-split",
            "Envoy's weighted clusters",
            native::split,
            Answers::Halves,
        )
        .over("none"),
        Row::new("native-mirror", "Envoy's mirror", native::mirror, v2)
            .over("native-header")
            .mirrored(),
        Row::new("empty", "empty filter of the Rust SDK", empty, v1)
            .over("none")
            .runs(Module::Empty),
        Row::new("lua", "Lua, split", native::lua, Answers::Halves).over("none"),
        ours(
            "header",
            "Halftone, header rule",
            halftone::header,
            v2,
            MATCHED,
        ),
        ours(
            "split",
            "Halftone, split",
            halftone::split,
            Answers::Halves,
            SPLIT,
        ),
        ours(
            "session",
            "Halftone, session split",
            halftone::session,
            Answers::One,
            SESSION,
        ),
        ours(
            "releases",
            "Halftone, 1,000 releases",
            halftone::thousand,
            v2,
            MATCHED,
        ),
        ours(
            "rules",
            "Halftone, 100 rules",
            halftone::hundred_rules,
            v2,
            MATCHED,
        ),
        ours("mirror", "Halftone, mirror", halftone::mirror, v2, MATCHED)
            .over("header")
            .mirrored()
            .counted(&[ANSWERED]),
        ours(
            "compare",
            "Halftone, compare: equal",
            halftone::compare,
            v2,
            MATCHED,
        )
        .over("header")
        .mirrored()
        .counted(&[ANSWERED, SAME]),
        ours(
            "ignore",
            "Halftone, compare: differs where ignored",
            halftone::compare,
            v2,
            MATCHED,
        )
        .over("header")
        .mirrored()
        .mirror_time(LATER)
        .counted(&[ANSWERED, SAME]),
    ]
}

impl Row {
    fn new(key: &str, name: &str, complete: fn(Proxy) -> Proxy, answers: Answers) -> Self {
        Self {
            key: key.to_owned(),
            name: name.to_owned(),
            base: None,
            answers,
            mirrored: false,
            mirror_time: NOW,
            counters: Vec::new(),
            complete,
            module: Module::None,
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
        self.counters.extend(counters);
        self
    }

    fn runs(mut self, module: Module) -> Self {
        self.module = module;
        self
    }

    /// The same row with another build of the filter. This row is its base.
    fn other(&self, module: &Path) -> Self {
        Self {
            key: format!("{}{OTHER}", self.key),
            name: format!("{} (other build)", self.name),
            base: Some(self.key.clone()),
            module: Module::Other(module.to_owned()),
            ..self.clone()
        }
    }

    /// Whether it has a plugin.
    pub fn has_plugin(&self) -> bool {
        self.module != Module::None
    }

    /// The complete proxy, made from one that has the clusters. It has one worker.
    ///
    /// # Errors
    ///
    /// When its module does not exist.
    pub fn proxy(&self, proxy: Proxy) -> Result<Proxy> {
        let proxy = (self.complete)(proxy.concurrency(1));
        Ok(match &self.module {
            Module::None => proxy,
            Module::Empty => proxy.module(tools::empty_module()?),
            Module::Halftone => proxy.module(tools::module()?),
            Module::Other(module) => proxy.module(module),
        })
    }
}

const fn decided(labels: &'static [(&'static str, &'static str)]) -> Counter {
    ("halftone_requests_total", labels)
}

fn empty(proxy: Proxy) -> Proxy {
    by_version(proxy.plugin(Plugin::new("empty")))
}
