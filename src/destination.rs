//! A service in the mesh, and the name of its cluster in Istio.

use std::fmt;

/// A port of a service, or of one subset of it: Istio's `destination`.
///
/// It prints as Istio's name for the outbound cluster (`BuildSubsetKey` in
/// `pilot/pkg/model/service.go`).
///
/// ```
/// use halftone::destination::Destination;
///
/// let v2 = Destination { host: "reviews.bookinfo.svc.cluster.local".into(), port: 9080, subset: Some("v2".into()) };
/// assert_eq!(v2.to_string(), "outbound|9080|v2|reviews.bookinfo.svc.cluster.local");
/// assert_eq!(v2.waypoint_cluster(), "inbound-vip|9080|http/v2|reviews.bookinfo.svc.cluster.local");
/// assert_eq!(Destination::of_cluster("outbound|80||reviews").map(|all| all.subset), Some(None));
/// assert_eq!(Destination::of_cluster("reviews"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The service's full name.
    pub host: Box<str>,
    /// The service's port, not the workload's. Above 0.
    pub port: u16,
    /// A subset that a DestinationRule of the service names. None: the whole service.
    pub subset: Option<Box<str>>,
}

impl Destination {
    /// The destination whose outbound cluster has this name in Istio.
    #[must_use]
    pub fn of_cluster(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("outbound|")?.splitn(3, '|');
        let (port, subset, host) = (parts.next()?, parts.next()?, parts.next()?);
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let is_named = !host.is_empty() && !host.contains('|');
        is_named.then(|| Self {
            host: host.into(),
            port,
            subset: (!subset.is_empty()).then(|| subset.into()),
        })
    }

    /// Istio's name for its cluster at a waypoint, which has no outbound clusters. It is the name for HTTP
    /// and gRPC.
    #[must_use]
    pub fn waypoint_cluster(&self) -> String {
        let Self { host, port, subset } = self;
        match subset {
            Some(subset) => format!("inbound-vip|{port}|http/{subset}|{host}"),
            None => format!("inbound-vip|{port}|http|{host}"),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subset = self.subset.as_deref().unwrap_or_default();
        write!(f, "outbound|{}|{subset}|{}", self.port, self.host)
    }
}
