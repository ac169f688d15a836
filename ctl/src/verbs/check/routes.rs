//! VirtualServices against releases: whether each version comes to a route of its own.
//!
//! Only the VirtualServices of a release's own hosts are asked. Where a host has several, one that
//! serves a version is enough: which of them a proxy has, the files do not say.

use std::collections::BTreeSet;

use halftone_resources::{HttpRoute, VirtualService};

use super::accepted::{Accepted, Served};
use super::given::Told;
use super::routing::{Asked, Share, Taking, reached};
use super::services::{covers, means};
use super::{PlacedRule, PlacedService};

/// Checks every release that routes by a header.
pub fn check(
    configurations: &[Accepted<'_>],
    services: &[PlacedService<'_>],
    rules: &[PlacedRule<'_>],
) -> Vec<Told> {
    let mut told = Vec::new();
    // A release has the same VirtualService under each of its names.
    let mut known = BTreeSet::new();
    for release in configurations.iter().flat_map(Accepted::releases) {
        let Some(header) = release.routing_header() else {
            continue;
        };
        for host in release.hosts() {
            let views: Vec<View<'_>> = of_host(&release, host, services)
                .into_iter()
                .map(|service| View {
                    release,
                    header,
                    service,
                    rules,
                })
                .collect();
            let new = of_views(&views).into_iter();
            told.extend(new.filter(|one| known.insert((one.place, one.finding.to_string()))));
        }
    }
    told
}

/// The VirtualServices that route HTTP requests for `host`: those that name it, else the most
/// precise that cover it. One for `*` may be of a gateway that has nothing to do with the release;
/// it counts if it asks for the routing header.
pub fn of_host<'g, 's>(
    release: &Served<'_>,
    host: &str,
    services: &'s [PlacedService<'g>],
) -> Vec<&'s PlacedService<'g>> {
    let namespace = release.namespace();
    let services = || services.iter().filter(|(_, one)| !one.http.is_empty());
    let naming = services().filter(|(_, service)| {
        let mut hosts = service.hosts.iter();
        hosts.any(|known| means(host, namespace, known))
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

/// A release as one VirtualService of one of its hosts has it.
struct View<'v> {
    release: Served<'v>,
    header: &'v str,
    service: &'v PlacedService<'v>,
    rules: &'v [PlacedRule<'v>],
}

fn of_views(views: &[View<'_>]) -> Vec<Told> {
    let Some(first) = views.first() else {
        return Vec::new();
    };
    let mut told = Vec::new();
    let versions = first.release.versions();
    let lost: Vec<&str> = versions
        .into_iter()
        .filter(|version| views.iter().all(|view| view.loses(version)))
        .collect();
    for view in views {
        told.extend(view.order(&lost));
        told.extend(view.missing(&lost));
        told.extend(view.shadows());
        told.extend(view.crossed());
    }
    told
}

/// Where a route takes a version, as far as its subsets tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whither {
    /// To the version.
    There,
    /// To all of the service.
    Anywhere,
    /// To other versions alone.
    Elsewhere,
    /// It cannot be told: to another service, to a subset of another name, nowhere.
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

    /// Whether it is certain that what is decided for `version` does not count.
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
            let whither = self.whither(self.route(*place)?, version);
            Some((whither, taking.share))
        });
        if principal == Some(version) {
            return ends.all(|(end, _)| end == Whither::Elsewhere);
        }
        let is_told_from_the_principal =
            principal.is_none_or(|principal| self.reached(principal) != routes);
        // What others take by some other condition may well be what a rule takes by it; not where
        // nobody looks at the decision.
        let is_obeyed = asks_for(self.service.1, self.header);
        ends.all(|(end, share)| match end {
            Whither::There => share < Share::All && !is_obeyed,
            Whither::Anywhere | Whither::Elsewhere => true,
            Whither::Unknown => !is_told_from_the_principal && self.forwards(&routes),
        })
    }

    /// The version's name, as the release has it.
    fn own(&self, version: &str) -> Option<&'v str> {
        let mut names = self.release.release.versions.iter().map(|one| one.name());
        names.find(|name| *name == version)
    }

    /// Whether every one of these routes sends requests to a service.
    fn forwards(&self, routes: &[(usize, Taking)]) -> bool {
        let mut routes = routes.iter().filter_map(|(place, _)| self.route(*place));
        routes.all(|route| !route.route.is_empty())
    }

    fn whither(&self, route: &HttpRoute, version: &str) -> Whither {
        let used = route.route.iter().filter(|one| one.weight != Some(0));
        let mut ends = used.map(|one| {
            let to = &one.destination;
            let Some(subset) = &to.subset else {
                // Another service may be a version's own.
                return if self.is_of_the_release(&to.host) {
                    Whither::Anywhere
                } else {
                    Whither::Unknown
                };
            };
            if self.is_subset_of(subset, &to.host, version) {
                return Whither::There;
            }
            let others = self.release.release.versions.iter();
            let mut others = others.filter(|other| other.name() != version);
            if others.any(|other| self.is_subset_of(subset, &to.host, other.name())) {
                Whither::Elsewhere
            } else {
                Whither::Unknown
            }
        });
        let Some(first) = ends.next() else {
            return Whither::Unknown;
        };
        ends.fold(first, |all, one| match (all, one) {
            (all, one) if all == one => all,
            (Whither::Unknown, _) | (_, Whither::Unknown) => Whither::Unknown,
            // By weight, whatever was decided.
            _ => Whither::Anywhere,
        })
    }

    fn is_of_the_release(&self, service: &str) -> bool {
        let mut hosts = self.release.hosts();
        let namespace = self.release.namespace();
        hosts.any(|host| means(host, namespace, service))
    }

    /// Whether `subset` is the version: by its name, or by the label that a DestinationRule gives.
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

    /// A route for all requests that stands above those that ask for a lost version.
    fn order(&self, lost: &[&str]) -> Vec<Told> {
        let mut told = Vec::new();
        for version in lost.iter().filter_map(|name| self.own(name)) {
            let Some((above, below)) = self.late(version) else {
                continue;
            };
            told.push(self.say(
                format!("http[{above}]"),
                format!(
                    "takes all requests before http[{below}] can match {}; move it below http[{below}]",
                    self.called(version)
                ),
            ));
        }
        told
    }

    /// The route that takes all of `version`, and the one below it that asks for it.
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

    /// Versions that no route asks for.
    fn missing(&self, lost: &[&str]) -> Vec<Told> {
        let versions = lost.iter().filter_map(|name| self.own(name));
        let versions = versions.filter(|version| self.late(version).is_none());
        let tell = |version: &'v str| {
            let header = self.header;
            let (so, above) = match self.reached(version).last() {
                Some((place, taking)) if taking.share == Share::All => {
                    (format!(", so http[{place}] takes it"), " above")
                }
                _ => (String::new(), ""),
            };
            let message = format!(
                "no route matches {}{so}; add one{above} with match: [ {{ headers: {{ {header}: {{ exact: {version} }} }} }} ]",
                self.called(version)
            );
            self.say("http".into(), message)
        };
        versions.map(tell).collect()
    }

    /// Routes for versions that a route above has taken already, to somewhere else.
    fn shadows(&self) -> Vec<Told> {
        let mut told = Vec::new();
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
                        "is never reached: http[{above}] takes {} before it; keep one of the two",
                        self.called(version)
                    );
                    told.push(self.say(format!("http[{below}]"), message));
                }
            }
        }
        told
    }

    /// Routes that ask for one version and send to another.
    fn crossed(&self) -> Vec<Told> {
        let mut told = Vec::new();
        for version in self.release.release.versions.iter().map(|one| one.name()) {
            for (place, _) in self.reached(version) {
                let Some(route) = self.route(place) else {
                    continue;
                };
                if self.asked(version).is_named_by(route)
                    && self.whither(route, version) == Whither::Elsewhere
                {
                    let message = format!(
                        "sends {} to another version's subset; name the subset of {version}",
                        self.called(version)
                    );
                    told.push(self.say(format!("http[{place}].route"), message));
                }
            }
        }
        told
    }

    /// `x-halftone-version: v2 of release reviews`.
    fn called(&self, version: &str) -> String {
        let (header, release) = (self.header, &self.release.release.name);
        format!("{header}: {version} of release {release}")
    }

    fn say(&self, path: String, message: String) -> Told {
        self.service.0.say(format!("spec.{path}"), message)
    }
}
