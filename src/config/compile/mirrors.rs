//! Mirrors and their destinations.

use std::sync::Arc;
use std::time::Duration;

use super::{comparisons, conditions, names, numbers};
use crate::config::violation::{Path, Violations};
use crate::config::{DestinationConfig, HeadersConfig, MirrorConfig, Named};
use crate::destination::Destination;
use crate::mirror::{Edits, Mirror};

const DEFAULT_BUDGET: &str = "16MiB";
const DEFAULT_PERCENTAGE: f64 = 100.0;
const DEFAULT_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const DEFAULT_TIMEOUT: &str = "5s";
const DEFAULT_MAX_BODY: &str = "64KiB";
const DEFAULT_MAX_IN_FLIGHT: f64 = 128.0;

/// A copy that is not answered within an hour never will be.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// A plugin's memory ends at 1 GiB, and with it the worker's plugin. What grows is copied, and the
/// allocator leaves gaps.
const MOST_BUDGET: usize = 128 << 20;

/// The name that the percentages of all mirrors of a release are drawn by, so that what a smaller
/// one takes a larger one takes too.
const PERCENTAGE_SALT: &str = "mirror";

/// How many bytes all copies of a worker may hold together.
pub fn budget(text: Option<&str>, violations: &mut Violations) -> usize {
    let path = Path::ROOT.field("mirrorBudget");
    let text = text.unwrap_or(DEFAULT_BUDGET);
    let size = numbers::size(text, &path, violations);
    if size.is_some_and(|size| size > MOST_BUDGET) {
        violations.add(&path, format!("is {text}"), "give up to 128MiB");
    }
    size.unwrap_or(usize::MAX)
}

/// The mirrors of the release named `release`, whose copies share a budget of `budget` bytes.
pub fn compile(
    mirrors: &[MirrorConfig],
    release: &str,
    budget: usize,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Mirror> {
    if mirrors.is_empty() {
        violations.add(
            path,
            "is empty",
            "name at least one mirror, or leave mirrors away",
        );
    }
    let mut names = names::Unique::new("mirrors", "mirror");
    let mut compiled = Vec::with_capacity(mirrors.len());
    for (index, mirror) in mirrors.iter().enumerate() {
        let path = path.index(index);
        names.insert(mirror.name.as_deref(), index, &path, violations);
        compiled.push(compile_mirror(mirror, release, budget, &path, violations));
    }
    compiled
}

fn compile_mirror(
    mirror: &MirrorConfig,
    release: &str,
    budget: usize,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Mirror {
    let name_path = path.field("name");
    let name = names::required(
        mirror.name.as_deref(),
        &name_path,
        "give the mirror a name",
        violations,
    );
    names::label_value(name, &name_path, violations);
    let matches = mirror.r#match.as_deref().map(|matches| {
        conditions::compile_all(
            Some(matches),
            &format_args!("mirror:{name}"),
            path,
            violations,
        )
    });
    Mirror {
        name: name.into(),
        cluster: compile_cluster(mirror, path, violations),
        percentage: numbers::percentage(
            mirror.percentage.unwrap_or(DEFAULT_PERCENTAGE),
            PERCENTAGE_SALT,
            &path.field("percentage"),
            violations,
        ),
        matches: matches.unwrap_or_default(),
        methods: compile_methods(mirror.methods.as_deref(), path, violations),
        timeout: compile_timeout(mirror.timeout.as_deref(), path, violations),
        max_body: max_body(mirror.max_body.as_deref(), budget, path, violations),
        max_in_flight: numbers::whole(
            mirror.max_in_flight.unwrap_or(DEFAULT_MAX_IN_FLIGHT),
            (1, 100_000),
            &path.field("maxInFlight"),
            violations,
        ),
        edits: compile_edits(mirror, release, path, violations),
        compare: mirror.compare.as_ref().map(|compare| {
            let path = path.field("compare");
            Arc::new(comparisons::compile(
                compare, name, budget, &path, violations,
            ))
        }),
    }
}

fn compile_cluster(
    mirror: &MirrorConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Box<str> {
    const ALLOWED: &str = "say who gets the copies by one of them";
    match (&mirror.destination, &mirror.cluster) {
        (Some(destination), None) => {
            let destination =
                compile_destination(destination, &path.field("destination"), violations);
            destination.to_string().into()
        }
        (None, Some(cluster)) => {
            let path = path.field("cluster");
            names::cluster(cluster, &path, violations);
            cluster.as_str().into()
        }
        (Some(_), Some(_)) => {
            violations.add(path, "has both destination and cluster", ALLOWED);
            Box::default()
        }
        (None, None) => {
            violations.add(path, "has neither destination nor cluster", ALLOWED);
            Box::default()
        }
    }
}

fn compile_destination(
    destination: &DestinationConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Destination {
    let host_path = path.field("host");
    let host = names::required(
        destination.host.as_deref(),
        &host_path,
        "give the service's full name",
        violations,
    );
    names::service(host, &host_path, violations);
    let port_path = path.field("port");
    let port = match destination.port {
        Some(port) => numbers::whole(port, (1, 65_535), &port_path, violations),
        None => {
            violations.add(&port_path, "is missing", "give the service's port");
            0
        }
    };
    if let Some(subset) = &destination.subset {
        names::label_value(subset, &path.field("subset"), violations);
    }
    Destination {
        host: host.into(),
        port: port as u16,
        subset: destination.subset.as_deref().map(Into::into),
    }
}

fn compile_methods(
    methods: Option<&[String]>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Box<str>> {
    let Some(methods) = methods else {
        return DEFAULT_METHODS.map(Into::into).into();
    };
    let path = path.field("methods");
    if methods.is_empty() {
        violations.add(&path, "is empty", "name at least one method");
    }
    for (index, method) in methods.iter().enumerate() {
        names::method(method, &path.index(index), violations);
    }
    methods
        .iter()
        .map(|method| method.as_str().into())
        .collect()
}

fn compile_timeout(text: Option<&str>, path: &Path<'_>, violations: &mut Violations) -> Duration {
    let path = path.field("timeout");
    let text = text.unwrap_or(DEFAULT_TIMEOUT);
    let timeout = numbers::duration(text, &path, violations);
    if timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST_TIMEOUT) {
        violations.add(&path, format!("is {text}"), "give 1ms to 1h");
    }
    timeout.unwrap_or_default()
}

/// The field `maxBody` of the mirror or comparison at `path`.
pub fn max_body(
    text: Option<&str>,
    budget: usize,
    path: &Path<'_>,
    violations: &mut Violations,
) -> usize {
    let path = path.field("maxBody");
    let text = text.unwrap_or(DEFAULT_MAX_BODY);
    let size = numbers::size(text, &path, violations);
    if size.is_some_and(|size| size > budget) {
        let wrong = format!("{text} is more than mirrorBudget, all that copies may hold together");
        violations.add(&path, wrong, "lower it, or raise mirrorBudget");
    }
    size.unwrap_or_default()
}

fn compile_edits(
    mirror: &MirrorConfig,
    release: &str,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Edits {
    if let Some(authority) = &mirror.authority {
        names::authority(authority, &path.field("authority"), violations);
    }
    let mut edits = Edits {
        mark: release.into(),
        authority: mirror.authority.as_deref().map(Into::into),
        ..Edits::default()
    };
    if let Some(headers) = &mirror.headers {
        compile_headers(headers, &mut edits, &path.field("headers"), violations);
    }
    edits
}

fn compile_headers(
    headers: &HeadersConfig,
    edits: &mut Edits,
    path: &Path<'_>,
    violations: &mut Violations,
) {
    let set_path = path.field("set");
    for (name, value) in headers.set.iter().flat_map(Named::iter) {
        let path = set_path.field(name);
        let name = names::copied_header(name, &path, violations);
        names::header_value(value, &path, violations);
        if edits.set.iter().any(|(other, _)| *other == name) {
            violations.add(
                &path,
                format!("`{name}` stands here twice"),
                "name each header once; case does not matter",
            );
        }
        edits.set.push((name, value.as_str().into()));
    }
    let remove_path = path.field("remove");
    for (index, name) in headers.remove.iter().flatten().enumerate() {
        let path = remove_path.index(index);
        edits
            .remove
            .push(names::copied_header(name, &path, violations));
    }
}
