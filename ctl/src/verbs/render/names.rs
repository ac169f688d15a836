//! The names of resources, of subsets, and of the service of a single version.

/// The name of the service of one `version`, if each version of `service` has its own: `reviews-v1`.
/// Names of versions can have dots, underscores and capitals. Names of services cannot.
pub fn of_version(service: &str, version: &str) -> String {
    format!(
        "{service}-{}",
        version.to_ascii_lowercase().replace(['.', '_'], "-")
    )
}

/// The name of the subset of a version. Istio requires a DNS label, in any case.
pub fn subset(version: &str) -> String {
    version.replace(['.', '_'], "-")
}

/// The first two of `names` for which `written` gives the same name.
pub fn clash<'n>(
    names: &[&'n str],
    written: impl Fn(&str) -> String,
) -> Option<(&'n str, &'n str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let before = names.iter().take(index);
        let same = before
            .copied()
            .find(|before| written(before) == written(name))?;
        Some((same, *name))
    })
}

/// A name for each resource: the short one, or the long one if several have the same short one.
pub fn unique<'n>(names: impl Iterator<Item = (&'n str, &'n str)>) -> Vec<String> {
    let names: Vec<(&str, &str)> = names.collect();
    let is_alone = |short: &str| names.iter().filter(|(other, _)| *other == short).count() == 1;
    let chosen = names
        .iter()
        .map(|(short, long)| if is_alone(short) { short } else { long });
    // A host may have an underscore, a resource may not.
    chosen.map(|name| name.replace('_', "-")).collect()
}
