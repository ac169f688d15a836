//! One root's part in the [`PluginStatus`] that all workers of the proxy share.
//!
//! Shared data is one space for all plugins of the process, so the plugin's name is part of the key.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::abi::{self, Metric};
use proxy_wasm::types::MetricType;

use crate::event::Event;
use crate::invitation::Keys;
use crate::lookup::Lookup;
use crate::plugin_status::{PluginStatus, Role};

/// How soon after its configuration a root counts.
pub const FIRST_TICK: Duration = Duration::from_millis(50);

/// How often a root then says that it is alive, and asks for the level of the log: Envoy does not tell
/// when that changes.
pub const LATER_TICKS: Duration = Duration::from_secs(2);

/// The same, of a root whose releases are judged at each tick.
pub const JUDGING_TICKS: Duration = Duration::from_secs(1);

thread_local! {
    /// How many roots each plugin has in this VM.
    static ROOTS: RefCell<Lookup<u32>> = RefCell::default();

    /// How many roots all plugins have in this VM.
    static ALL_ROOTS: Cell<u32> = const { Cell::new(0) };
}

/// One root's part in the status of its plugin.
pub struct RootStatus {
    plugin: String,
    key: String,
    role: Role,
    counts: bool,
}

impl RootStatus {
    pub fn new(plugin: &str) -> Self {
        ROOTS.with_borrow_mut(|roots| {
            *roots.entry(plugin.as_bytes().into()).or_default() += 1;
        });
        ALL_ROOTS.set(ALL_ROOTS.get() + 1);
        // The gauge exists as long as some VM has defined it.
        gauge(&Event::Plugins);
        Self {
            plugin: plugin.into(),
            key: format!("halftone.plugin.{plugin}"),
            role: Role::Passing,
            counts: false,
        }
    }

    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// This root serves a good configuration of `releases`, which `signing` has keys for.
    pub fn accepted(&mut self, releases: usize, signing: &Keys) {
        self.role = Role::Serving;
        let now = abi::now();
        let keys = signing.usable().count();
        self.update(|status| status.accepted(releases, now).with_signing_keys(keys));
        if signing.names().len() > 0 {
            gauge(&Event::SigningKeys);
        }
    }

    /// This root refuses its configuration, whose text has the hash `text`. True: Envoy is to reject
    /// it.
    pub fn refused(&mut self, text: u64) -> bool {
        let now = abi::now();
        let before = self.update(|status| status.refused(text, now));
        before.rejects(text, now)
    }

    /// This root serves the configuration before the refused one.
    pub fn serves_on(&mut self) {
        self.role = Role::Serving;
    }

    /// This root sees a tick, so it is not on trial. True: its first tick.
    pub fn count(&mut self) -> bool {
        let is_first = !self.counts;
        if is_first {
            self.counts = true;
            self.update(|status| status.counted(self.role));
        } else if self.role == Role::Serving {
            let now = abi::now();
            self.update(|status| status.alive(now));
        }
        is_first
    }

    /// This root ends.
    pub fn end(self) {
        let left = ROOTS.with_borrow_mut(|roots| {
            let count = roots.entry(self.plugin.as_bytes().into()).or_default();
            *count = count.saturating_sub(1);
            *count
        });
        ALL_ROOTS.set(ALL_ROOTS.get().saturating_sub(1));
        self.update(|status| status.ended(self.role, self.counts, left == 0));
    }

    /// Changes the status, whatever other workers do at the same time, and returns the one before.
    /// The gauges are sums over all plugins: the worker that makes a change adds the difference.
    fn update(&self, change: impl Fn(PluginStatus) -> PluginStatus) -> PluginStatus {
        loop {
            let (bytes, version) = abi::shared_data(&self.key);
            let before = PluginStatus::from_bytes(&bytes);
            let after = change(before);
            if after == before {
                return before;
            }
            if abi::set_shared_data(&self.key, &after.to_bytes(), version) {
                let [exists, rejected] = [
                    [before.exists(), after.exists()],
                    [before.is_rejected(), after.is_rejected()],
                ]
                .map(|both| both.map(i64::from));
                let releases = [before.releases(), after.releases()].map(i64::from);
                add(&Event::Plugins, exists);
                add(&Event::Releases, releases);
                add(&Event::ConfigRejected, rejected);
                if before.signing_keys() != after.signing_keys() {
                    let keys = [before.signing_keys(), after.signing_keys()];
                    add(&Event::SigningKeys, keys.map(i64::from));
                }
                return before;
            }
        }
    }
}

fn gauge(event: &Event<'_>) -> Metric {
    Metric::of(MetricType::Gauge, event)
}

fn add(event: &Event<'_>, [before, after]: [i64; 2]) {
    gauge(event).add(after - before);
}

/// Whether no other plugin can have seen a request before, or will see it afterwards. It is called for
/// every request: asking what an earlier plugin did costs five times as much.
///
/// Plugins of another build of the filter count too, though they have a VM of their own. A plugin
/// counts before its first request, since Envoy tries a configuration before any worker has it. The
/// count may be too high, for instance while a removed plugin's root is alive; that only costs the
/// question.
pub fn is_alone() -> bool {
    thread_local! {
        static PLUGINS: Metric = gauge(&Event::Plugins);
    }
    ALL_ROOTS.get() == 1 && PLUGINS.with(|plugins| plugins.value()) == Some(1)
}
