//! The files of one Envoy.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

/// The number of lines of the log that an error shows.
const LINES_SHOWN: usize = 40;

/// A temporary directory. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Directory(TempDir);

impl Directory {
    pub(super) fn new() -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("halftone-lab-");
        Ok(Self(directory.context("making a directory for Envoy")?))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path().join("envoy.log")
    }

    pub(super) fn access_log(&self) -> PathBuf {
        self.path().join("access.log")
    }

    /// The end of the log, or the error of reading it.
    pub(super) fn log_tail(&self) -> String {
        let text = read(&self.log()).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(LINES_SHOWN);
        lines
            .into_iter()
            .skip(skipped)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The contents of the file with invalid UTF-8 replaced, because plugins can log any bytes.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
