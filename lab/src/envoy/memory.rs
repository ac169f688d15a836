//! The memory of an Envoy, and how often it wakes.

use std::fs;

use anyhow::Context;

use super::Envoy;

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The current value.
    pub resident: u64,
    /// The largest value so far.
    pub peak: u64,
}

impl Envoy {
    /// Its resident memory.
    ///
    /// # Errors
    ///
    /// If the process has ended.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let [resident, peak] = self.bytes("status", ["VmRSS:", "VmHWM:"])?;
        Ok(Memory { resident, peak })
    }

    /// Its anonymous memory in bytes: what it has written itself, without the program's code, which several Envoys
    /// share.
    ///
    /// `Private_Dirty` is not the same: it includes pages of the program until the kernel has written a new file to
    /// disk.
    ///
    /// # Errors
    ///
    /// If the process has ended.
    pub fn private_memory(&self) -> anyhow::Result<u64> {
        let [private] = self.bytes("smaps_rollup", ["Anonymous:"])?;
        Ok(private)
    }

    /// How often its threads woke from a wait so far.
    ///
    /// # Errors
    ///
    /// If the process has ended.
    pub fn wakes(&self) -> anyhow::Result<u64> {
        let tasks = format!("/proc/{}/task", self.pid());
        let mut wakes = 0;
        for task in fs::read_dir(&tasks).with_context(|| format!("reading {tasks}"))? {
            let file = task?.path().join("status");
            let text =
                fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let number = line.with_context(|| format!("{} has no switches", file.display()))?;
            wakes += number.trim().parse::<u64>()?;
        }
        Ok(wakes)
    }

    /// Values in bytes from a file of the process in `/proc`, by name.
    fn bytes<const N: usize>(&self, file: &str, names: [&str; N]) -> anyhow::Result<[u64; N]> {
        let file = format!("/proc/{}/{file}", self.pid());
        let text = fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
        let mut bytes = [0; N];
        for (bytes, name) in bytes.iter_mut().zip(names) {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next());
            let kibibytes = kibibytes.with_context(|| format!("{file} has no {name}"))?;
            *bytes = kibibytes.parse::<u64>()? * 1024;
        }
        Ok(bytes)
    }
}
