//! Names of resources, of subsets, of each version's own service.

/// A service's own name and its namespace, where `host` is the full name of a service of Kubernetes.
pub fn name_and_namespace(host: &str) -> (&str, Option<&str>) {
    let mut labels = host.split('.');
    let name = labels.next().unwrap_or_default();
    match (labels.next(), labels.next()) {
        (Some(namespace), Some("svc")) => (name, Some(namespace)),
        _ => (name, None),
    }
}

/// The name of the service that `version` of `service` alone answers, where each version has one:
/// `reviews-v1`. Versions may have dots, underscores and capitals, which services have not.
pub fn of_version(service: &str, version: &str) -> String {
    format!(
        "{service}-{}",
        version.to_ascii_lowercase().replace(['.', '_'], "-")
    )
}

/// The subset that a version is. Istio wants a DNS label, in any case.
pub fn subset(version: &str) -> String {
    version.replace(['.', '_'], "-")
}

/// The first two of `names` that are one when they are written as `written` has it.
pub fn clash<'n>(
    names: &[&'n str],
    written: impl Fn(&str) -> String,
) -> Option<(&'n str, &'n str)> {
    names.iter().enumerate().find_map(|(place, name)| {
        let before = names.iter().take(place);
        let same = before
            .copied()
            .find(|before| written(before) == written(name))?;
        Some((same, *name))
    })
}

/// A name for each resource: the short one, or where several would have it, the long one.
pub fn unique<'n>(names: impl Iterator<Item = (&'n str, &'n str)>) -> Vec<String> {
    let names: Vec<(&str, &str)> = names.collect();
    let is_alone = |short: &str| names.iter().filter(|(other, _)| *other == short).count() == 1;
    let chosen = names
        .iter()
        .map(|(short, long)| if is_alone(short) { short } else { long });
    // A host may have an underscore, a resource not.
    chosen.map(|name| name.replace('_', "-")).collect()
}
