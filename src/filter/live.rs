//! What serves in this worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use proxy_wasm::types::MetricType;

use super::abi::{self, Metric};
use super::envoy::Envoy;
use crate::config::{Known, Proxy, Violations};
use crate::event::Event;
use crate::live::{self, DueProbe};
use crate::lookup::FixedHasher;
use crate::metrics::Kind;
use crate::mirror::limits::Budget;
use crate::release::Releases;

pub type Live = live::Live<Metric>;

thread_local! {
    /// The bytes that all copies of this worker hold, for all plugins.
    static BUDGET: Budget = Budget::default();

    /// What serves in this worker, by plugin, as long as a root or a request holds it.
    static LAST_GOOD: RefCell<HashMap<String, Weak<Live>, FixedHasher>> = RefCell::default();
}

/// Compiles a configuration of `plugin`. Releases that it does not change are those that are here.
pub fn load(plugin: &str, text: &[u8], proxy: Proxy<'_>) -> Result<Releases, Violations> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Known, FixedHasher>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|all| {
        all.values_mut().for_each(Known::forget_dropped);
        all.entry(plugin.to_owned()).or_default().load(text, proxy)
    })
}

/// Serves `releases` for `plugin` from now on.
pub fn begin(plugin: &str, releases: Releases) -> Rc<Live> {
    let before = last_good(plugin);
    let live =
        BUDGET.with(|budget| live::live(plugin, releases, before.as_deref(), budget, define));
    let live = Rc::new(live);
    live::follow(&live, abi::now(), &Envoy);
    if let Some(before) = before {
        live::forget(&before, &live, &Envoy);
    }
    LAST_GOOD.with_borrow_mut(|last_good| {
        last_good.insert(plugin.to_owned(), Rc::downgrade(&live));
    });
    live
}

/// What serves for `plugin`.
pub fn last_good(plugin: &str) -> Option<Rc<Live>> {
    LAST_GOOD.with_borrow(|last_good| last_good.get(plugin).and_then(Weak::upgrade))
}

/// Once a second: judges the versions of `live` and returns the probes that are due, unless it no
/// longer is what serves for `plugin`.
pub fn tick(plugin: &str, live: &Rc<Live>) -> Vec<DueProbe<Metric>> {
    if last_good(plugin).is_none_or(|last_good| !Rc::ptr_eq(&last_good, live)) {
        return Vec::new();
    }
    let now = abi::now();
    live::follow_clock(live, now);
    let report = |verdict: String| log::warn!("halftone: {verdict}");
    live::judge(live, now, &Envoy, report);
    live::due_probes(live, now, &Envoy)
}

fn define(kind: Kind, event: &Event<'_>) -> Metric {
    let kind = match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    Metric::of(kind, event)
}
