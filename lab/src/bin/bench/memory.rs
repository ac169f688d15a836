//! The memory of an idle plugin for each worker.

use anyhow::{Context, Result};
use halftone_lab::cpu;
use halftone_lab::envoy::Envoy;
use halftone_lab::workload::halftone::header;
use halftone_lab::workload::native::by_version;
use halftone_lab::workload::upstreams::Upstreams;
use serde_json::{Value, json};

use crate::spread::Spread;

/// The number of workers of the smaller and of the larger Envoy.
const WORKERS: [u32; 2] = [1, 5];

/// The private memory that a plugin with one release and one rule adds to an Envoy, in bytes.
#[derive(Debug)]
pub struct Memory {
    /// An Envoy with one worker and no plugin.
    without: Spread,
    /// What the plugin adds there: V8, the module's code, and a VM for the main thread and one for the worker.
    first: Spread,
    /// What the plugin adds for each further worker.
    each: Spread,
}

/// Starts each kind of Envoy `starts` times, and reads its memory.
pub async fn measure(starts: u64) -> Result<Memory> {
    let upstreams = Upstreams::start().await?;
    let (mut without, mut first, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..starts {
        let mut found = [0.0; 4];
        let [one, more] = WORKERS;
        let kinds = [(false, one), (true, one), (false, more), (true, more)];
        for (found, (plugin, workers)) in found.iter_mut().zip(kinds) {
            *found = private(&upstreams, plugin, workers).await?;
        }
        let [without_one, with_one, without_more, with_more] = found;
        without.push(without_one);
        first.push(with_one - without_one);
        each.push(((with_more - with_one) - (without_more - without_one)) / f64::from(more - one));
    }
    let spread = |numbers| Spread::of(numbers).context("no starts");
    Ok(Memory {
        without: spread(without)?,
        first: spread(first)?,
        each: spread(each)?,
    })
}

/// The private memory of an idle Envoy.
async fn private(upstreams: &Upstreams, plugin: bool, workers: u32) -> Result<f64> {
    let proxy = upstreams.proxy().concurrency(workers);
    let envoy = Envoy::start(if plugin {
        header(proxy)
    } else {
        by_version(proxy)
    })
    .await?;
    envoy.check_health().await?;
    cpu::rest(envoy.pid()).await?;
    let private = envoy.private_memory()?;
    envoy.stop().await?;
    Ok(private as f64)
}

impl Memory {
    /// The result as a sentence.
    pub fn to_text(&self) -> String {
        let megabytes = |bytes: &Spread| {
            format!(
                "{:.2} MB ({:.2}..{:.2})",
                bytes.median() / 1e6,
                bytes.min() / 1e6,
                bytes.max() / 1e6
            )
        };
        format!(
            "Private memory of an idle Envoy: {} with one worker and no plugin; the plugin adds {}, and {} for each further worker.",
            megabytes(&self.without),
            megabytes(&self.first),
            megabytes(&self.each)
        )
    }

    /// The entry in the file of results.
    pub fn to_json(&self) -> Value {
        json!({
            "without_bytes": self.without.to_json(),
            "adds_bytes": self.first.to_json(),
            "adds_for_each_worker_bytes": self.each.to_json(),
        })
    }
}
