//! Checks, explains, simulates, tests, renders and changes Halftone's configurations.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = halftonectl::Cli::parse();
    let mut out = anstream::stdout().lock();
    match halftonectl::run(&cli, &mut out) {
        Ok(verdict) => verdict.into(),
        Err(failure) => {
            failure.print(&mut anstream::stderr().lock());
            failure.into()
        }
    }
}
