//! `make demo`: plays releases of a service `reviews` in a real Envoy, with real requests.
//!
//! The demo prints what it does, what it expects and what it observes. It exits with 1 when an observation is not as expected.
//! With `KEEP=1` everything keeps running after the scenes, for you to try with curl. `PORT` sets the port of Envoy's
//! listener; the admin interface gets the next port.
//!
//! # Layout
//!
//! - [`scenes`] has a file for each scene: a configuration, requests, and the expected result.
//! - [`stage`] starts what the scenes need: two versions of `reviews`, and mirrors, behind Envoy with Halftone.
//! - [`copies`] reads the outcomes of mirrored requests.
//! - [`story`] prints, and counts the observations; [`table`] compares them.
//! - [`ports`] reads `PORT`.
//! - [`encore`] is `KEEP=1`.

mod copies;
mod encore;
mod ports;
mod scenes;
mod stage;
mod story;
mod table;

use std::env;
use std::process::ExitCode;

use tokio::signal::ctrl_c;

use stage::Stage;
use story::Story;

/// The exit code that a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    play().await.unwrap_or_else(|error| {
        eprintln!("The demo failed: {error:#}");
        ExitCode::FAILURE
    })
}

async fn play() -> anyhow::Result<ExitCode> {
    let keep = env::var_os("KEEP").is_some_and(|keep| keep == "1");
    let ports = ports::choose(env::var("PORT").ok().as_deref(), keep)?;

    let stage = Stage::start(ports).await?;
    let mut story = Story::default();
    tokio::select! {
        played = scenes::play(&stage, &mut story) => played?,
        pressed = ctrl_c() => {
            pressed?;
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    let as_expected = story.verdict()?;
    if keep {
        encore::play(&stage, &mut story).await?;
    }
    stage.stop().await?;
    Ok(if as_expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
