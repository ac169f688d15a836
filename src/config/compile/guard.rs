//! The guard and the fallback of a release.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::versions::Versions;
use super::{names, numbers};
use crate::config::duration;
use crate::config::path::Path;
use crate::config::violation::Violations;
use crate::config::{
    DurationConfig, FailureConfig, FallbackConfig, GuardConfig, ProbeConfig, RetryConfig,
};
use crate::guard::Guard;
use crate::release::{Fallback, Guarded, Probe, Reason, Rule, Strategy, Target, Version};

const DEFAULT_MARGIN: f64 = 2.0;
const DEFAULT_AT_LEAST: f64 = 3.0;
const DEFAULT_CEILING_OF_BLUE_GREEN: f64 = 20.0;
const DEFAULT_EVERY: &str = "1s";
const NEVER: &str = "never";

const LONGEST_RESPONSE: Duration = Duration::from_secs(3600);
const EVERY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
const RETRY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(720 * 3600);

#[inline(never)]
pub fn compile(
    guard: &GuardConfig,
    is_blue_green: bool,
    principal: &Arc<Version>,
    versions: &mut Versions<'_>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Guarded {
    let slower_than = slower_than(guard.slower_than.as_ref(), path, violations);
    let failures = failures(guard, path, violations);
    let margin = guard.margin.unwrap_or(DEFAULT_MARGIN);
    let ceiling = guard.ceiling;
    let ceiling = ceiling.or_else(|| is_blue_green.then_some(DEFAULT_CEILING_OF_BLUE_GREEN));
    Guarded {
        outcome: versions.outcome(principal, Reason::Guard),
        guard: Guard {
            failures,
            slower_than,
            margin: rate(margin, &path.field("margin"), violations),
            at_least: u64::from(numbers::whole(
                guard.at_least.unwrap_or(DEFAULT_AT_LEAST),
                (1, 1_000_000),
                &path.field("atLeast"),
                violations,
            )),
            ceiling: ceiling.map(|ceiling| rate(ceiling, &path.field("ceiling"), violations)),
            compares: !is_blue_green,
            retry: retry(guard.retry.as_ref(), path, violations),
        },
    }
}

#[inline(never)]
pub fn compile_fallback(
    fallback: &FallbackConfig,
    principal: &Arc<Version>,
    versions: &mut Versions<'_>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Fallback {
    let probe = fallback.probe.as_ref();
    Fallback {
        outcome: versions.outcome(principal, Reason::Fallback),
        probe: probe.map(|probe| compile_probe(probe, &path.field("probe"), violations)),
        resend: fallback.resend.unwrap_or(false),
    }
}

fn compile_probe(probe: &ProbeConfig, path: &Path<'_>, violations: &mut Violations) -> Probe {
    let path_path = path.field("path");
    let example = "the path that is requested, such as path: \"/healthz\"";
    let target = names::required(probe.path.as_deref(), &path_path, example, violations);
    let is_visible = target.bytes().all(|byte| byte.is_ascii_graphic());
    if probe.path.is_some() && !(target.starts_with('/') && is_visible) {
        let expected = "a path that begins with \"/\" and has no spaces";
        violations.add(&path_path, names::expected_got(expected, target));
    }
    let every_path = path.field("every");
    let every = probe.every.as_ref();
    let every = every.map_or(DEFAULT_EVERY, |DurationConfig(text)| text);
    let duration = numbers::duration(every, &every_path, violations);
    if duration.is_some_and(|duration| !EVERY.contains(&duration)) {
        let message = names::expected_got(r#"a duration from "1s" to "1h""#, every);
        violations.add(&every_path, message);
    }
    Probe {
        path: target.into(),
        every: milliseconds(duration.unwrap_or_default()),
    }
}

/// The indices of the outcomes that nothing overrules.
pub fn unguarded(strategy: &Strategy) -> Vec<usize> {
    let Strategy::Canary { rules, .. } = strategy else {
        return Vec::new();
    };
    let unguarded = rules.all().iter().filter(|rule| !rule.guarded);
    unguarded.flat_map(outcomes).collect()
}

fn outcomes(rule: &Rule) -> Vec<usize> {
    match &rule.target {
        Target::Version(outcome) => vec![outcome.index()],
        Target::Split(split) => split.arms().map(|arm| arm.drawn().index()).collect(),
    }
}

/// Percent as a rate from 0 to 1.
fn rate(percent: f64, path: &Path<'_>, violations: &mut Violations) -> f64 {
    if !(0.0..=100.0).contains(&percent) {
        let message = numbers::out_of_bounds("a number from 0 to 100", percent);
        violations.add(path, message);
    }
    percent / 100.0
}

fn failures(guard: &GuardConfig, path: &Path<'_>, violations: &mut Violations) -> [bool; 3] {
    let Some(chosen) = &guard.failures else {
        return [true; 3];
    };
    if chosen.is_empty() && guard.slower_than.is_none() {
        let message = "empty; write at least one of 5xx, reset and grpc, or slowerThan";
        violations.add(&path.field("failures"), message);
    }
    [
        FailureConfig::Status5xx,
        FailureConfig::Reset,
        FailureConfig::Grpc,
    ]
    .map(|kind| chosen.contains(&kind))
}

fn slower_than(
    text: Option<&DurationConfig>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Option<u64> {
    let DurationConfig(text) = text?;
    let path = path.field("slowerThan");
    let duration = numbers::duration(text, &path, violations)?;
    if duration.is_zero() || duration > LONGEST_RESPONSE {
        let message = names::expected_got(r#"a duration from "1ms" to "1h""#, text);
        violations.add(&path, message);
    }
    Some(milliseconds(duration))
}

fn retry(text: Option<&RetryConfig>, path: &Path<'_>, violations: &mut Violations) -> Option<u64> {
    let RetryConfig(text) = text?;
    if text == NEVER {
        return None;
    }
    let path = path.field("retry");
    let duration = duration::parse(text).filter(|duration| RETRY.contains(duration));
    if duration.is_none() {
        let expected = r#""never", or a duration from "1s" to "720h""#;
        violations.add(&path, names::expected_got(expected, text));
    }
    duration.map(milliseconds)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
