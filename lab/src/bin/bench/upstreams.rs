//! The servers behind all rows: two versions of a service, and a mirror.

use anyhow::{Result, ensure};
use halftone_lab::proxy::{Cluster, Proxy};
use halftone_lab::upstream::Upstream;
use serde_json::json;

use crate::traffic;

/// The service's principal, and its cluster.
pub const V1: &str = "v1";

/// The service's new version, and its cluster.
pub const V2: &str = "v2";

/// The cluster that copies go to.
pub const MIRROR: &str = "mirror";

/// When the service's answers were made, as they say.
pub const NOW: &str = "2026-01-01T00:00:00.000Z";

/// The same of a mirror that takes its time.
pub const LATER: &str = "2026-01-01T00:00:00.001Z";

/// Which versions answer a row's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// All of them this one.
    All(&'static str),
    /// All of them the same one.
    One,
    /// Half of them each, as chance has it.
    Halves,
}

/// The servers. Only one row at a time has requests, so all rows share them.
#[derive(Debug)]
pub struct Upstreams {
    v1: Upstream,
    v2: Upstream,
    mirror: Upstream,
}

impl Upstreams {
    /// Starts them.
    pub async fn start() -> Result<Self> {
        Ok(Self {
            v1: upstream(V1).await?,
            v2: upstream(V2).await?,
            mirror: upstream(MIRROR).await?,
        })
    }

    /// An Envoy that knows them, and has no routes yet.
    pub fn proxy(&self) -> Proxy {
        [(V1, &self.v1), (V2, &self.v2), (MIRROR, &self.mirror)]
            .into_iter()
            .fold(Proxy::new(), |proxy, (name, upstream)| {
                proxy.cluster(cluster(name, upstream))
            })
    }

    /// Counts from 0. The mirror says `mirror_time` in its answers from now on.
    pub fn begin(&self, mirror_time: &str) {
        for upstream in [&self.v1, &self.v2, &self.mirror] {
            upstream.forget();
        }
        self.mirror.script(traffic::answer(mirror_time));
    }

    /// How many requests each version has received, v1 and v2.
    pub fn received(&self) -> [u64; 2] {
        [self.v1.received(), self.v2.received()]
    }

    /// How many copies the mirror has received.
    pub fn mirrored(&self) -> u64 {
        self.mirror.received()
    }
}

impl Answers {
    /// Checks what the two versions received, all in all. Chance fails this once in 500 million runs.
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

/// Of an open loop that falls behind, no request is refused by a limit of Envoy's.
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
    fn what_answered_tells_what_was_decided() {
        let fits = |answers: Answers, received| answers.check(received).is_ok();
        assert!(fits(Answers::All(V1), [9, 0]) && !fits(Answers::All(V1), [8, 1]));
        assert!(fits(Answers::All(V2), [0, 9]) && !fits(Answers::All(V2), [1, 8]));
        assert!(fits(Answers::One, [9, 0]) && fits(Answers::One, [0, 9]));
        assert!(!fits(Answers::One, [8, 1]));
        assert!(fits(Answers::Halves, [5200, 4800]) && !fits(Answers::Halves, [5400, 4600]));
    }
}
