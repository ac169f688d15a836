//! The cluster of a mirror, which has one name in sidecars and gateways, and another at waypoints.

use std::cell::Cell;

use super::{Mirror, MirrorOutcome};

/// Which cluster of a mirror exists in this proxy, as far as its copies have shown.
#[derive(Debug, Default)]
pub struct FoundCluster(Cell<Known>);

#[derive(Clone, Copy, Debug, Default)]
enum Known {
    #[default]
    Nothing,
    /// None of the two existed. The last copy tried this one.
    Neither(Place),
    /// This one exists, or existed once.
    Cluster(Place),
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Elsewhere,
    Waypoint,
}

impl FoundCluster {
    /// Sends a copy for `mirror` by `send`, which gets the name of the cluster.
    ///
    /// The first copy tries both names if it must. Each later one tries one name: the one that has
    /// existed, or else the one that the copy before did not try. So a cluster that appears later is
    /// found by the second copy at the latest.
    ///
    /// # Errors
    ///
    /// That of `send`. [`MirrorOutcome::NoCluster`] means that the cluster does not exist, and
    /// [`MirrorOutcome::Failed`] that it does.
    pub fn send<T>(
        &self,
        mirror: &Mirror,
        send: impl Fn(&str) -> Result<T, MirrorOutcome>,
    ) -> Result<T, MirrorOutcome> {
        let Some(waypoint) = &mirror.waypoint_cluster else {
            return send(&mirror.cluster);
        };
        let attempt = |place| {
            let sent = send(match place {
                Place::Elsewhere => &mirror.cluster,
                Place::Waypoint => waypoint,
            });
            match sent {
                Ok(_) | Err(MirrorOutcome::Failed) => self.0.set(Known::Cluster(place)),
                Err(MirrorOutcome::NoCluster) => self.0.set(Known::Neither(place)),
                Err(_) => {}
            }
            sent
        };
        match self.0.get() {
            Known::Nothing => match attempt(Place::Elsewhere) {
                Err(MirrorOutcome::NoCluster) => attempt(Place::Waypoint),
                sent => sent,
            },
            Known::Neither(Place::Elsewhere) => attempt(Place::Waypoint),
            Known::Neither(Place::Waypoint) => attempt(Place::Elsewhere),
            Known::Cluster(Place::Elsewhere) => send(&mirror.cluster),
            Known::Cluster(Place::Waypoint) => send(waypoint),
        }
    }
}
