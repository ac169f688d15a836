//! How much memory an Envoy has.

use std::fs;

use anyhow::Context;

use super::Envoy;

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What it has now.
    pub resident: u64,
    /// The most that it ever had.
    pub peak: u64,
}

impl Envoy {
    /// Its resident memory.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let file = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        let bytes = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next());
            let kibibytes = kibibytes.with_context(|| format!("{file} has no {name}"))?;
            Ok(kibibytes.parse::<u64>()? * 1024)
        };
        Ok(Memory {
            resident: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
        })
    }
}
