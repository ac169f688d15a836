//! Envoy's instructions, counted by Valgrind's callgrind.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use halftone_lab::tools;
use tempfile::TempDir;

/// The name with which the files of profiles begin.
const PROFILE: &str = "profile";

/// Counts the instructions of one Envoy.
pub struct Callgrind {
    valgrind: PathBuf,
    /// The directory of the profiles that callgrind writes.
    directory: TempDir,
    /// How many profiles there are.
    profiles: u32,
}

impl Callgrind {
    /// Looks for Valgrind.
    pub fn new() -> Result<Self> {
        Ok(Self {
            valgrind: tools::valgrind()?,
            directory: tempfile::tempdir().context("creating a directory for callgrind")?,
            profiles: 0,
        })
    }

    /// The command that starts Envoy, which counts nothing until [`Callgrind::begin`]. So Envoy's start takes less time.
    pub fn launcher(&self) -> Vec<OsString> {
        let mut profile = OsString::from("--callgrind-out-file=");
        profile.push(self.directory.path().join(PROFILE));
        let mut command: Vec<OsString> = vec!["env".into()];
        command.extend(self.library());
        command.push(self.valgrind.clone().into_os_string());
        command.extend(
            [
                "--tool=callgrind",
                // V8 writes machine code at run time.
                "--smc-check=all-non-file",
                "--separate-threads=yes",
                "--instr-atstart=no",
            ]
            .map(Into::into),
        );
        command.push(profile);
        command
    }

    /// Begins to count in the process `pid`.
    pub fn begin(&self, pid: u32) -> Result<()> {
        self.command(pid, &["instrumentation", "on"])
    }

    /// Sets the count of the process `pid` to 0.
    pub fn reset(&self, pid: u32) -> Result<()> {
        self.command(pid, &["zero"])
    }

    /// The instructions of the busiest thread of the process `pid` since the last call of this method or of
    /// [`Callgrind::reset`]. During requests that is the worker. The other threads do work that depends on the time and not
    /// on the requests, such as flushing logs.
    pub fn take(&mut self, pid: u32) -> Result<u64> {
        self.command(pid, &["dump"])?;
        self.profiles += 1;
        let prefix = format!("{PROFILE}.{}-", self.profiles);
        let mut busiest = 0;
        for entry in fs::read_dir(self.directory.path())? {
            let file = entry?;
            if file.file_name().to_string_lossy().starts_with(&prefix) {
                busiest = busiest.max(total(&file.path())?);
            }
        }
        ensure!(busiest > 0, "callgrind counted nothing");
        Ok(busiest)
    }

    /// A package that is unpacked and not installed has its tools elsewhere than Valgrind expects.
    fn library(&self) -> Option<OsString> {
        let tools = self.valgrind.parent()?.parent()?;
        let library = tools.join("usr/libexec/valgrind");
        library.is_dir().then(|| {
            let mut variable = OsString::from("VALGRIND_LIB=");
            variable.push(library);
            variable
        })
    }

    fn command(&self, pid: u32, words: &[&str]) -> Result<()> {
        let output = Command::new(self.valgrind.with_file_name("vgdb"))
            .arg(format!("--pid={pid}"))
            .args(words)
            .output()
            .context("running vgdb")?;
        ensure!(
            output.status.success(),
            "vgdb {} failed: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

/// The number of instructions in a profile.
fn total(profile: &Path) -> Result<u64> {
    let text = fs::read_to_string(profile)
        .with_context(|| format!("reading the profile {}", profile.display()))?;
    let totals = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))
        .with_context(|| format!("{} has no totals", profile.display()))?;
    totals.trim().parse().context("reading a profile's totals")
}
