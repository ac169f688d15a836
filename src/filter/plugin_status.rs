//! What the workers of one proxy know together about one plugin: whether a good configuration
//! serves, and whether the latest one was refused.
//!
//! Envoy configures a plugin in every worker, each with memory of its own, and tries a new
//! configuration out in a VM that it throws away. Only shared data outlives that. It is one space
//! for all plugins of the process, so the plugin's name is part of the key.

use super::host::{self, Metric};
use super::metrics;
use crate::event::Event;

/// One worker's hold on what is known about its plugin.
pub struct PluginStatus {
    plugin: String,
    key: String,
    hold: Hold,
}

/// What the root that this belongs to counts as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Nothing,
    Serving,
    Passing,
}

/// What all workers know. The counts are of roots: each worker has one for each configuration that
/// is in use.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Known {
    /// Roots that serve a good configuration.
    serving: u32,
    /// Roots that let requests pass, because their configuration was refused and nothing else
    /// served.
    passing: u32,
    /// Releases of the good configuration.
    releases: u32,
    /// Whether the latest configuration was refused.
    rejected: bool,
}

impl PluginStatus {
    pub fn new(plugin: &str) -> Self {
        Self {
            plugin: plugin.into(),
            key: format!("halftone.plugin.{plugin}"),
            hold: Hold::Nothing,
        }
    }

    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// This root serves a good configuration of so many releases.
    pub fn accepted(&mut self, releases: usize) {
        let releases = u32::try_from(releases).unwrap_or(u32::MAX);
        let held = std::mem::replace(&mut self.hold, Hold::Serving);
        self.update(|known| {
            known
                .without(held)
                .with(Hold::Serving)
                .latest(releases, false)
        });
    }

    /// This root's configuration was refused. True, where a good one serves on in its place; else
    /// requests pass.
    pub fn rejected(&mut self) -> bool {
        let before = self.update(|known| Known {
            rejected: true,
            ..known
        });
        if before.serving > 0 {
            return true;
        }
        let held = std::mem::replace(&mut self.hold, Hold::Passing);
        self.update(|known| known.without(held).with(Hold::Passing));
        false
    }

    /// This root is no more.
    pub fn gone(self) {
        let update = |known: Known| {
            let left = known.without(self.hold);
            if left.serving + left.passing == 0 {
                Known::default()
            } else {
                left
            }
        };
        self.update(update);
    }

    /// Changes what is known, whatever other workers do at the same time, and takes the gauges
    /// along: they hold the sums over all plugins, so each change is added to them once, by the
    /// worker that made it. Gives back what was known.
    fn update(&self, change: impl Fn(Known) -> Known) -> Known {
        loop {
            let (bytes, quoted) = host::shared_data(&self.key);
            let before = bytes.map_or_else(Known::default, |bytes| Known::from_bytes(&bytes));
            let after = change(before);
            if after == before {
                return before;
            }
            if host::set_shared_data(&self.key, &after.to_bytes(), quoted).is_ok() {
                add(
                    &Event::Releases,
                    i64::from(after.releases) - i64::from(before.releases),
                );
                add(
                    &Event::ConfigRejected,
                    i64::from(after.rejected) - i64::from(before.rejected),
                );
                return before;
            }
        }
    }
}

fn add(event: &Event<'_>, amount: i64) {
    metrics::gauge(event)
        .into_iter()
        .for_each(|gauge: Metric| gauge.add(amount));
}

impl Known {
    fn with(self, hold: Hold) -> Self {
        match hold {
            Hold::Nothing => self,
            Hold::Serving => Self {
                serving: self.serving.saturating_add(1),
                ..self
            },
            Hold::Passing => Self {
                passing: self.passing.saturating_add(1),
                ..self
            },
        }
    }

    fn without(self, hold: Hold) -> Self {
        match hold {
            Hold::Nothing => self,
            Hold::Serving => Self {
                serving: self.serving.saturating_sub(1),
                ..self
            },
            Hold::Passing => Self {
                passing: self.passing.saturating_sub(1),
                ..self
            },
        }
    }

    fn latest(self, releases: u32, rejected: bool) -> Self {
        Self {
            releases,
            rejected,
            ..self
        }
    }

    fn to_bytes(self) -> [u8; 16] {
        let words = [
            self.serving,
            self.passing,
            self.releases,
            u32::from(self.rejected),
        ];
        let mut bytes = [0; 16];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Bytes that are not of this form come from another release of Halftone in the same proxy, and
    /// say nothing.
    fn from_bytes(bytes: &[u8]) -> Self {
        let Ok(bytes) = <[u8; 16]>::try_from(bytes) else {
            return Self::default();
        };
        let mut words = bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or_default();
        Self {
            serving: next(),
            passing: next(),
            releases: next(),
            rejected: next() != 0,
        }
    }
}
