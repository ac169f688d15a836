//! Reports for programs.

use std::io::{self, Write};

use serde::Serialize;

/// Writes `report` as indented JSON.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write(report: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
