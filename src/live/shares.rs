//! The gauges of the configured shares. Those of a release without a ramp are set once.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Live, LiveRelease};
use crate::lookup::FixedHasher;
use crate::metrics::Metric;

/// Sets the shares of all releases that follow the clock to those at `now`, in milliseconds since
/// 1970-01-01T00:00:00Z.
pub fn follow_clock<M: Metric>(live: &Live<M>, now: u64) {
    let ramps = live.all().iter();
    for live in ramps.filter(|live| live.release.ramp().is_some()) {
        let shares = live.release.configured_shares(now);
        live.metrics().set_shares(&shares);
    }
}

/// Sets the shares of the releases and versions of `before` that are not in `after` to 0: a gauge stays
/// as long as Envoy has the module.
pub(super) fn end_removed<M: Metric>(before: &Live<M>, after: &Live<M>) {
    let named = after.all().iter().map(|live| (&*live.release.name, live));
    let named: HashMap<&str, &Rc<LiveRelease<M>>, FixedHasher> = named.collect();
    for old in before.all() {
        let new = named.get(&*old.release.name);
        if let Some(metrics) = old.metrics.get()
            && !new.is_some_and(|new| Rc::ptr_eq(new, old))
        {
            let remains = |name: &str| {
                let mut versions = new.iter().flat_map(|new| &new.release.versions);
                versions.any(|version| version.name() == name)
            };
            let versions = old.release.versions.iter();
            for version in versions.filter(|version| !remains(version.name())) {
                metrics.set_share(version, 0.0);
            }
        }
    }
}
