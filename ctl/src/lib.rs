//! `halftonectl` checks, explains, simulates, tests, renders, watches and changes Halftone's configurations.
//!
//! It decides by the same core as the filter, so both always agree.
//!
//! # Layout
//!
//! - [`cli`] is the command line: the verbs, and the types that they share.
//! - [`source`] reads and writes files, and reads the configuration that a verb needs. [`files`] finds files in folders.
//! - [`request`] is the request of a command line, and [`clock`] has its times.
//! - [`change`] counts the sessions that move with a change of a configuration.
//! - [`cluster`] reads and patches the plugins of a cluster.
//! - [`terminal`] escapes and colours text. [`shown`], [`tree`] and [`json`] write reports.
//! - [`verbs`] has a module for each verb.
//! - [`outcome`] has the exit statuses: 0 fine, 1 findings, 2 usage.

pub mod change;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod files;
pub mod json;
pub mod outcome;
pub mod request;
pub mod shown;
pub mod source;
pub mod terminal;
pub mod tree;
pub mod verbs;

use std::io::Write;

pub use cli::Cli;
use halftone_resources::action::Action;
pub use outcome::{Failure, Finding, Verdict};

/// Runs a command line and writes its report to `out`.
///
/// # Errors
///
/// A file cannot be read, or a configuration is not valid.
pub fn run(cli: &Cli, out: &mut dyn Write) -> Result<Verdict, Failure> {
    use cli::Verb;
    match &cli.verb {
        Verb::Check(args) => verbs::check::run(args, out),
        Verb::Explain(args) => verbs::explain::run(args, out),
        Verb::Simulate(args) => verbs::simulate::run(args, out),
        Verb::Test(args) => verbs::test::run(args, out),
        Verb::Render(args) => verbs::render::run(args, out),
        Verb::Merge(args) => verbs::merge::run(args, out),
        Verb::Status(args) => verbs::status::run(args, out),
        Verb::Import(args) => verbs::import::run(args, out),
        Verb::Export(args) => verbs::export::run(args, out),
        Verb::SetWeight(args) => verbs::act::set_weight(args, out),
        Verb::TakeOver(args) => verbs::act::run(args, Action::TakeOver, out),
        Verb::Restore(args) => verbs::act::run_alone(args, &Action::Restore, out),
        Verb::Switch(args) => verbs::act::run(args, Action::Switch, out),
        Verb::Promote(args) => verbs::act::promote(args, out),
        Verb::Rollback(args) => verbs::act::run_alone(args, &Action::Rollback, out),
        Verb::Pause(args) => verbs::act::run_alone(args, &Action::Pause, out),
        Verb::Resume(args) => verbs::act::run_alone(args, &Action::Resume, out),
        Verb::Invite(args) => verbs::invite::run(args, out),
        Verb::Console(args) => verbs::console::run(args, out),
        Verb::Schema => verbs::schema::run(out),
        Verb::Completions { shell } => verbs::completions::run(*shell, out),
    }
}
