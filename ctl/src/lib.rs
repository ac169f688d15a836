//! `halftonectl`: checks, explains, tries out and renders Halftone's configurations.
//!
//! It runs on the same core as the filter, and so cannot disagree with it.
//!
//! # Layout
//!
//! - [`cli`] is the command line: a verb each, and what they share.
//! - [`source`] reads files: what they hold, and the one configuration that a verb is about;
//!   [`files`] finds them in folders.
//! - [`request`] is the request that a verb puts to a configuration.
//! - [`shown`], [`style`], [`tree`] and [`json`] write reports.
//! - [`verbs`] has a file for each verb.
//! - [`outcome`] is how a run ends: 0 fine, 1 findings, 2 usage.

pub mod cli;
pub mod files;
pub mod json;
pub mod outcome;
pub mod request;
pub mod shown;
pub mod source;
pub mod style;
pub mod tree;
pub mod verbs;

use std::io::Write;

pub use cli::Cli;
pub use outcome::{Failure, Finding, Verdict};

/// Runs a command line, with its report to `out`.
///
/// # Errors
///
/// When there is nothing to report on: a file that cannot be read, a configuration that is refused.
pub fn run(cli: &Cli, out: &mut dyn Write) -> Result<Verdict, Failure> {
    use cli::Verb;
    match &cli.verb {
        Verb::Check(args) => verbs::check::run(args, out),
        Verb::Explain(args) => verbs::explain::run(args, out),
        Verb::Simulate(args) => verbs::simulate::run(args, out),
        Verb::Test(args) => verbs::test::run(args, out),
        Verb::Render(args) => verbs::render::run(args, out),
        Verb::Schema => verbs::schema::run(out),
        Verb::Completions { shell } => verbs::completions::run(*shell, out),
    }
}
