//! The servers behind the Envoys of a benchmark: two versions of a service, and a mirror.

use anyhow::{Result, ensure};
use serde_json::json;

use super::traffic;
use crate::proxy::{Cluster, Proxy};
use crate::upstream::Upstream;

/// The principal version, and its cluster.
pub const V1: &str = "v1";

/// The new version, and its cluster.
pub const V2: &str = "v2";

/// The cluster that copies go to.
pub const MIRROR: &str = "mirror";

/// The timestamp in the answers of the service.
pub const NOW: &str = "2026-01-01T00:00:00.000Z";

/// A later timestamp, for answers of the mirror that differ.
pub const LATER: &str = "2026-01-01T00:00:00.001Z";

/// Which versions answer a row's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// This version answers all requests.
    All(&'static str),
    /// The same version answers all requests.
    One,
    /// Each version answers about half of the requests.
    Halves,
}

/// The servers. Only one row at a time gets requests, so all rows share them.
#[derive(Debug)]
pub struct Upstreams {
    v1: Upstream,
    v2: Upstream,
    mirror: Upstream,
}

impl Upstreams {
    /// Starts all servers.
    pub async fn start() -> Result<Self> {
        Ok(Self {
            v1: upstream(V1).await?,
            v2: upstream(V2).await?,
            mirror: upstream(MIRROR).await?,
        })
    }

    /// A proxy with a cluster for each server and no routes.
    pub fn proxy(&self) -> Proxy {
        [(V1, &self.v1), (V2, &self.v2), (MIRROR, &self.mirror)]
            .into_iter()
            .fold(Proxy::new(), |proxy, (name, upstream)| {
                proxy.cluster(cluster(name, upstream))
            })
    }

    /// Resets the counts, and sets the timestamp in the answers of the mirror to `mirror_time`.
    pub fn begin(&self, mirror_time: &str) {
        for upstream in [&self.v1, &self.v2, &self.mirror] {
            upstream.forget();
        }
        self.mirror.script(traffic::answer(mirror_time));
    }

    /// The number of requests that v1 and v2 have received.
    pub fn received(&self) -> [u64; 2] {
        [self.v1.received(), self.v2.received()]
    }

    /// The number of copies that the mirror has received.
    pub fn mirrored(&self) -> u64 {
        self.mirror.received()
    }
}

impl Answers {
    /// Checks the numbers of requests that v1 and v2 received. By chance this fails once in 500 million runs.
    pub fn check(self, [v1, v2]: [u64; 2]) -> Result<()> {
        let all = v1 + v2;
        let fits = match self {
            Self::All(V1) => v2 == 0,
            Self::All(_) => v1 == 0,
            Self::One => v1 == 0 || v2 == 0,
            // Six standard deviations.
            Self::Halves => v1.abs_diff(v2) as f64 <= 6.0 * (all as f64).sqrt(),
        };
        ensure!(fits, "v1 and v2 received {v1} and {v2}, not {self:?}");
        Ok(())
    }
}

/// Without Envoy's limits, which would reject requests when an open loop falls behind.
fn cluster(name: &str, upstream: &Upstream) -> Cluster {
    let none = json!({"max_connections": 1 << 20, "max_pending_requests": 1 << 20, "max_requests": 1 << 20});
    Cluster::new(name, upstream.address()).with(json!({"circuit_breakers": {"thresholds": [none]}}))
}

async fn upstream(name: &str) -> Result<Upstream> {
    let upstream = Upstream::start(name).await?;
    upstream.remember(false);
    upstream.script(traffic::answer(NOW));
    Ok(upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_that_answered_are_checked() {
        let fits = |answers: Answers, received| answers.check(received).is_ok();
        assert!(fits(Answers::All(V1), [9, 0]) && !fits(Answers::All(V1), [8, 1]));
        assert!(fits(Answers::All(V2), [0, 9]) && !fits(Answers::All(V2), [1, 8]));
        assert!(fits(Answers::One, [9, 0]) && fits(Answers::One, [0, 9]));
        assert!(!fits(Answers::One, [8, 1]));
        assert!(fits(Answers::Halves, [5200, 4800]) && !fits(Answers::Halves, [5400, 4600]));
    }
}
