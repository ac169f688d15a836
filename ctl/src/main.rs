//! Checks, explains, tries out and renders Halftone's configurations. The library is the map.

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
