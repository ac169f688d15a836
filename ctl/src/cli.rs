//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::verbs::{check, explain, render, simulate, test};

/// Checks, explains, tries out and renders Halftone's configurations.
#[derive(Debug, Parser)]
#[command(
    name = "halftonectl",
    version,
    after_help = "FILE is a plugin configuration, or a WasmPlugin or TrafficExtension that holds one, in YAML or JSON; - is standard input.\n\nExit status: 0 fine, 1 findings, 2 usage."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print everything that is wrong with configurations and the resources beside them
    Check(check::Args),
    /// Print the decision for a request, and how it came about
    Explain(explain::Args),
    /// Print the expected and the observed share of each version
    Simulate(simulate::Args),
    /// Run case files
    Test(test::Args),
    /// Print the resources for a configuration
    Render(Box<render::Args>),
    /// Print the JSON Schema of the plugin configuration
    Schema,
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}
