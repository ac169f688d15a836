//! What is measured: an Envoy without a filter, with filters that are compared with, and with Halftone.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use halftone_lab::envoy::Envoy;
use halftone_lab::load::Load;
use halftone_lab::proxy::{Plugin, Proxy};
use halftone_lab::workload::native::by_version;
use halftone_lab::workload::upstreams::{Answers, NOW, Upstreams, V1, V2};
use halftone_lab::workload::{halftone, native, traffic};
use halftone_lab::{cpu, tools, wait};

use crate::callgrind::Callgrind;

/// Requests before those that count: Envoy opens its connections, and Valgrind translates code that has run once.
const WARM_UP: u64 = 200;

/// Requests before the memory is measured.
const BEFORE_MEMORY: u64 = 1_000;

/// Requests that are counted together.
const REQUESTS: u64 = 200;

/// How often they are counted. The result is the median.
const ROUNDS: usize = 3;

/// The number of workers, besides the first, whose memory is measured.
const FURTHER_WORKERS: u32 = 4;

/// The longest time that the mirror may take to get all copies.
const PATIENCE: Duration = Duration::from_secs(30);

/// A filter that is as cheap as a filter can be that decides and counts a request.
const FLOOR: &str = include_str!("floor.wat");

/// The same, with a copy of each request to a mirror.
const FLOOR_MIRROR: &str = include_str!("floor_mirror.wat");

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in `ROWS` and in the file of results.
    pub key: &'static str,
    /// Its name in the table.
    pub name: &'static str,
    /// Adds the routes and the plugins to a proxy that has the clusters.
    complete: fn(Proxy) -> Proxy,
    module: Module,
    answers: Answers,
    /// Whether each request also goes to the mirror.
    is_mirrored: bool,
}

/// The module of a row's plugins.
#[derive(Clone, Copy, Debug)]
enum Module {
    Halftone,
    /// Another one, or none.
    Other(fn() -> Result<Option<PathBuf>>),
}

/// The cost of a request in one row.
#[derive(Debug)]
pub struct Cost {
    pub row: Row,
    /// The instructions of Envoy for a request; the median of the rounds.
    pub instructions: u64,
    /// The difference of the greatest and the least round, as a share of the median.
    pub spread: f64,
    /// The memory of Envoy. None: it was not measured.
    pub memory: Option<Memory>,
}

/// The private memory of Envoy, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// With one worker.
    pub first: u64,
    /// What each further worker adds.
    pub further: u64,
}

/// All rows.
pub fn all() -> Vec<Row> {
    let (v1, v2) = (Answers::All(V1), Answers::All(V2));
    let none = Module::Other(|| Ok(None));
    let empty = Module::Other(|| Ok(Some(tools::empty_module()?)));
    let floor = Module::Other(|| module("floor", FLOOR));
    let floor_mirror = Module::Other(|| module("floor-mirror", FLOOR_MIRROR));
    let plugin = |proxy: Proxy| by_version(proxy.plugin(Plugin::new("other")));
    let row = |key, name, complete, module, answers| Row {
        key,
        name,
        complete,
        module,
        answers,
        is_mirrored: false,
    };
    let ours = |key, name, complete: fn(Proxy) -> Proxy, answers| {
        row(key, name, complete, Module::Halftone, answers)
    };
    vec![
        row("none", "no filter", by_version, none, v1),
        row("empty", "empty filter of the Rust SDK", plugin, empty, v1),
        row("floor", "floor: raw calls, no decision", plugin, floor, v2),
        ours("header", "header rule", halftone::header, v2),
        ours(
            "uncounted",
            "header rule, responses not counted",
            halftone::uncounted,
            v2,
        ),
        ours("split", "split", halftone::split, Answers::Halves),
        ours("session", "session split", halftone::session, Answers::One),
        ours(
            "rules",
            "100 rules, the last matches",
            halftone::hundred_rules,
            v2,
        ),
        ours("releases", "1,000 releases", halftone::thousand, v2),
        ours("guard", "header rule, guard", halftone::guarded, v2),
        ours(
            "fallback",
            "header rule, guard, fallback",
            halftone::falling_back,
            v2,
        ),
        ours("ramp", "ramp, guard", halftone::ramped, v2),
        row("lua", "Lua, split", native::lua, none, Answers::Halves),
        row(
            "native-header",
            "Envoy's header match",
            native::header,
            none,
            v2,
        ),
        row("native-mirror", "Envoy's mirror", native::mirror, none, v2).mirrored(),
        row(
            "floor-mirror",
            "floor with a mirror",
            plugin,
            floor_mirror,
            v2,
        )
        .mirrored(),
        ours("mirror", "header rule, mirror", halftone::mirror, v2).mirrored(),
        ours(
            "compare",
            "header rule, compared mirror",
            halftone::compare,
            v2,
        )
        .mirrored(),
        ours(
            "plugins-2",
            "2 plugins",
            |proxy| halftone::plugins(proxy, 2),
            v2,
        ),
        ours(
            "plugins-10",
            "10 plugins",
            |proxy| halftone::plugins(proxy, 10),
            v2,
        ),
        ours(
            "plugins-50",
            "50 plugins",
            |proxy| halftone::plugins(proxy, 50),
            v2,
        ),
    ]
}

/// The path of the module that `text` is compiled to.
fn module(name: &str, text: &str) -> Result<Option<PathBuf>> {
    let path = tools::workspace().join(format!("target/{name}.wasm"));
    let bytes = wat::parse_str(text).with_context(|| format!("compiling {name}"))?;
    fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    Ok(Some(path))
}

impl Row {
    fn mirrored(self) -> Self {
        Self {
            is_mirrored: true,
            ..self
        }
    }

    /// Measures it, and the memory of Envoy too if `with_memory`.
    pub async fn measure(self, upstreams: &Upstreams, with_memory: bool) -> Result<Cost> {
        let memory = match with_memory {
            true => Some(self.memory(upstreams).await?),
            false => None,
        };
        let mut rounds = self.instructions(upstreams).await?;
        rounds.sort_unstable();
        let [least, .., most] = rounds;
        let instructions = rounds.get(ROUNDS / 2).copied().unwrap_or_default();
        Ok(Cost {
            row: self,
            instructions,
            spread: (most - least) as f64 / instructions.max(1) as f64,
            memory,
        })
    }

    async fn memory(self, upstreams: &Upstreams) -> Result<Memory> {
        let mut memories = [0; 2];
        for (workers, memory) in [1, 1 + FURTHER_WORKERS].into_iter().zip(&mut memories) {
            let envoy = Envoy::start(self.proxy(upstreams)?.concurrency(workers)).await?;
            self.send(&envoy, upstreams, BEFORE_MEMORY).await?;
            envoy.check_health().await?;
            cpu::rest(envoy.pid()).await?;
            *memory = envoy.private_memory()?;
            envoy.stop().await?;
        }
        let [first, all] = memories;
        Ok(Memory {
            first,
            further: all.saturating_sub(first) / u64::from(FURTHER_WORKERS),
        })
    }

    async fn instructions(self, upstreams: &Upstreams) -> Result<[u64; ROUNDS]> {
        let mut callgrind = Callgrind::new()?;
        let proxy = self.proxy(upstreams)?.launcher(callgrind.launcher());
        let envoy = Envoy::start(proxy).await?;
        envoy.check_health().await?;
        let pid = envoy.pid();
        callgrind.begin(pid)?;
        self.send(&envoy, upstreams, WARM_UP).await?;
        let mut rounds = [0; ROUNDS];
        callgrind.reset(pid)?;
        for round in &mut rounds {
            self.send(&envoy, upstreams, REQUESTS).await?;
            *round = callgrind.take(pid)? / REQUESTS;
        }
        Ok(rounds)
    }

    /// Sends `requests` over one connection, and checks that the right version answered all of them.
    async fn send(self, envoy: &Envoy, upstreams: &Upstreams, requests: u64) -> Result<()> {
        upstreams.begin(NOW);
        let load = traffic::requests(Load::new(envoy.address()).connections(1));
        let report = load.run(requests).await?;
        ensure!(
            report.failed() == 0 && report.answers() == requests,
            "{} of {requests} requests failed: {:?}",
            report.failed(),
            report.first_failure
        );
        self.answers.check(upstreams.received())?;
        let copies = if self.is_mirrored { requests } else { 0 };
        wait::until(PATIENCE, "the copies of all requests", async || {
            Ok(upstreams.mirrored() == copies)
        })
        .await
    }

    fn proxy(self, upstreams: &Upstreams) -> Result<Proxy> {
        let proxy = (self.complete)(upstreams.proxy().concurrency(1));
        Ok(match self.module {
            Module::Halftone => proxy.module(tools::module()?),
            Module::Other(module) => match module()? {
                Some(module) => proxy.module(module),
                None => proxy,
            },
        })
    }
}
