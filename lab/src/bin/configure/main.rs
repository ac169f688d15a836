//! The time that Envoy needs for a large configuration: `cargo run --profile bench -p halftone-lab --bin configure`. `ROUNDS`
//! defaults to 5.
//!
//! The filter logs how long it took to read a configuration and to define its metrics. Envoy applies a configuration several
//! times: first in a VM for a trial, then in the VM of each thread. A round starts an Envoy with an empty configuration,
//! applies the large one, as a mesh does, and then one in which a release has changed. [`times`] reads the log.

mod times;

use std::env;
use std::fs;
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use halftone_lab::envoy::{Applied, Envoy};
use halftone_lab::proxy::{Plugin, Proxy};
use halftone_lab::{tools, wait, workload};
use serde_json::{Value, json};

use times::Times;

/// The size of the configuration.
const RELEASES: usize = 1_000;
const RULES: usize = 10;

/// The place that an update changes.
const CHANGED: &str = "/releases/500/canary/split/0/weight";

/// The plugin's name.
const PLUGIN: &str = "halftone";

/// The number of worker threads. The main thread has a VM too.
const WORKERS: u32 = 1;

/// The file of the results.
const FILE: &str = "target/bench/configure.json";

/// Times in milliseconds, one for each measurement.
#[derive(Debug, Default)]
struct Measured(Vec<f64>);

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = match env::var("ROUNDS") {
        Ok(text) => text.parse().context("ROUNDS: expected a number")?,
        Err(_) => 5,
    };
    let mut config = workload::configuration(RELEASES, RULES);
    let text = config.to_string();
    if let Some(weight) = config.pointer_mut(CHANGED) {
        *weight = 11.into();
    }
    let changed = config.to_string();
    ensure!(changed != text, "{CHANGED} is not in the configuration");
    let [
        mut read,
        mut defined,
        mut read_beside,
        mut defined_again,
        mut live,
        mut updated,
    ] = [(); 6].map(|()| Measured::default());
    for _ in 0..rounds {
        let (times, update, applied) = round(&text, &changed).await?;
        // The trial runs first and alone. Then all threads run at once, when Envoy already has the names of the metrics.
        for (place, times) in times.iter().enumerate() {
            let (read, defined) = match place {
                0 => (&mut read, &mut defined),
                _ => (&mut read_beside, &mut defined_again),
            };
            read.0.push(times.read);
            defined.0.push(times.defined);
        }
        live.0.push(applied.as_secs_f64() * 1e3);
        // The trial reads the whole configuration. It runs on the main thread, which serves no requests.
        updated
            .0
            .extend(update.iter().skip(1).map(|times| times.read));
    }
    report(
        rounds,
        text.len(),
        [
            ("read, on trial", read),
            ("read, in all threads at once", read_beside),
            ("metrics defined, on trial", defined),
            ("metrics defined, in all threads", defined_again),
            ("live on every worker", live),
            ("read, one release changed", updated),
        ],
    )
}

/// The times that the plugin logged for `config`, those for the update `changed`, and the time until `config` was live
/// on every worker.
async fn round(config: &str, changed: &str) -> Result<(Vec<Times>, Vec<Times>, Duration)> {
    let plugin = Plugin::new(PLUGIN).config(r#"{"releases": []}"#);
    let envoy = Envoy::start(Proxy::new().concurrency(WORKERS).plugin(plugin)).await?;
    let began = Instant::now();
    let applied = envoy.apply(PLUGIN, Some(config)).await?;
    let took = began.elapsed();
    ensure!(
        applied == Applied::Accepted,
        "Halftone rejected the configuration"
    );
    let times = times_after(&envoy, 0).await?;
    let applied = envoy.apply(PLUGIN, Some(changed)).await?;
    ensure!(applied == Applied::Accepted, "Halftone rejected the update");
    let updated = times_after(&envoy, times.len()).await?;
    envoy.check_health().await?;
    envoy.stop().await?;
    Ok((times, updated, took))
}

/// The times that the plugin logs after the first `before`, from every VM.
async fn times_after(envoy: &Envoy, before: usize) -> Result<Vec<Times>> {
    let patience = Duration::from_secs(10);
    wait::some(patience, "every VM to be configured", async || {
        let times = times::of(&envoy.log()?, RELEASES).split_off(before);
        Ok((times.len() > WORKERS as usize).then_some(times))
    })
    .await
}

fn report(rounds: usize, bytes: usize, rows: [(&str, Measured); 6]) -> Result<()> {
    let mut json = json!({"rounds": rounds, "releases": RELEASES, "rules": RULES, "bytes": bytes});
    let mut text = format!(
        "{RELEASES} releases of {RULES} rules each, {} KB of JSON, {rounds} times; milliseconds:\n\n",
        bytes / 1000
    );
    for (name, mut measured) in rows {
        measured.0.sort_unstable_by(f64::total_cmp);
        let all = &measured.0;
        let at = |place: usize| all.get(place).copied().unwrap_or(f64::NAN);
        let (median, least, most) = (at(all.len() / 2), at(0), at(all.len().saturating_sub(1)));
        text += &format!("{name:<32}{median:>7.0}  ({least:.0} to {most:.0})\n");
        if let Some(json) = json.as_object_mut() {
            let spread: Value = json!({"median": median, "min": least, "max": most});
            json.insert(name.to_owned(), spread);
        }
    }
    let file = tools::workspace().join(FILE);
    file.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&file, format!("{json:#}\n")))
        .with_context(|| format!("writing {FILE}"))?;
    write!(stdout(), "{text}").context("printing")
}
