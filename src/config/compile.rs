//! From the wire types to releases as they run, or to violations. Whatever can fail, fails here:
//! regular expressions, names, weights.
//!
//! Every function returns a value, also for a wrong part, so that compiling finds all violations. A
//! configuration with violations is never served.
//!
//! The functions are not inlined into each other: V8 needs more memory for one large function than
//! for many small ones, 3 MiB in each proxy here (`make cost`).

mod cohort;
mod comparisons;
mod conditions;
mod guard;
mod hosts;
mod invitations;
mod mirrors;
mod names;
mod numbers;
mod ramp;
mod session;
mod strategy;
mod versions;

use std::sync::Arc;

use super::path::Path;
use super::quoted::quoted;
use super::violation::Violations;
use super::{ExplainConfig, PluginConfig, Proxy, ReleaseConfig, RouteConfig};
use crate::invitation::Keys;
use crate::release::{Release, Releases, Route, Settings, Version};
use invitations::Inviting;
use versions::Versions;

/// The default of `route.header`.
const DEFAULT_ROUTING_HEADER: &str = "x-halftone-version";

/// Compiles `config` for `proxy`. `violations` are those found by reading it, and `identity` gives the
/// hash of the release with this index.
pub(super) fn compile(
    config: &PluginConfig,
    proxy: Proxy<'_>,
    identity: impl Fn(usize) -> u64,
    mut violations: Violations,
) -> Result<Releases, Violations> {
    let mut compiling = Compiling::new(config, proxy, &mut violations);
    for (index, one) in config.releases.iter().flatten().enumerate() {
        if violations.is_full() {
            break;
        }
        compiling.compile(one, || identity(index), &mut violations);
    }
    if violations.is_empty() {
        Ok(compiling.into_releases())
    } else {
        Err(violations)
    }
}

/// The releases of a configuration, added one by one, and what must differ between them.
pub(super) struct Compiling<'p> {
    compiled: Releases,
    proxy: Proxy<'p>,
    names: names::Unique,
    claims: hosts::Claims,
    ranges: cohort::Ranges,
}

impl<'p> Compiling<'p> {
    /// No releases yet, with the settings of `config`, for `proxy`.
    pub(super) fn new(
        config: &PluginConfig,
        proxy: Proxy<'p>,
        violations: &mut Violations,
    ) -> Self {
        let mut settings = Settings::default();
        settings.explain = config
            .explain
            .as_ref()
            .map(|explain| explain_header(explain, violations));
        settings.access_log = config.access_log.unwrap_or(false);
        let counts_responses = config
            .metrics
            .as_ref()
            .and_then(|metrics| metrics.responses);
        settings.omits_responses = counts_responses == Some(false);
        settings.mirror_budget = mirrors::budget(config.mirror_budget.as_ref(), violations);
        settings.signing = invitations::keys(config.signing.as_ref(), proxy, violations).into();
        Self {
            compiled: Releases::new(settings),
            proxy,
            names: names::Unique::new("releases"),
            claims: hosts::Claims::default(),
            ranges: cohort::Ranges::default(),
        }
    }

    /// What applies to all releases.
    pub(super) fn settings(&self) -> &Settings {
        self.compiled.settings()
    }

    /// Compiles and adds the next release. `identity` gives its [`Release::identity`], if something of
    /// it outlives updates. It depends on the proxy, and of the configuration on `one`, the mirror budget, the
    /// keys and whether responses are omitted alone: [`Known`](super::Known) relies on it.
    pub(super) fn compile(
        &mut self,
        one: &ReleaseConfig,
        identity: impl FnOnce() -> u64,
        violations: &mut Violations,
    ) -> &Arc<Release> {
        let index = self.compiled.all().len();
        let path = Path::ROOT.field("releases");
        let path = path.index(index);
        self.names
            .insert(one.name.as_deref(), index, &path, violations);
        self.claims.add(one, index, &path, violations);
        self.ranges.add(one, index, &path, violations);
        let budget = self.settings().mirror_budget;
        let keys = Arc::clone(&self.settings().signing);
        let mut release = compile_release(one, budget, &keys, self.proxy, &path, violations);
        release.counts_responses = release.guard.is_some() || !self.settings().omits_responses;
        if one.guard.is_some() || one.fallback.is_some() {
            release.identity = identity();
        }
        self.compiled.insert(release, one.claimed(self.proxy))
    }

    /// Adds a release that was compiled before. `one` has its hosts, its services and its range.
    pub(super) fn add(
        &mut self,
        release: Arc<Release>,
        one: &ReleaseConfig,
        violations: &mut Violations,
    ) {
        let index = self.compiled.all().len();
        let path = Path::ROOT.field("releases");
        let path = path.index(index);
        self.names
            .insert(Some(&release.name), index, &path, violations);
        self.claims.add(one, index, &path, violations);
        self.ranges.add(one, index, &path, violations);
        self.compiled.add(release);
    }

    /// All of them.
    pub(super) fn into_releases(self) -> Releases {
        self.compiled
    }
}

fn explain_header(explain: &ExplainConfig, violations: &mut Violations) -> Box<str> {
    let path = Path::ROOT.field("explain");
    let header = names::required(
        explain.header.as_deref(),
        &path.field("header"),
        "the request header that asks for the decision, such as header: \"x-explain\"",
        violations,
    );
    names::header(header, &path.field("header"), violations)
}

#[inline(never)]
fn compile_release(
    release: &ReleaseConfig,
    mirror_budget: usize,
    keys: &Arc<Keys>,
    proxy: Proxy<'_>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Release {
    let name = names::required(
        release.name.as_deref(),
        &path.field("name"),
        "the release's name, such as name: \"reviews\"",
        violations,
    );
    let name = names::dns_label(name, &path.field("name"), violations);

    let authorities = release
        .route
        .as_ref()
        .and_then(|route| route.authority.as_ref());
    let mut versions = Versions::new(name, authorities, taken_names(release));
    let principal = versions.required(
        release.principal.as_deref(),
        &path.field("principal"),
        "the version that gets all other requests, such as principal: \"v1\"",
        violations,
    );

    let inviting = Inviting::new(name, keys);
    let strategy = strategy::compile(
        release,
        &principal,
        proxy,
        &inviting,
        &mut versions,
        path,
        violations,
    );
    let guard = release.guard.as_ref().map(|config| {
        let is_blue_green = release.blue_green.is_some();
        let path = path.field("guard");
        guard::compile(
            config,
            is_blue_green,
            &principal,
            &mut versions,
            &path,
            violations,
        )
    });
    let fallback = release.fallback.as_ref().map(|config| {
        let path = path.field("fallback");
        guard::compile_fallback(config, &principal, &mut versions, &path, violations)
    });
    let session = release.canary.as_ref().and_then(|canary| {
        let path = path.field("canary");
        canary
            .session
            .as_ref()
            .map(|session| session::compile(session, name, &path.field("session"), violations))
    });
    let aside = cohort::compile(release, &principal, &mut versions, path, violations);
    let (versions, outcomes) = versions.into_all();
    let route = compile_route(
        release.route.as_ref(),
        &versions,
        &path.field("route"),
        violations,
    );
    let mirrors = release.mirrors.as_deref().map(|mirrors| {
        mirrors::compile(
            mirrors,
            name,
            mirror_budget,
            proxy,
            &path.field("mirrors"),
            violations,
        )
    });
    Release {
        name: name.into(),
        hosts: Vec::new(),
        versions,
        outcomes,
        principal,
        guard: guard.map(Box::new),
        fallback: fallback.map(Box::new),
        unguarded: guard::unguarded(&strategy),
        identity: 0,
        counts_responses: true,
        strategy,
        session,
        aside: aside.map(Box::new),
        route,
        invites: inviting.is_used(),
        mirrors: mirrors
            .unwrap_or_default()
            .into_iter()
            .map(Arc::new)
            .collect(),
    }
}

/// The names that no version of `release` may have, and what draws by each. Two draws by one name are
/// equal, so that a version of that name would get the very sessions that the other draw selects.
fn taken_names(release: &ReleaseConfig) -> Vec<(&'static str, &'static str)> {
    let preview = release
        .blue_green
        .as_ref()
        .and_then(|blue_green| blue_green.preview.as_ref());
    let mut matches = preview
        .iter()
        .filter_map(|preview| preview.r#match.as_ref());
    let draws_for_preview = matches.any(|all| all.iter().any(|one| one.percentage.is_some()));
    let mirrors = release
        .mirrors
        .is_some()
        .then_some(("mirror", "mirrors of this release"));
    let preview = draws_for_preview.then_some(("preview", "percentages of the preview"));
    let exclusive = release
        .exclusive
        .is_some()
        .then_some(("exclusive", "ranges of groups"));
    let holdout = release
        .holdout
        .is_some()
        .then_some(("holdout", "holdouts of groups"));
    let groups = exclusive.into_iter().chain(holdout);
    mirrors.into_iter().chain(preview).chain(groups).collect()
}

#[inline(never)]
fn compile_route(
    route: Option<&RouteConfig>,
    versions: &[Arc<Version>],
    path: &Path<'_>,
    violations: &mut Violations,
) -> Route {
    let by_default = || Route::Header(DEFAULT_ROUTING_HEADER.into());
    let Some(route) = route else {
        return by_default();
    };
    match (&route.header, &route.authority) {
        (Some(header), None) => Route::Header(names::routing_header(
            header,
            &path.field("header"),
            violations,
        )),
        (None, Some(authorities)) => {
            let path = path.field("authority");
            for (version, authority) in authorities.iter() {
                names::authority(authority, &path.field(version), violations);
            }
            let unreachable = |version: &&Arc<Version>| {
                version.authority().is_none() && !matches!(version.name(), "" | names::STAND_IN)
            };
            for version in versions.iter().filter(unreachable) {
                let name = version.name();
                let message = format!(
                    "version {} is missing; write the host of its service, such as {}",
                    quoted(name),
                    path.field(name)
                        .assign("\"reviews-v2.bookinfo.svc.cluster.local\"")
                );
                violations.add(&path, message);
            }
            Route::Authority
        }
        (Some(_), Some(_)) => {
            violations.add(path, "has both header and authority; omit one of them");
            by_default()
        }
        (None, None) => {
            violations.add(path, "empty; write header or authority, or omit route");
            by_default()
        }
    }
}
