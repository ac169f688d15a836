//! The addresses of versions and mirrors by the flags.

use super::flags::{Address, Upstream};
use crate::outcome::Failure;

/// A version or a mirror, which has an address.
pub struct Addressee {
    /// The full name, which is unique: the name of the cluster.
    pub name: String,
    /// The short name.
    short: String,
}

impl Addressee {
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

/// The address that `flags` give to each of `places`. The last flag counts.
///
/// # Errors
///
/// A flag names none of them, or several.
pub fn assign(flags: &[Upstream], places: &[Addressee]) -> Result<Vec<Option<Address>>, Failure> {
    let mut addresses = vec![None; places.len()];
    for flag in flags {
        let is_full = |place: &&Addressee| place.name == flag.of;
        let is_short = |place: &&Addressee| place.short == flag.of;
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
                    "there is no such version or mirror; write one of",
                    places.iter().map(|place| &*place.name).collect(),
                )
            } else {
                ("there are several; write one of", meant)
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
