//! VirtualServices, compared with releases: whether each version has its own route.
//!
//! Only the VirtualServices of a release's own hosts count. If a host has several, one of them must
//! route a version: the files do not show which of them a proxy has.

use std::collections::{BTreeMap, BTreeSet};

use halftone_resources::service::{covers, is_name_of};
use halftone_resources::{HttpRoute, VirtualService};

use super::accepted::{Accepted, Served};
use super::given::PlacedFinding;
use super::routing::{Asked, Share, Taking, reached};
use super::{PlacedRule, PlacedService};

/// Checks every release that routes by a header.
pub fn check(
    configurations: &[Accepted<'_>],
    services: &[PlacedService<'_>],
    rules: &[PlacedRule<'_>],
) -> Vec<PlacedFinding> {
    let mut findings = Vec::new();
    // Several hosts of a release can have the same VirtualService.
    let mut known = BTreeSet::new();
    for release in configurations.iter().flat_map(Accepted::releases) {
        let Some(header) = release.routing_header() else {
            continue;
        };
        for host in release.routed() {
            let views: Vec<View<'_>> = of_host(&release, &host, services)
                .into_iter()
                .map(|service| View {
                    release,
                    header,
                    service,
                    rules,
                })
                .collect();
            let new = of_views(&views).into_iter();
            findings.extend(new.filter(|one| known.insert((one.place, one.finding.to_string()))));
        }
    }
    findings
}

/// Warnings on last routes, which take the requests that Halftone did not see, and lead only to other versions than the
/// principal.
pub fn last(
    configurations: &[Accepted<'_>],
    services: &[PlacedService<'_>],
    rules: &[PlacedRule<'_>],
) -> Vec<PlacedFinding> {
    let mut warnings = BTreeMap::new();
    for release in configurations.iter().flat_map(Accepted::releases) {
        let (Some(header), Some(principal)) = (release.routing_header(), release.principal())
        else {
            continue;
        };
        for host in release.routed() {
            for service in of_host(&release, &host, services) {
                let Some((place, route)) = service.1.http.iter().enumerate().next_back() else {
                    continue;
                };
                let view = View {
                    release,
                    header,
                    service,
                    rules,
                };
                if route.r#match.is_empty() && view.target(route, principal) == Target::Others {
                    let message = format!(
                        "takes requests that Halftone did not see, and leads to another version than the principal; write the subset of {principal}"
                    );
                    let warning = view.finding(format!("http[{place}].route"), message);
                    warnings.insert(warning.place, warning.of("last-route"));
                }
            }
        }
    }
    warnings.into_values().collect()
}

/// The VirtualServices that route HTTP requests for `host`: those that name it, or else the most precise
/// that cover it. A VirtualService for `*` may belong to another gateway. It counts only if it matches the
/// routing header.
pub fn of_host<'g, 's>(
    release: &Served<'_>,
    host: &str,
    services: &'s [PlacedService<'g>],
) -> Vec<&'s PlacedService<'g>> {
    let namespace = release.namespace();
    let services = || services.iter().filter(|(_, one)| !one.http.is_empty());
    let naming = services().filter(|(_, service)| {
        let mut hosts = service.hosts.iter();
        hosts.any(|known| is_name_of(host, namespace, known))
    });
    let naming: Vec<_> = naming.collect();
    if !naming.is_empty() {
        return naming;
    }
    let host = host.to_ascii_lowercase();
    let precision = |service: &VirtualService| {
        let covering = service.hosts.iter().filter(|known| covers(known, &host));
        let precision = covering.map(String::len).max()?;
        (precision > 1 || asks_for(service, release.routing_header()?)).then_some(precision)
    };
    let Some(best) = services().filter_map(|one| precision(one.1)).max() else {
        return Vec::new();
    };
    services()
        .filter(|one| precision(one.1) == Some(best))
        .collect()
}

fn asks_for(service: &VirtualService, header: &str) -> bool {
    let mut matches = service.http.iter().flat_map(|route| &route.r#match);
    matches.any(|one| {
        one.headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case(header))
    })
}

/// A release and a VirtualService of one of its hosts.
struct View<'v> {
    release: Served<'v>,
    header: &'v str,
    service: &'v PlacedService<'v>,
    rules: &'v [PlacedRule<'v>],
}

fn of_views(views: &[View<'_>]) -> Vec<PlacedFinding> {
    let Some(first) = views.first() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let versions = first.release.versions();
    let lost: Vec<&str> = versions
        .into_iter()
        .filter(|version| views.iter().all(|view| view.loses(version)))
        .collect();
    for view in views {
        findings.extend(view.order(&lost));
        findings.extend(view.missing(&lost));
        findings.extend(view.shadows());
        findings.extend(view.crossed());
    }
    findings
}

/// The target of a route for a version, as far as its subsets show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The version.
    Version,
    /// The whole service.
    Service,
    /// Only other versions.
    Others,
    /// Unknown: another service, a subset with another name, or no destination.
    Unknown,
}

impl<'v> View<'v> {
    fn asked(&self, version: &'v str) -> Asked<'v> {
        Asked {
            header: self.header,
            version,
        }
    }

    fn reached(&self, version: &'v str) -> Vec<(usize, Taking)> {
        reached(self.service.1, self.asked(version))
    }

    fn route(&self, place: usize) -> Option<&'v HttpRoute> {
        self.service.1.http.get(place)
    }

    /// Whether it is certain that the decision for `version` has no effect.
    fn loses(&self, version: &str) -> bool {
        let Some(version) = self.own(version) else {
            return false;
        };
        let routes = self.reached(version);
        if routes.iter().any(|(_, taking)| taking.by_version) {
            return false;
        }
        let principal = self.release.principal().and_then(|name| self.own(name));
        let mut ends = routes.iter().filter_map(|(place, taking)| {
            let target = self.target(self.route(*place)?, version);
            Some((target, taking.share))
        });
        if principal == Some(version) {
            return ends.all(|(end, _)| end == Target::Others);
        }
        let differs_from_principal =
            principal.is_none_or(|principal| self.reached(principal) != routes);
        // A route with another condition can take the same requests as a rule with that condition. But if
        // no route matches the routing header, the decision has no effect.
        let is_obeyed = asks_for(self.service.1, self.header);
        ends.all(|(end, share)| match end {
            Target::Version => share < Share::All && !is_obeyed,
            Target::Service | Target::Others => true,
            Target::Unknown => !differs_from_principal && self.forwards(&routes),
        })
    }

    /// The name of the version, borrowed from the release.
    fn own(&self, version: &str) -> Option<&'v str> {
        let mut names = self.release.release.versions.iter().map(|one| one.name());
        names.find(|name| *name == version)
    }

    /// Whether each of these routes sends requests to a service.
    fn forwards(&self, routes: &[(usize, Taking)]) -> bool {
        let mut routes = routes.iter().filter_map(|(place, _)| self.route(*place));
        routes.all(|route| !route.route.is_empty())
    }

    fn target(&self, route: &HttpRoute, version: &str) -> Target {
        let used = route.route.iter().filter(|one| one.weight != Some(0));
        let mut ends = used.map(|one| {
            let to = &one.destination;
            let Some(subset) = &to.subset else {
                // Another service can be the service of one version.
                return if self.is_of_the_release(&to.host) {
                    Target::Service
                } else {
                    Target::Unknown
                };
            };
            if self.is_subset_of(subset, &to.host, version) {
                return Target::Version;
            }
            let others = self.release.release.versions.iter();
            let mut others = others.filter(|other| other.name() != version);
            if others.any(|other| self.is_subset_of(subset, &to.host, other.name())) {
                Target::Others
            } else {
                Target::Unknown
            }
        });
        let Some(first) = ends.next() else {
            return Target::Unknown;
        };
        ends.fold(first, |all, one| match (all, one) {
            (all, one) if all == one => all,
            (Target::Unknown, _) | (_, Target::Unknown) => Target::Unknown,
            // Different targets are chosen by weight, not by the decision.
            _ => Target::Service,
        })
    }

    fn is_of_the_release(&self, service: &str) -> bool {
        let hosts = self.release.routed();
        let namespace = self.release.namespace();
        let mut hosts = hosts.iter();
        hosts.any(|host| is_name_of(host, namespace, service))
    }

    /// Whether `subset` is the version: by its label in a DestinationRule, or else by its name.
    fn is_subset_of(&self, subset: &str, host: &str, version: &str) -> bool {
        let rules = self
            .rules
            .iter()
            .filter(|(_, rule)| covers(&rule.host, host));
        let mut known = rules
            .flat_map(|(_, rule)| &rule.subsets)
            .filter(|known| known.name == subset)
            .filter_map(|known| known.labels.get("version"))
            .peekable();
        if known.peek().is_some() {
            return known.any(|label| label == version);
        }
        subset == version
    }

    /// Routes that take all requests before a route that matches a lost version.
    fn order(&self, lost: &[&str]) -> Vec<PlacedFinding> {
        let mut findings = Vec::new();
        for version in lost.iter().filter_map(|name| self.own(name)) {
            let Some((above, below)) = self.late(version) else {
                continue;
            };
            findings.push(self.finding(
                format!("http[{above}]"),
                format!(
                    "takes every request before http[{below}] can match {}; move it below http[{below}]",
                    self.called(version)
                ),
            ));
        }
        findings
    }

    /// The route that takes all requests of `version`, and the route below it that matches the version.
    fn late(&self, version: &'v str) -> Option<(usize, usize)> {
        let (above, taking) = self.reached(version).pop()?;
        if taking.share < Share::All {
            return None;
        }
        let asked = self.asked(version);
        let mut below = self.service.1.http.iter().enumerate().skip(above + 1);
        let (below, _) = below.find(|(_, route)| asked.taken_by(route).by_version)?;
        Some((above, below))
    }

    /// Versions that no route matches.
    fn missing(&self, lost: &[&str]) -> Vec<PlacedFinding> {
        let versions = lost.iter().filter_map(|name| self.own(name));
        let versions = versions.filter(|version| self.late(version).is_none());
        let missing = |version: &'v str| {
            let header = self.header;
            let (so, above) = match self.reached(version).last() {
                Some((place, taking)) if taking.share == Share::All => {
                    (format!(", so http[{place}] takes it"), " above it")
                }
                _ => (String::new(), ""),
            };
            let message = format!(
                "no route matches {}{so}; add a route{above} with match: [ {{ headers: {{ {header}: {{ exact: {version} }} }} }} ]",
                self.called(version)
            );
            self.finding("http".into(), message)
        };
        versions.map(missing).collect()
    }

    /// Routes for a version that a route above takes already and sends to another destination.
    fn shadows(&self) -> Vec<PlacedFinding> {
        let mut findings = Vec::new();
        for version in self.release.release.versions.iter().map(|one| one.name()) {
            let asked = self.asked(version);
            let Some((above, taking)) = self.reached(version).pop() else {
                continue;
            };
            let Some(taken) = self
                .route(above)
                .filter(|_| taking.share == Share::All && taking.by_version)
            else {
                continue;
            };
            for (below, route) in self.service.1.http.iter().enumerate().skip(above + 1) {
                if asked.is_named_by(route) && route.route != taken.route {
                    let message = format!(
                        "is never reached, because http[{above}] takes {} first; keep one of the two",
                        self.called(version)
                    );
                    findings.push(self.finding(format!("http[{below}]"), message));
                }
            }
        }
        findings
    }

    /// Routes that match one version and send requests to another.
    fn crossed(&self) -> Vec<PlacedFinding> {
        let mut findings = Vec::new();
        for version in self.release.release.versions.iter().map(|one| one.name()) {
            for (place, _) in self.reached(version) {
                let Some(route) = self.route(place) else {
                    continue;
                };
                if self.asked(version).is_named_by(route)
                    && self.target(route, version) == Target::Others
                {
                    let message = format!(
                        "sends {} to the subset of another version; write the subset of {version}",
                        self.called(version)
                    );
                    findings.push(self.finding(format!("http[{place}].route"), message));
                }
            }
        }
        findings
    }

    /// The version in a message: `x-halftone-version: v2 of release reviews`.
    fn called(&self, version: &str) -> String {
        let (header, release) = (self.header, &self.release.release.name);
        format!("{header}: {version} of release {release}")
    }

    fn finding(&self, path: String, message: String) -> PlacedFinding {
        self.service.0.finding(format!("spec.{path}"), message)
    }
}
