//! The versions of a release, from the destinations of routes.

/// A destination without what only its routes say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The full name of the service.
    pub host: String,
    /// The subset.
    pub subset: Option<String>,
    /// The port.
    pub port: Option<u64>,
}

/// The versions, in the order of their first route.
#[derive(Debug, Default)]
pub struct Versions {
    all: Vec<Version>,
    /// Whether a subset has several ports, so that a version is one of its ports.
    has_ports: bool,
}

/// A version.
#[derive(Clone, Debug)]
pub struct Version {
    /// The name.
    pub name: String,
    /// The destination.
    pub target: Target,
    /// The index of the first version of the service that it belongs to.
    pub group: usize,
}

impl Versions {
    /// The versions of these routes, each an array of destinations.
    pub fn of(routes: &[Vec<Target>]) -> Self {
        let targets: Vec<&Target> = routes.iter().flatten().collect();
        let differs = |one: &Target, other: &Target| {
            one.host == other.host && one.subset == other.subset && one.port != other.port
        };
        let has_ports = targets
            .iter()
            .any(|one| targets.iter().any(|other| differs(one, other)));
        let mut versions = Self {
            all: Vec::new(),
            has_ports,
        };
        for target in targets {
            if versions.index(target).is_none() {
                let group = versions.all.len();
                versions.all.push(Version {
                    name: String::new(),
                    target: target.clone(),
                    group,
                });
            }
        }
        versions.join_hosts();
        for route in routes {
            let indices: Vec<usize> = route.iter().filter_map(|to| versions.index(to)).collect();
            for pair in indices.windows(2) {
                if let [one, other] = *pair {
                    versions.join(one, other);
                }
            }
        }
        versions.name();
        versions
    }

    /// All versions.
    pub fn all(&self) -> &[Version] {
        &self.all
    }

    /// The name of a version.
    pub fn named(&self, index: usize) -> &str {
        self.all
            .get(index)
            .map_or("", |version| version.name.as_str())
    }

    /// The service that a version belongs to.
    pub fn group(&self, index: usize) -> usize {
        self.all.get(index).map_or(0, |version| version.group)
    }

    /// The versions of a service.
    pub fn of_group(&self, group: usize) -> impl Iterator<Item = usize> {
        let all = self.all.iter().enumerate();
        all.filter(move |(_, version)| version.group == group)
            .map(|(index, _)| index)
    }

    /// The version with this name.
    pub fn by_name(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|version| version.name == name)
    }

    /// The version that is `target`.
    pub fn index(&self, target: &Target) -> Option<usize> {
        self.all.iter().position(|version| {
            let known = &version.target;
            known.host == target.host
                && known.subset == target.subset
                && (!self.has_ports || known.port == target.port)
        })
    }

    /// Versions with one host and port are of one service.
    fn join_hosts(&mut self) {
        for one in 0..self.all.len() {
            let same = |index: &usize| {
                let pair = (self.all.get(one), self.all.get(*index));
                let (Some(one), Some(other)) = pair else {
                    return false;
                };
                one.target.host == other.target.host
                    && (!self.has_ports || one.target.port == other.target.port)
            };
            if let Some(first) = (0..one).find(same) {
                self.join(first, one);
            }
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.group(one), self.group(other));
        let (kept, gone) = (one.min(other), one.max(other));
        for version in self.all.iter_mut().filter(|version| version.group == gone) {
            version.group = kept;
        }
    }

    /// Names each version by the subset, or by the service if there are several or there is no subset.
    fn name(&mut self) {
        let hosts: Vec<String> = self.all.iter().map(|one| one.target.host.clone()).collect();
        let is_alone = hosts.iter().all(|host| hosts.first() == Some(host));
        let mut names: Vec<String> = Vec::new();
        for version in &mut self.all {
            let target = &version.target;
            let service = target.host.split('.').next().unwrap_or_default();
            let mut name = match &target.subset {
                Some(subset) if is_alone => subset.clone(),
                Some(subset) => format!("{service}-{subset}"),
                None => service.to_owned(),
            };
            if self.has_ports {
                let port = target.port.map(|port| format!("-{port}"));
                name += &port.unwrap_or_default();
            }
            if names.contains(&name) {
                name = target.host.clone();
            }
            if names.contains(&name) || name.is_empty() || name.len() > 63 {
                name = format!("version-{}", names.len() + 1);
            }
            names.push(name.clone());
            version.name = name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(routes: &[&[(&str, &str, u64)]]) -> Vec<(String, usize)> {
        let target = |(host, subset, port): &(&str, &str, u64)| Target {
            host: (*host).into(),
            subset: Some((*subset).to_owned()).filter(|subset| !subset.is_empty()),
            port: Some(*port).filter(|port| *port > 0),
        };
        let routes: Vec<Vec<Target>> = routes
            .iter()
            .map(|route| route.iter().map(target).collect())
            .collect();
        let versions = Versions::of(&routes);
        let all = versions.all().iter();
        all.map(|one| (one.name.clone(), one.group)).collect()
    }

    #[test]
    fn a_version_has_the_name_of_its_subset_or_of_its_service() {
        type Table<'t> = [(&'t [&'t [(&'t str, &'t str, u64)]], &'t [(&'t str, usize)]); 6];
        let table: Table<'_> = [
            (
                &[&[("a.n.svc", "v1", 0), ("a.n.svc", "v2", 0)]],
                &[("v1", 0), ("v2", 0)],
            ),
            (&[&[("a.n.svc", "", 0)]], &[("a", 0)]),
            (
                &[&[("a-stable.n", "", 80), ("a-canary.n", "", 80)]],
                &[("a-stable", 0), ("a-canary", 0)],
            ),
            (
                &[
                    &[("a.n", "v1", 0)],
                    &[("b.n", "v1", 0)],
                    &[("a.n", "v2", 0)],
                ],
                &[("a-v1", 0), ("b-v1", 1), ("a-v2", 0)],
            ),
            (
                &[&[("a.n", "v1", 80)], &[("a.n", "v1", 90)]],
                &[("v1-80", 0), ("v1-90", 1)],
            ),
            (
                &[&[("a.n", "", 0)], &[("a.m", "", 0)]],
                &[("a", 0), ("a.m", 1)],
            ),
        ];
        for (routes, expected) in table {
            let expected: Vec<(String, usize)> = expected
                .iter()
                .map(|(name, group)| ((*name).to_owned(), *group))
                .collect();
            assert_eq!(named(routes), expected, "{routes:?}");
        }
    }
}
