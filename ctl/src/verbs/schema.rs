//! `schema`: the JSON Schema of the plugin configuration.

use std::io::Write;

use crate::outcome::{Failure, Verdict};

/// Prints the schema.
///
/// # Errors
///
/// `out` cannot be written.
pub fn run(out: &mut dyn Write) -> Result<Verdict, Failure> {
    let schema = schemars::schema_for!(halftone::config::PluginConfig);
    let text = serde_json::to_string_pretty(&schema).map_err(std::io::Error::from)?;
    writeln!(out, "{text}")?;
    Ok(Verdict::Fine)
}
