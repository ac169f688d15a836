//! Mirrors and their destinations.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{comparisons, conditions, names, numbers};
use crate::config::path::Path;
use crate::config::quoted::quoted;
use crate::config::violation::Violations;
use crate::config::{
    DestinationConfig, DurationConfig, HeadersConfig, MirrorConfig, Named, Proxy, SizeConfig,
};
use crate::destination::Destination;
use crate::lookup::FixedHasher;
use crate::mirror::{Edits, Mirror};

const DEFAULT_BUDGET: &str = "16MiB";
const DEFAULT_PERCENTAGE: f64 = 100.0;
const DEFAULT_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const DEFAULT_TIMEOUT: &str = "5s";
const DEFAULT_MAX_BODY: &str = "64KiB";
const DEFAULT_MAX_IN_FLIGHT: f64 = 128.0;

/// A mirror that has not answered within an hour never will.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// The upper bound of `mirrorBudget`. A plugin may have 1 GiB of memory, and the worker's plugin ends
/// if it needs more. Buffers that grow are copied, and the allocator leaves gaps.
const MOST_BUDGET: usize = 128 << 20;
const MOST_BUDGET_TEXT: &str = "128MiB";

/// The name by which the percentages of all mirrors of a release are drawn, so that a larger one
/// includes the sessions of a smaller one.
const PERCENTAGE_SALT: &str = "mirror";

/// The number of bytes that all copies of a worker may use together.
pub fn budget(text: Option<&SizeConfig>, violations: &mut Violations) -> usize {
    let path = Path::ROOT.field("mirrorBudget");
    let text = text.map_or(DEFAULT_BUDGET, |SizeConfig(text)| text);
    let size = numbers::size(text, &path, violations);
    if size.is_some_and(|size| size > MOST_BUDGET) {
        let message = numbers::beyond("at most", MOST_BUDGET_TEXT, text, &path);
        violations.add(&path, message);
    }
    size.unwrap_or(usize::MAX)
}

/// The mirrors of the release named `release`, whose copies share a budget of `budget` bytes.
#[inline(never)]
pub fn compile(
    mirrors: &[MirrorConfig],
    release: &str,
    budget: usize,
    proxy: Proxy<'_>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Mirror> {
    if mirrors.is_empty() {
        violations.add(path, "empty; write at least one mirror, or omit mirrors");
    }
    let mut names = names::Unique::new("mirrors");
    let mut compiled = Vec::with_capacity(mirrors.len());
    for (index, mirror) in mirrors.iter().enumerate() {
        let path = path.index(index);
        names.insert(mirror.name.as_deref(), index, &path, violations);
        compiled.push(compile_mirror(
            mirror, release, budget, proxy, &path, violations,
        ));
    }
    compiled
}

#[inline(never)]
fn compile_mirror(
    mirror: &MirrorConfig,
    release: &str,
    budget: usize,
    proxy: Proxy<'_>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Mirror {
    let name_path = path.field("name");
    let name = names::required(
        mirror.name.as_deref(),
        &name_path,
        "the mirror's name, such as name: \"shadow\"",
        violations,
    );
    let name = names::label_value(name, &name_path, violations);
    let matches = mirror.r#match.as_deref().map(|matches| {
        conditions::compile_all(
            Some(matches),
            &format_args!("mirror:{name}"),
            proxy,
            None,
            path,
            violations,
        )
    });
    let (cluster, waypoint_cluster) = compile_cluster(mirror, path, violations);
    Mirror {
        name: name.into(),
        cluster,
        waypoint_cluster,
        percentage: numbers::percentage(
            mirror.percentage.unwrap_or(DEFAULT_PERCENTAGE),
            PERCENTAGE_SALT,
            &path.field("percentage"),
            violations,
        ),
        matches: matches.unwrap_or_default(),
        methods: compile_methods(mirror.methods.as_deref(), path, violations),
        timeout: compile_timeout(mirror.timeout.as_ref(), path, violations),
        max_body: max_body(mirror.max_body.as_ref(), budget, path, violations),
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

/// The name of the cluster, and its name at a waypoint if that differs.
#[inline(never)]
fn compile_cluster(
    mirror: &MirrorConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> (Box<str>, Option<Box<str>>) {
    match (&mirror.destination, &mirror.cluster) {
        (Some(destination), None) => {
            let destination =
                compile_destination(destination, &path.field("destination"), violations);
            let at_waypoint = destination.waypoint_cluster();
            (destination.to_string().into(), Some(at_waypoint.into()))
        }
        (None, Some(cluster)) => {
            let path = path.field("cluster");
            names::cluster(cluster, &path, violations);
            (cluster.as_str().into(), None)
        }
        (Some(_), Some(_)) => {
            violations.add(path, "has both destination and cluster; omit one of them");
            Default::default()
        }
        (None, None) => {
            violations.add(
                path,
                "has neither destination nor cluster; write one of them",
            );
            Default::default()
        }
    }
}

#[inline(never)]
fn compile_destination(
    destination: &DestinationConfig,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Destination {
    let host_path = path.field("host");
    let host = names::required(
        destination.host.as_deref(),
        &host_path,
        "the service's full name, such as host: \"reviews.bookinfo.svc.cluster.local\"",
        violations,
    );
    names::service(host, &host_path, violations);
    let port_path = path.field("port");
    let port = match destination.port {
        Some(port) => numbers::whole(port, (1, 65_535), &port_path, violations),
        None => {
            violations.add(
                &port_path,
                "missing; write the service's port, such as port: 9080",
            );
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
        violations.add(&path, "empty; write at least one method, or omit methods");
    }
    for (index, method) in methods.iter().enumerate() {
        names::method(method, &path.index(index), violations);
    }
    methods
        .iter()
        .map(|method| method.as_str().into())
        .collect()
}

fn compile_timeout(
    text: Option<&DurationConfig>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Duration {
    let path = path.field("timeout");
    let text = text.map_or(DEFAULT_TIMEOUT, |DurationConfig(text)| text);
    let timeout = numbers::duration(text, &path, violations);
    if timeout.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST_TIMEOUT) {
        violations.add(
            &path,
            names::expected_got(r#"a duration from "1ms" to "1h""#, text),
        );
    }
    timeout.unwrap_or_default()
}

/// The field `maxBody` of the mirror or comparison at `path`.
pub fn max_body(
    text: Option<&SizeConfig>,
    budget: usize,
    path: &Path<'_>,
    violations: &mut Violations,
) -> usize {
    let path = path.field("maxBody");
    let text = text.map_or(DEFAULT_MAX_BODY, |SizeConfig(text)| text);
    let size = numbers::size(text, &path, violations);
    if size.is_some_and(|size| size > budget) {
        let message = format!(
            "{} is more than mirrorBudget, which all copies share; lower it, or raise mirrorBudget",
            quoted(text)
        );
        violations.add(&path, message);
    }
    size.unwrap_or_default()
}

#[inline(never)]
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
    let mut known = HashSet::<_, FixedHasher>::default();
    for (name, value) in headers.set.iter().flat_map(Named::iter) {
        let path = set_path.field(name);
        let name = names::copied_header(name, &path, violations);
        names::header_value(value, &path, violations);
        if !known.insert(name.clone()) {
            let message = format!(
                "{} is set already; omit one of them (case is ignored)",
                quoted(&name)
            );
            violations.add(&path, message);
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
