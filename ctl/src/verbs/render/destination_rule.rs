//! Istio's `DestinationRule`: a subset for each version, and for each subset that a mirror names.

use halftone::destination::Destination;
use halftone::release::Route;
use halftone_resources::service::{name_and_namespace, qualified};

use super::Kind;
use super::about::{About, Subject};
use super::names::{clash, subset, unique};
use super::yaml::Object;
use crate::outcome::{Failure, Finding};

/// The subsets of a service.
struct Rule {
    host: String,
    is_guess: bool,
    /// The name of each subset, and the label of its workloads.
    subsets: Vec<(String, String)>,
}

/// A DestinationRule for each service.
pub fn render(about: &About<'_>) -> Result<Vec<Object>, Failure> {
    let objects = render_if_any(about)?;
    if objects.is_empty() {
        let why = "no release routes by a header, and no mirror names a subset";
        return Err(about.nothing(Kind::DestinationRule, why));
    }
    Ok(objects)
}

/// The same, or nothing if there are no subsets.
pub fn render_if_any(about: &About<'_>) -> Result<Vec<Object>, Failure> {
    let by_header = |subject: &&Subject<'_>| matches!(subject.release.route, Route::Header(_));
    let subjects: Vec<&Subject<'_>> = about.releases.iter().filter(by_header).collect();
    let mut findings = clashes(about, &subjects);
    let mut rules = Vec::new();
    for subject in &subjects {
        for service in &subject.services.all {
            let is_guess = subject.services.is_guess;
            for version in &subject.release.versions {
                let name = version.name();
                add(
                    &mut rules,
                    &service.host,
                    is_guess,
                    (subset(name), name.into()),
                );
            }
        }
    }
    for subject in &about.releases {
        for (place, mirror) in subject.release.mirrors.iter().enumerate() {
            let destination = Destination::of_cluster(&mirror.cluster);
            let Some((host, name)) =
                destination.and_then(|found| Some((found.host, found.subset?)))
            else {
                continue;
            };
            if *subset(&name) != *name {
                findings.push(about.finding(
                    &format!("releases[{}].mirrors[{place}]", subject.index),
                    format!(
                        "Istio does not allow dots or underscores in the name of a subset such as `{name}`; write {}",
                        subset(&name)
                    ),
                ));
            }
            let host = qualified(&host, &about.plugin.namespace);
            add(&mut rules, &host, false, (name.clone().into(), name.into()));
        }
    }
    if !findings.is_empty() {
        return Err(Failure::Refused(findings));
    }
    let short = rules.iter().map(|rule| name_and_namespace(&rule.host).0);
    let names = unique(short.zip(rules.iter().map(|rule| rule.host.as_str())));
    let objects = rules.iter().zip(names);
    Ok(objects
        .map(|(rule, name)| rule.render(about, &name))
        .collect())
}

/// The findings on versions of one release that would have the same subset.
pub fn clashes(about: &About<'_>, subjects: &[&Subject<'_>]) -> Vec<Finding> {
    let clashing = subjects.iter().filter_map(|subject| {
        let (first, second) = clash(&subject.versions(), subset)?;
        let message = format!(
            "the versions `{first}` and `{second}` would both have the subset {}; rename one of them",
            subset(second)
        );
        Some(about.finding(&format!("releases[{}]", subject.index), message))
    });
    clashing.collect()
}

/// Adds a subset to the rule of `host`, unless the rule has one with that name.
fn add(rules: &mut Vec<Rule>, host: &str, is_guess: bool, subset: (String, String)) {
    match rules.iter_mut().find(|rule| rule.host == host) {
        None => rules.push(Rule {
            host: host.into(),
            is_guess,
            subsets: vec![subset],
        }),
        Some(rule) if rule.subsets.iter().all(|(name, _)| *name != subset.0) => {
            rule.subsets.push(subset)
        }
        Some(_) => {}
    }
}

impl Rule {
    fn render(&self, about: &About<'_>, name: &str) -> Object {
        let subsets = self.subsets.iter().map(|(name, label)| {
            let labels = Object::new().field("version", label);
            Object::new().field("name", name).object("labels", labels)
        });
        let spec = Object::new();
        let spec = if self.is_guess {
            spec.comment(super::about::GUESS)
        } else {
            spec
        };
        let spec = spec
            .field("host", &self.host)
            .comment("Choose: the label that distinguishes the workloads of the versions, if it is not version.")
            .list("subsets", subsets);
        about
            .resource("networking.istio.io/v1", "DestinationRule", name)
            .object("spec", spec)
    }
}
