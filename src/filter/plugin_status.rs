//! What the workers of one proxy know together about one plugin: whether a good configuration
//! serves, and whether the latest one was refused.
//!
//! Envoy configures a plugin in every worker, each with memory of its own, and tries a new
//! configuration out in a VM that it throws away without a word. Only shared data outlives that. It
//! is one space for all plugins of the process, so the plugin's name is part of the key.
//!
//! A root of the trial VM looks like any other while it is configured; but it never lives to see a
//! tick. So a root counts from its first tick on. Until then, for [`GRACE`], the time at which a
//! configuration was accepted speaks for the roots that are on their way.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::host::{self, Metric};
use super::metrics;
use crate::event::Event;
use crate::release::Lookup;

/// How soon after its configuration a root counts.
pub const FIRST_TICK: Duration = Duration::from_millis(50);

/// How long an accepted configuration is taken to serve before any of its roots has counted.
const GRACE: Duration = Duration::from_secs(2);

thread_local! {
    /// How many roots each plugin has in this VM.
    static ROOTS: RefCell<Lookup<u32>> = RefCell::default();

    /// How many roots all plugins have in this VM.
    static ALL_ROOTS: Cell<u32> = const { Cell::new(0) };
}

/// One root's part in what is known about its plugin.
pub struct PluginStatus {
    plugin: String,
    key: String,
    role: Role,
    counted: bool,
}

/// What a root does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It serves a good configuration.
    Serving,
    /// Its configuration was refused and nothing else served: it lets them pass.
    Passing,
}

/// What all workers know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    /// Roots that serve: each worker, and the main thread, has one for each configuration in use.
    serving: u32,
    /// Roots that let requests pass.
    passing: u32,
    /// Releases of the latest good configuration.
    releases: u32,
    /// Whether the latest configuration was refused.
    rejected: bool,
    /// When the latest good configuration came, in milliseconds since 1970.
    accepted_at: u64,
    /// The hash of the latest bad text that was let pass. Envoy has that verdict from its trial, and
    /// a worker that hears of the text only now, when something serves already, must not differ.
    passed: u64,
}

impl PluginStatus {
    pub fn new(plugin: &str) -> Self {
        ROOTS.with_borrow_mut(|roots| {
            let others = roots.get(plugin.as_bytes()).copied().unwrap_or_default();
            roots.insert(plugin.as_bytes(), others + 1);
        });
        ALL_ROOTS.set(ALL_ROOTS.get() + 1);
        // It stays for as long as some VM has defined it.
        metrics::gauge(&Event::Plugins);
        let key = format!("halftone.plugin.{plugin}");
        Self {
            plugin: plugin.into(),
            key,
            role: Role::Passing,
            counted: false,
        }
    }

    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// This root serves a good configuration of so many releases.
    pub fn accepted(&mut self, releases: usize) {
        let releases = u32::try_from(releases).unwrap_or(u32::MAX);
        let accepted_at = host::now();
        self.role = Role::Serving;
        self.update(|known| Known {
            releases,
            rejected: false,
            accepted_at,
            ..known
        });
    }

    /// This root's configuration, whose text hashes to `text`, was refused. True, where a good one
    /// serves on in the proxy and the text was not let pass before.
    pub fn rejected(&mut self, text: u64) -> bool {
        let known = self.update(|known| {
            let known = Known {
                rejected: true,
                ..known
            };
            if known.rejects(text) {
                known
            } else {
                Known {
                    passed: text,
                    ..known
                }
            }
        });
        known.rejects(text)
    }

    /// This root serves the configuration before the one that was refused.
    pub fn serves_on(&mut self) {
        self.role = Role::Serving;
    }

    /// This root has seen its first tick, so it is not on trial.
    pub fn count(&mut self) {
        if !self.counted {
            self.counted = true;
            self.update(|known| known.with(self.role, 1));
        }
    }

    /// This root is no more. The last one takes with it what is known. On an update it is not the
    /// last one: its worker has the new root already, though that may not count yet.
    pub fn gone(self) {
        let here = ROOTS.with_borrow_mut(|roots| {
            let plugin = self.plugin.as_bytes();
            let before: u32 = roots.get(plugin).copied().unwrap_or_default();
            let here = before.saturating_sub(1);
            roots.insert(plugin, here);
            here
        });
        ALL_ROOTS.set(ALL_ROOTS.get().saturating_sub(1));
        let counted = if self.counted { -1 } else { 0 };
        self.update(|known| {
            let left = known.with(self.role, counted);
            let none = here == 0 && left.serving + left.passing == 0;
            if none { Known::default() } else { left }
        });
    }

    /// Changes what is known, whatever other workers do at the same time, and takes the gauges
    /// along: they hold the sums over all plugins, so each change is added to them once, by the
    /// worker that made it. Gives back what was known before.
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
                    &Event::Plugins,
                    after.is_of_a_plugin().into(),
                    before.is_of_a_plugin().into(),
                );
                add(&Event::Releases, after.releases, before.releases);
                add(
                    &Event::ConfigRejected,
                    after.rejected.into(),
                    before.rejected.into(),
                );
                return before;
            }
        }
    }
}

fn add(event: &Event<'_>, after: u32, before: u32) {
    if let Some(gauge) = metrics::gauge(event) {
        gauge.add(i64::from(after) - i64::from(before));
    }
}

/// Whether a configuration that was accepted at `time` may have roots that do not count yet.
fn is_fresh(time: u64) -> bool {
    u128::from(host::now().saturating_sub(time)) < GRACE.as_millis()
}

/// Whether no other plugin can have seen a request before, and none will see it afterwards. Called for every
/// request: what plugins of one proxy tell each other about it costs five times as much.
///
/// All plugins count, also those of another build of the filter, in a VM of its own; and they do before
/// their first request, since Envoy tries a configuration out before any worker has it. Who counts too
/// much, because a plugin was tried out in vain or a root has not gone yet, asks in vain.
pub fn is_alone() -> bool {
    thread_local! {
        static PLUGINS: Option<Metric> = metrics::gauge(&Event::Plugins);
    }
    let plugins = || PLUGINS.with(|gauge| gauge.and_then(Metric::value));
    ALL_ROOTS.get() == 1 && plugins() == Some(1)
}

impl Known {
    /// What is known of a plugin that is not there is nothing.
    fn is_of_a_plugin(self) -> bool {
        self != Self::default()
    }

    fn rejects(&self, text: u64) -> bool {
        (self.serving > 0 || is_fresh(self.accepted_at)) && self.passed != text
    }

    fn with(self, role: Role, more: i32) -> Self {
        match role {
            Role::Serving => Self {
                serving: self.serving.saturating_add_signed(more),
                ..self
            },
            Role::Passing => Self {
                passing: self.passing.saturating_add_signed(more),
                ..self
            },
        }
    }

    fn to_bytes(self) -> [u8; 32] {
        let counts = (u64::from(self.serving) << 32) | u64::from(self.passing);
        let latest = (u64::from(self.releases) << 32) | u64::from(self.rejected);
        let words = [counts, latest, self.accepted_at, self.passed];
        let mut bytes = [0; 32];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Bytes that are not of this form come from another release of Halftone in the same proxy, and
    /// say nothing.
    fn from_bytes(bytes: &[u8]) -> Self {
        let Ok(bytes) = <[u8; 32]>::try_from(bytes) else {
            return Self::default();
        };
        let (words, _) = bytes.as_chunks::<8>();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or_default();
        let (counts, latest) = (next(), next());
        Self {
            serving: (counts >> 32) as u32,
            passing: counts as u32,
            releases: (latest >> 32) as u32,
            rejected: latest & 1 == 1,
            accepted_at: next(),
            passed: next(),
        }
    }
}
