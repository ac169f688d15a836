//! The addresses of versions and mirrors by the flags.

use super::flags::Upstream;
use crate::outcome::Failure;

/// A version or a mirror, which has an address.
pub struct Addressee {
    /// The full name, which is unique: the name of the cluster.
    pub name: String,
    /// `release/version`, or the name. A release of several services has several with the same.
    group: String,
    /// `service/version`, in a release of several services.
    of_service: Option<String>,
    /// The short name.
    short: String,
}

impl Addressee {
    /// A version.
    pub fn version(release: &str, version: &str) -> Self {
        let name = format!("{release}/{version}");
        Self {
            group: name.clone(),
            name,
            of_service: None,
            short: version.into(),
        }
    }

    /// A version of one of several services of a release.
    pub fn of_service(release: &str, service: &str, version: &str) -> Self {
        Self {
            name: format!("{release}/{service}/{version}"),
            of_service: Some(format!("{service}/{version}")),
            ..Self::version(release, version)
        }
    }

    /// A mirror, by the name of its cluster.
    pub fn mirror(cluster: &str, mirror: &str) -> Self {
        Self {
            name: cluster.into(),
            group: cluster.into(),
            of_service: None,
            short: mirror.into(),
        }
    }

    /// Its names, the most specific first.
    fn names(&self) -> [Option<&str>; 4] {
        [
            Some(&self.name),
            Some(&self.group),
            self.of_service.as_deref(),
            Some(&self.short),
        ]
    }
}

/// The flag for each of `places`. A name that several services of one release share means all of them. The last
/// flag counts.
///
/// # Errors
///
/// A flag names none of them, or several.
pub fn assign<'f>(
    flags: &'f [Upstream],
    places: &[Addressee],
) -> Result<Vec<Option<&'f Upstream>>, Failure> {
    let mut said = vec![None; places.len()];
    for flag in flags {
        let level = (0..4).find(|level| places.iter().any(|place| is_named(place, flag, *level)));
        let mut groups: Vec<&str> = Vec::new();
        for (place, said) in places.iter().zip(&mut said) {
            if level.is_some_and(|level| is_named(place, flag, level)) {
                *said = Some(flag);
                groups.push(&place.group);
            }
        }
        groups.dedup();
        if groups.len() != 1 {
            let (wrong, names) = if groups.is_empty() {
                let names = places.iter().map(|place| &*place.name).collect();
                ("there is no such version or mirror; write one of", names)
            } else {
                ("there are several; write one of", groups)
            };
            return Err(Failure::Usage(format!(
                "--upstream {}=…: {wrong} {}",
                flag.of,
                names.join(", ")
            )));
        }
    }
    Ok(said)
}

fn is_named(place: &Addressee, flag: &Upstream, level: usize) -> bool {
    let names = place.names();
    names.get(level).copied().flatten() == Some(flag.of.as_str())
}
