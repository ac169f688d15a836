//! A mirror that answers late, and differently.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use halftone_lab::load::Report;
use halftone_lab::upstream::Script;
use serde_json::Value;
use tokio::time::sleep;

use crate::copies::{self, PRODUCTION};
use crate::stage::{Stage, by_name};
use crate::story::Story;
use crate::table::{Row, thousands};

const MIRRORS: &str = "
  mirrors:
  - name: v3
    cluster: reviews-v3
    maxInFlight: 1000
    compare: { ignore: [/timestamp] }
";

/// The two configurations take turns, so that other load on the machine affects both.
const ROUNDS: u64 = 5;

/// The number of requests in each round, for each of the two configurations.
const REQUESTS: u64 = 400;

/// The delay of the mirror's answers.
const LATE: Duration = Duration::from_millis(500);

/// The most by which production's p99 may grow, in milliseconds; a busy machine needs this much. If production waited for the
/// mirror, the p99 would grow by 500.
const TOLERANCE: f64 = 100.0;

pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.scene(
        "A late mirror with different answers",
        "v3 gets a copy of every request. It answers after 0.5 s, with one star less and another\n\
         timestamp. Production does not wait for it. Halftone reports the difference in stars\n\
         and ignores the timestamp. Each of 5 rounds has 400 requests without v3 and 400 with\n\
         v3.",
    )?;
    let mirrored = format!("{}{MIRRORS}", PRODUCTION.trim_end());
    story.quote("Configuration with v3", &mirrored)?;
    stage.v1.direct(|_| review(5));
    stage.v3.direct(|_| review(4).delay(LATE));
    let log_before = stage.envoy.log()?.len();

    let (mut without, mut with) = (Vec::new(), Vec::new());
    let mut failed = 0;
    let mut copies = String::new();
    for round in 1..=ROUNDS {
        for (config, p99s) in [(PRODUCTION, &mut without), (&mirrored, &mut with)] {
            stage.configure(config).await?;
            let report = load(stage).await?;
            failed += report.failed();
            p99s.push(milliseconds(report.latency(99)));
        }
        // The last answers of the mirror arrive after this time.
        sleep(LATE).await;
        copies = copies::outcomes(stage, "v3", round * REQUESTS).await?;
    }
    stage.v1.script(by_name("v1"));
    stage.v3.script(by_name("v3"));
    story.quote(
        "p99 of production in each round, in milliseconds",
        &format!("without v3 {}\nwith v3    {}", list(&without), list(&with)),
    )?;

    let sent = ROUNDS * REQUESTS;
    let results = copies::results(stage, "v3", sent).await?;
    let log = stage.envoy.log()?;
    let samples = samples(log.get(log_before..).unwrap_or_default());
    let sample = samples.first().context("no sample in Envoy's log")?;
    story.quote("A pair of different answers in Envoy's log", sample)?;

    let grown = with
        .iter()
        .zip(&without)
        .map(|(with, without)| with - without);
    story.observe(vec![
        Row::none("requests that failed", failed),
        Row::milliseconds(
            "increase of p99 with v3 (median)",
            TOLERANCE,
            median(grown.collect()),
        ),
        Row::count("copies that v3 received", sent, stage.v3.received()),
        Row::text(
            "  halftone_mirrors_total",
            &format!("{} answered", thousands(sent)),
            &copies,
        ),
        Row::text(
            "  halftone_comparisons_total",
            &format!("{} body", thousands(sent)),
            &results,
        ),
        Row::text(
            "  differences in the samples",
            "/stars",
            &differing(&samples)?,
        ),
    ])
}

/// An answer with `stars` and the current time.
fn review(stars: u32) -> Script {
    let timestamp = SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap_or_default()
        .as_nanos();
    Script::status(200)
        .header("content-type", "application/json")
        .body(format!(
            r#"{{"id":17,"stars":{stars},"timestamp":{timestamp}}}"#
        ))
}

async fn load(stage: &Stage) -> Result<Report> {
    let load = stage.load().path("/reviews/17").connections(4);
    load.run(REQUESTS).await
}

/// The lines in `log` about pairs that differ, without timestamps.
fn samples(log: &str) -> Vec<&str> {
    let said = log
        .lines()
        .filter_map(|line| line.get(line.find("halftone: {")?..));
    said.collect()
}

/// The JSON pointers in the samples, without duplicates.
fn differing(samples: &[&str]) -> Result<String> {
    let mut pointers = BTreeSet::new();
    for sample in samples {
        let json = sample.trim_start_matches("halftone: ");
        let sample: Value = serde_json::from_str(json).context("reading a sample")?;
        let differences = sample.get("differences").and_then(Value::as_array);
        for difference in differences.into_iter().flatten() {
            let pointer = difference.get("pointer").and_then(Value::as_str);
            pointers.insert(pointer.unwrap_or("(no pointer)").to_owned());
        }
    }
    Ok(Vec::from_iter(pointers).join(", "))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn list(p99s: &[f64]) -> String {
    p99s.iter().map(|p99| format!("{p99:6.1}")).collect()
}
