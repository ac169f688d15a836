//! Blue-green and canary.

use std::collections::HashSet;
use std::sync::Arc;

use super::invitations::Inviting;
use super::versions::Versions;
use super::{names, numbers, ramp};
use crate::config::compile::conditions;
use crate::config::path::Path;
use crate::config::quoted::quoted;
use crate::config::violation::Violations;
use crate::config::{
    BlueGreenConfig, CanaryConfig, PreviewConfig, Proxy, ReleaseConfig, RuleConfig, WeightConfig,
};
use crate::lookup::FixedHasher;
use crate::release::{Arm, Preview, Reason, Rule, Rules, Split, Strategy, Target, Version};

/// The name by which an invitation names the preview of a blue-green release, which has no rules.
const PREVIEW: &str = "preview";

/// The strategy of `release`: at most one, and exactly one if the release has no mirrors.
#[inline(never)]
pub fn compile<'c>(
    release: &'c ReleaseConfig,
    principal: &Arc<Version>,
    proxy: Proxy<'_>,
    inviting: &Inviting<'_>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Strategy {
    match (&release.canary, &release.blue_green) {
        (Some(canary), None) => compile_canary(
            canary,
            principal,
            proxy,
            inviting,
            versions,
            &path.field("canary"),
            violations,
        ),
        (None, Some(blue_green)) => compile_blue_green(
            blue_green,
            proxy,
            inviting,
            versions,
            &path.field("blueGreen"),
            violations,
        ),
        (both, _) => {
            if both.is_some() {
                violations.add(path, "has both canary and blueGreen; omit one of them");
            } else if release.mirrors.is_none() {
                violations.add(path, "has no strategy; write canary, blueGreen or mirrors");
            }
            Strategy::Canary {
                take_over: None,
                rules: Rules::default(),
                split: None,
                ramp: None,
                principal: versions.outcome(principal, Reason::Principal),
            }
        }
    }
}

#[inline(never)]
fn compile_blue_green<'c>(
    blue_green: &'c BlueGreenConfig,
    proxy: Proxy<'_>,
    inviting: &Inviting<'_>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Strategy {
    let active = versions.required(
        blue_green.active.as_deref(),
        &path.field("active"),
        "the version that gets all traffic, such as active: \"v1\"",
        violations,
    );
    let active = versions.outcome(&active, Reason::Active);
    let preview = blue_green.preview.as_ref();
    let preview = preview.map(|preview| {
        let path = path.field("preview");
        compile_preview(preview, proxy, inviting, versions, &path, violations)
    });
    Strategy::BlueGreen { active, preview }
}

fn compile_preview<'c>(
    preview: &'c PreviewConfig,
    proxy: Proxy<'_>,
    inviting: &Inviting<'_>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Preview {
    let version = versions.required(
        preview.version.as_deref(),
        &path.field("version"),
        "the version to preview, such as version: \"v2\"",
        violations,
    );
    let matches = conditions::compile_all(
        preview.r#match.as_deref(),
        &"preview",
        proxy,
        Some((inviting, PREVIEW)),
        path,
        violations,
    );
    Preview {
        matches,
        outcome: versions.outcome(&version, Reason::Preview),
    }
}

#[inline(never)]
fn compile_canary<'c>(
    canary: &'c CanaryConfig,
    principal: &Arc<Version>,
    proxy: Proxy<'_>,
    inviting: &Inviting<'_>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Strategy {
    let rest = versions.outcome(principal, Reason::Principal);
    let take_over = canary.take_over.as_ref().map(|take_over| {
        let version = versions.version(take_over, &path.field("takeOver"), violations);
        versions.outcome(&version, Reason::TakeOver)
    });
    let rules = compile_rules(
        canary.rules.as_deref().unwrap_or_default(),
        proxy,
        inviting,
        versions,
        &path.field("rules"),
        violations,
    );
    let weights = canary
        .split
        .as_ref()
        .map(|weights| compile_weights(weights, versions, &path.field("split"), violations));
    if canary.ramp.is_some() {
        let ramp = ramp::compile(canary, weights, principal, versions, path, violations);
        return Strategy::Canary {
            take_over,
            rules: Rules::new(rules),
            split: None,
            ramp: ramp.map(Box::new),
            principal: rest,
        };
    }
    let split = weights.and_then(|weights| {
        Split::new(
            weights
                .into_iter()
                .map(|(version, weight)| {
                    let drawn = versions.outcome(&version, Reason::Split);
                    let held = versions.outcome(&version, Reason::Session);
                    Arm::new(weight, drawn, held)
                })
                .collect(),
        )
    });
    Strategy::Canary {
        take_over,
        rules: Rules::new(rules),
        split,
        ramp: None,
        principal: rest,
    }
}

fn compile_rules<'c>(
    rules: &'c [RuleConfig],
    proxy: Proxy<'_>,
    inviting: &Inviting<'_>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Rule> {
    let mut names = names::Unique::new("rules");
    let mut compiled = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        names.insert(rule.name.as_deref(), index, &path, violations);
        compiled.push(compile_rule(
            rule, proxy, inviting, versions, &path, violations,
        ));
    }
    compiled
}

#[inline(never)]
fn compile_rule<'c>(
    rule: &'c RuleConfig,
    proxy: Proxy<'_>,
    inviting: &Inviting<'_>,
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Rule {
    let name_path = path.field("name");
    let name = names::required(
        rule.name.as_deref(),
        &name_path,
        "the rule's name, such as name: \"testers\"",
        violations,
    );
    let name = names::label_value(name, &name_path, violations);
    let reason = Reason::Rule(name.into());
    let matches = conditions::compile_all(
        rule.r#match.as_deref(),
        &reason,
        proxy,
        Some((inviting, name)),
        path,
        violations,
    );
    let target = match (&rule.version, &rule.split) {
        (None, Some(weights)) => {
            let weights = compile_weights(weights, versions, &path.field("split"), violations);
            Split::new(
                weights
                    .into_iter()
                    .map(|(version, weight)| {
                        let outcome = versions.outcome(&version, reason.clone());
                        Arm::new(weight, Arc::clone(&outcome), outcome)
                    })
                    .collect(),
            )
            .map(Target::Split)
        }
        (Some(_), Some(_)) => {
            violations.add(path, "has both version and split; omit one of them");
            None
        }
        (None, None) => {
            violations.add(
                path,
                "has neither version nor split; write one of them, such as version: \"v2\"",
            );
            None
        }
        (Some(_), None) => None,
    };
    let target = target.unwrap_or_else(|| {
        let version = rule.version.as_deref().unwrap_or(names::STAND_IN);
        let version = versions.version(version, &path.field("version"), violations);
        Target::Version(versions.outcome(&version, reason))
    });
    Rule {
        name: name.into(),
        matches,
        target,
        guarded: rule.guarded.unwrap_or(true),
    }
}

/// The versions of a split that have a weight above 0. Those of weight 0 are versions of the release
/// too.
#[inline(never)]
fn compile_weights<'c>(
    weights: &'c [WeightConfig],
    versions: &mut Versions<'c>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<(Arc<Version>, f64)> {
    let mut compiled: Vec<(Arc<Version>, f64)> = Vec::with_capacity(weights.len());
    let mut known = HashSet::<_, FixedHasher>::default();
    for (index, arm) in weights.iter().enumerate() {
        let path = path.index(index);
        let version_path = path.field("version");
        let version = versions.required(
            arm.version.as_deref(),
            &version_path,
            "the version that has this weight, such as version: \"v2\"",
            violations,
        );
        if let Some(name) = &arm.version
            && !known.insert(name.as_str())
        {
            let message = format!(
                "version {} has a weight in this split already; omit one of them",
                quoted(name)
            );
            violations.add(&version_path, message);
        }
        let weight = compile_weight(arm.weight, &path.field("weight"), violations);
        compiled.push((version, weight));
    }
    if compiled.is_empty() {
        violations.add(path, "empty; give at least one version a weight above 0");
    } else if weights.iter().all(|arm| arm.weight == Some(0.0)) {
        violations.add(
            path,
            "every weight is 0; give at least one version a weight above 0",
        );
    }
    compiled.retain(|(_, weight)| *weight > 0.0);
    compiled
}

fn compile_weight(weight: Option<f64>, path: &Path<'_>, violations: &mut Violations) -> f64 {
    match weight {
        Some(weight) if weight == 0.0 || (weight > 0.0 && weight.is_normal()) => weight,
        // The quotient of a split loses digits with such a weight, or overflows.
        Some(weight) if weight > 0.0 => {
            let message = numbers::out_of_bounds("0, or a number of at least 2.3e-308", weight);
            violations.add(
                path,
                format!("{message}; multiply all weights of the split"),
            );
            0.0
        }
        Some(weight) => {
            violations.add(
                path,
                numbers::out_of_bounds("a number of 0 or more", weight),
            );
            0.0
        }
        None => {
            violations.add(
                path,
                "missing; write a number of 0 or more, such as weight: 10",
            );
            0.0
        }
    }
}
