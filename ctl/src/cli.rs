//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::verbs::{
    act, check, console, explain, export, import, invite, merge, render, simulate, status, test,
};

/// Checks, explains, simulates, tests, renders and changes Halftone's configurations
#[derive(Debug, Parser)]
#[command(
    name = "halftonectl",
    version,
    after_help = "FILE is YAML or JSON: a plugin configuration, or a WasmPlugin or TrafficExtension that contains one. Write - for standard input.\n\nExit status: 0 fine, 1 findings, 2 usage error."
)]
pub struct Cli {
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check configurations, and the routes and subsets that belong to them
    Check(check::Args),
    /// Print the decision for a request, and how it comes about
    Explain(explain::Args),
    /// Print the expected and the observed share of each version
    Simulate(simulate::Args),
    /// Run case files
    Test(test::Args),
    /// Print the resources for a configuration
    Render(Box<render::Args>),
    /// Print the releases of many files as one plugin
    Merge(Box<merge::Args>),
    /// Print the state of each release, and what its versions do now
    Status(status::Args),
    /// Write releases for the grayscale releases of Istio and other tools
    Import(import::Args),
    /// Print what a release does now as plain weights, to go on without Halftone
    Export(export::Args),
    /// Set weights of a canary, as in v2=30
    SetWeight(act::WeightArgs),
    /// Give all traffic of a canary to one version
    TakeOver(act::VersionArgs),
    /// End a take-over, so that rules and split decide again
    Restore(act::AloneArgs),
    /// Make a version of a blue-green release the active one
    Switch(act::VersionArgs),
    /// Make a version the principal, and give it all requests that no rule claims
    Promote(act::PromoteArgs),
    /// Give all traffic back to the principal
    Rollback(act::AloneArgs),
    /// Hold a ramp at the percentage that it has
    Pause(act::AloneArgs),
    /// Let a ramp continue from the percentage at which it is held
    Resume(act::AloneArgs),
    /// Print an invitation to a rule: a token, a link and a QR code
    Invite(invite::Args),
    /// Serve a page on which you see releases and drive them
    Console(console::Args),
    /// Print the JSON Schema of the plugin configuration
    Schema,
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}
