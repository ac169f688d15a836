//! `make console`: an Envoy with Halftone, two versions, a mirror, steady traffic, and the console.
//!
//! Everything runs until Ctrl-C. `PORT` sets the port of the console. The program `halftonectl` must be beside this one.

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use halftone_lab::showcase::Showcase;
use tokio::process::Command;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

/// Requests a second to the release `reviews`.
const RATE: f64 = 60.0;

#[tokio::main]
async fn main() -> ExitCode {
    match show().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The console failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn show() -> Result<()> {
    let showcase = Showcase::start(RATE).await?;
    let port = env::var("PORT").unwrap_or_else(|_| "0".into());
    let program = env::current_exe()
        .context("finding this program")?
        .with_file_name("halftonectl");
    println!("Envoy serves at http://{}", showcase.envoy.address());
    println!("The configuration is {}", showcase.file().display());
    let mut console = Command::new(&program)
        .args(showcase.arguments(&format!("127.0.0.1:{port}")))
        .kill_on_drop(true)
        .spawn()
        .with_context(|| {
            format!(
                "starting {}; build it with `make console`",
                program.display()
            )
        })?;
    let mut terminated = signal(SignalKind::terminate()).context("waiting for a signal")?;
    tokio::select! {
        pressed = ctrl_c() => pressed.context("waiting for Ctrl-C")?,
        _ = terminated.recv() => {}
        ended = console.wait() => {
            let status = ended.context("waiting for the console")?;
            bail!("the console ended, {status}");
        }
    }
    // Ctrl-C reaches the console too, so it may have ended already.
    let _ = console.kill().await;
    Ok(())
}
