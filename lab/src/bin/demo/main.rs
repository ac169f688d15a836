//! `make demo`: releases of a service `reviews`, played in a real Envoy under real requests.
//!
//! It tells what it does, what it expects and what it sees, and ends with 1 when the two differ.
//! With `KEEP=1` it leaves everything running after the scenes, for curl.
//!
//! # Layout
//!
//! - [`scenes`] has a file for each scene: a configuration, requests, and what must come of them.
//! - [`stage`] is what they play on: two versions of `reviews`, and mirrors, behind Envoy with Halftone.
//! - [`copies`] reads what became of the copies that mirrors got.
//! - [`story`] prints, and keeps the score; [`table`] compares.
//! - [`encore`] is `KEEP=1`.

mod copies;
mod encore;
mod scenes;
mod stage;
mod story;
mod table;

use std::env;
use std::process::ExitCode;

use tokio::signal::ctrl_c;

use stage::{Ports, Stage};
use story::Story;

/// What a shell reports of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let keep = env::var_os("KEEP").is_some_and(|keep| keep == "1");
    let ports = if keep { encore::ports()? } else { Ports::ANY };

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
