//! `completions`: the completions of command lines for a shell.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::outcome::{Failure, Verdict};

/// Prints the completions for `shell`.
///
/// # Errors
///
/// `out` cannot be written.
pub fn run(shell: Shell, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "halftonectl", &mut text);
    out.write_all(&text)?;
    Ok(Verdict::Fine)
}
