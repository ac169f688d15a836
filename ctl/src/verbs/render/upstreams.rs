//! Where versions and mirrors are, as the flags say.

use super::flags::{Address, Upstream};
use crate::outcome::Failure;

/// Something that has an address.
pub struct Place {
    /// Its full name, which nothing else has: a cluster's.
    pub name: String,
    /// What it is called for short.
    short: String,
}

impl Place {
    /// A version.
    pub fn version(release: &str, version: &str) -> Self {
        Self {
            name: format!("{release}/{version}"),
            short: version.into(),
        }
    }

    /// A mirror, by the name of its cluster.
    pub fn mirror(cluster: &str, mirror: &str) -> Self {
        Self {
            name: cluster.into(),
            short: mirror.into(),
        }
    }
}

/// What `flags` say of each of `places`; the last word counts.
///
/// # Errors
///
/// When one is of none of them, or may be of several.
pub fn assign(flags: &[Upstream], places: &[Place]) -> Result<Vec<Option<Address>>, Failure> {
    let mut addresses = vec![None; places.len()];
    for flag in flags {
        let is_full = |place: &&Place| place.name == flag.of;
        let is_short = |place: &&Place| place.short == flag.of;
        let mut meant: Vec<&str> = places
            .iter()
            .filter(is_full)
            .map(|place| &*place.name)
            .collect();
        if meant.is_empty() {
            meant = places
                .iter()
                .filter(is_short)
                .map(|place| &*place.name)
                .collect();
        }
        let [name] = *meant.as_slice() else {
            let (wrong, names) = if meant.is_empty() {
                (
                    "there is none; give one of",
                    places.iter().map(|place| &*place.name).collect(),
                )
            } else {
                ("there are several; give one of", meant)
            };
            return Err(Failure::Usage(format!(
                "--upstream {}=…: {wrong} {}",
                flag.of,
                names.join(", ")
            )));
        };
        for (place, address) in places.iter().zip(&mut addresses) {
            if place.name == name {
                *address = Some(flag.address.clone());
            }
        }
    }
    Ok(addresses)
}
