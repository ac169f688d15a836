//! What is measured: an Envoy without a filter, with two that are compared with, and with Halftone.

use std::fs;

use anyhow::{Context, Result, ensure};
use halftone_lab::envoy::Envoy;
use halftone_lab::load::Load;
use halftone_lab::proxy::{Plugin, Proxy};
use halftone_lab::workload::upstreams::{Answers, NOW, Upstreams, V1, V2};
use halftone_lab::workload::{halftone, native, traffic};
use halftone_lab::{cpu, tools};

use crate::callgrind::Callgrind;

/// Requests before the first that count: V8 compiles functions that run often again, and Envoy opens its connections.
const WARM_UP: u64 = 1_000;

/// Requests that are counted together.
const REQUESTS: u64 = 400;

/// How often they are counted. The result is the median.
const ROUNDS: usize = 3;

/// A filter that is as cheap as a filter can be that decides and counts a request.
const FLOOR: &str = include_str!("floor.wat");

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row {
    None,
    Empty,
    Floor,
    Header,
    Guarded,
    FallingBack,
}

/// The cost of a request in one row.
#[derive(Debug)]
pub struct Cost {
    pub row: Row,
    /// The instructions of Envoy for a request; the median of the rounds.
    pub instructions: u64,
    /// The difference of the greatest and the least round, as a share of the median.
    pub spread: f64,
    /// The private memory of Envoy with one worker, in bytes.
    pub memory: u64,
}

impl Row {
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Empty,
        Self::Floor,
        Self::Header,
        Self::Guarded,
        Self::FallingBack,
    ];

    pub fn key(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Empty => "empty",
            Self::Floor => "floor",
            Self::Header => "header",
            Self::Guarded => "guarded",
            Self::FallingBack => "falling_back",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no filter",
            Self::Empty => "empty filter of the Rust SDK",
            Self::Floor => "floor: raw calls, no decision",
            Self::Header => "Halftone, header rule",
            Self::Guarded => "the same with guard",
            Self::FallingBack => "the same with guard, fallback",
        }
    }

    pub async fn measure(self, upstreams: &Upstreams) -> Result<Cost> {
        let memory = self.memory(upstreams).await?;
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

    async fn memory(self, upstreams: &Upstreams) -> Result<u64> {
        let envoy = Envoy::start(self.proxy(upstreams)?).await?;
        self.send(&envoy, upstreams, WARM_UP).await?;
        envoy.check_health().await?;
        cpu::rest(envoy.pid()).await?;
        let memory = envoy.private_memory()?;
        envoy.stop().await?;
        Ok(memory)
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
        let answers = match self {
            Self::None | Self::Empty => Answers::All(V1),
            Self::Floor | Self::Header | Self::Guarded | Self::FallingBack => Answers::All(V2),
        };
        answers.check(upstreams.received())
    }

    fn proxy(self, upstreams: &Upstreams) -> Result<Proxy> {
        let proxy = upstreams.proxy().concurrency(1);
        let plugin = |proxy: Proxy| native::by_version(proxy.plugin(Plugin::new(self.key())));
        Ok(match self {
            Self::None => native::by_version(proxy),
            Self::Empty => plugin(proxy).module(tools::empty_module()?),
            Self::Floor => {
                let module = tools::workspace().join("target/floor.wasm");
                let bytes = wat::parse_str(FLOOR).context("compiling floor.wat")?;
                fs::write(&module, bytes)
                    .with_context(|| format!("writing {}", module.display()))?;
                plugin(proxy).module(module)
            }
            Self::Header => halftone::header(proxy),
            Self::Guarded => halftone::guarded(proxy),
            Self::FallingBack => halftone::falling_back(proxy),
        })
    }
}
