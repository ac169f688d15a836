//! `status` on a real Envoy with traffic.

#![allow(clippy::indexing_slicing, reason = "a test may fail")]

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use halftone_lab::showcase::Showcase;
use halftone_lab::upstream::Script;
use halftone_lab::wait;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// Requests a second to the release `reviews`.
const RATE: f64 = 60.0;

/// The longest time that a condition takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn status(showcase: &Showcase, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halftonectl"));
    command.arg("status").arg(showcase.file());
    command
        .arg("--admin")
        .arg(format!("http://{}", showcase.envoy.admin()));
    command.args(["--release", "reviews"]).args(args);
    command.kill_on_drop(true);
    command
}

/// The exit status and the text.
async fn text(showcase: &Showcase) -> Result<(Option<i32>, String)> {
    let output = status(showcase, &[]).output().await?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_release_is_what_its_proxies_do() -> Result<()> {
    let showcase = Showcase::start(RATE).await?;

    // A busy machine sends few requests in the first seconds.
    wait::until(PATIENCE, "numbers of both versions", async || {
        let output = status(&showcase, &["--output", "json"]).output().await?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let release = &report["releases"][0];
        let versions = release["versions"].as_array().context("no versions")?;
        let is_measured = |version: &Value| {
            ["observed", "rate", "success", "p50", "p99"]
                .iter()
                .all(|field| version[*field].as_f64().is_some_and(|value| value > 0.0))
        };
        let share = |index: usize| versions[index]["observed"].as_f64().unwrap_or_default();
        if !versions.iter().all(is_measured)
            || release["mirrors"][0]["outcomes"]["answered"].is_null()
        {
            return Ok(false);
        }
        ensure!(output.status.code() == Some(0), "{report:#}");
        ensure!((share(0) + share(1) - 1.0).abs() < 1e-9, "{report:#}");
        ensure!(share(0) > share(1), "{report:#}");
        ensure!(versions[1]["configured"] == 0.1, "{report:#}");
        ensure!(release["differs"] == false, "{report:#}");
        ensure!(release["guard"] == serde_json::json!([]), "{report:#}");
        Ok(true)
    })
    .await?;

    let mut watch = status(&showcase, &["--watch"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn()?;
    let lines = watch.stdout.take().context("no standard output")?;
    let mut lines = BufReader::new(lines).lines();
    let found = async {
        while let Some(line) = lines.next_line().await? {
            let parts = [
                " release=reviews version=v2 configured=0.1000 observed=",
                " p99=",
            ];
            if parts.iter().all(|part| line.contains(part)) {
                return Ok(());
            }
        }
        anyhow::bail!("status --watch ended")
    };
    timeout(PATIENCE, found)
        .await
        .context("no line with numbers of v2")??;
    watch.kill().await?;

    let before = fs::read_to_string(showcase.file())?;
    fs::write(showcase.file(), before.replace("weight: 10", "weight: 30"))?;
    let (code, out) = text(&showcase).await?;
    let differs = "the proxies report other configured shares: they serve another configuration";
    ensure!(code == Some(1) && out.contains(differs), "{out}");
    fs::write(showcase.file(), before)?;

    let [_, v2, _] = &showcase.versions;
    v2.script(Script::status(500));
    let failed = "  guard     v2 failed: v1 has the traffic\n";
    wait::until(PATIENCE, "the guard's verdict", async || {
        let (code, out) = text(&showcase).await?;
        ensure!(code.is_some_and(|code| code < 2), "{out}");
        Ok(code == Some(1) && out.contains(failed))
    })
    .await
}
