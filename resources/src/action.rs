//! Actions: one change of a release, in the text that contains it.
//!
//! [`apply`] changes the text of a file and keeps its comments, order and style. [`apply_to_value`] changes a
//! configuration that is already read, for example from a cluster. Both refuse an action whose result has violations.

mod edit;
mod error;
mod find;
mod ignore;
mod plan;
mod route;
mod write;

use halftone::config::{PluginConfig, ReleaseConfig};
use serde::Deserialize;
use serde_json::Value;

use crate::yaml;
pub use edit::{Edit, Step};
pub use error::ActionError;
pub use ignore::ignore;

/// An action on a release.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Sets weights of `canary.split`, and creates the split if there is none. If all versions of the split but one are
    /// given, that one gets the rest of 100.
    SetWeight(Vec<Weight>),
    /// Sets `canary.takeOver` to this version.
    TakeOver(String),
    /// Removes `canary.takeOver`.
    Restore,
    /// Sets `blueGreen.active` to this version.
    Switch(String),
    /// Makes this version the principal, which gets all requests that no rule claims. In a text with the VirtualService
    /// of the release, the last route leads to it too.
    Promote(String),
    /// Gives all requests to the principal: by `canary.takeOver`, or by `blueGreen.active`. A ramp is held at 0 instead.
    Rollback,
    /// Holds the ramp at the percentage that it has.
    Pause,
    /// Ends the hold of the ramp and moves its start, so that it continues from the percentage at which it was held.
    Resume,
}

/// The weight of a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// The version.
    pub version: String,
    /// The weight, 0 or more.
    pub weight: f64,
}

/// What an action changes in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The new text. It is the old text if the action changes nothing.
    pub text: String,
    /// The changed lines as a unified diff without a header. Empty: the action changes nothing.
    pub diff: String,
    /// What the action changes in the configuration.
    pub outcome: Outcome,
    /// The number of VirtualServices in the text that route the release by a header. 0: only a promotion looks for them.
    pub routes: usize,
}

/// What a promotion changes in a text that has VirtualServices of the release, and not the release itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteChange {
    /// The new text. It is the old text if nothing changes.
    pub text: String,
    /// The changed lines as a unified diff without a header. Empty: nothing changes.
    pub diff: String,
    /// The number of VirtualServices that route the release.
    pub routes: usize,
    /// What the user must know or do as well, one sentence each.
    pub notes: Vec<String>,
}

/// What an action changes in a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The name of the release.
    pub release: String,
    /// The configuration before.
    pub before: Value,
    /// The configuration after.
    pub after: Value,
    /// The changes, in order. Their paths begin at the configuration.
    pub edits: Vec<Edit>,
    /// What the user must know or do as well, one sentence each.
    pub notes: Vec<String>,
}

/// Applies `action` to the release named `release` in `text`. A text with only one release needs no name. `now` is the
/// time in milliseconds since 1970-01-01T00:00:00Z.
///
/// `text` is a plugin configuration, or resources that contain one, in YAML or JSON.
///
/// ```
/// use halftone_resources::action::{Action, apply};
///
/// let text = "\
/// releases:
/// - name: reviews
///   hosts: [reviews]
///   principal: v1
///   canary:
///     split: [ { version: v2, weight: 10 }, { version: v1, weight: 90 } ] # since Monday
/// ";
/// let change = apply(text, None, &Action::TakeOver("v1".into()), 0).unwrap();
///
/// assert_eq!(change.text, format!("{text}    takeOver: v1\n"));
/// ```
///
/// # Errors
///
/// The text or the release cannot be read, the action does not fit the release, or the result has violations.
pub fn apply(
    text: &str,
    release: Option<&str>,
    action: &Action,
    now: u64,
) -> Result<Change, ActionError> {
    let documents: Vec<Value> = yaml::documents(text).map_err(crate::Unreadable::from)?;
    let found = find::configuration(&documents, release)?;
    let mut outcome = apply_to_value(found.value, release, action, now)?;
    let mut edits: Vec<(usize, Edit)> = outcome
        .edits
        .iter()
        .map(|edit| (found.document, edit.within(&found.path)))
        .collect();
    let mut found = 0;
    if let Action::Promote(version) = action {
        let routes = route::to_promoted(&documents, &outcome, version)?;
        found = routes.found;
        edits.extend(routes.edits);
        outcome.notes.extend(routes.notes);
    }
    let text_after = write::edited(text, &documents, &edits)?;
    Ok(Change {
        diff: diff(text, &text_after),
        text: text_after,
        outcome,
        routes: found,
    })
}

/// Lets the last routes of the VirtualServices in `text`, for requests that Halftone did not see, lead to `version`,
/// which `outcome` promotes in another text.
///
/// # Errors
///
/// The text cannot be read, or an alias shares what changes.
pub fn promote_routes(
    text: &str,
    outcome: &Outcome,
    version: &str,
) -> Result<RouteChange, ActionError> {
    let documents: Vec<Value> = yaml::documents(text).map_err(crate::Unreadable::from)?;
    let routes = route::to_promoted(&documents, outcome, version)?;
    let text_after = write::edited(text, &documents, &routes.edits)?;
    Ok(RouteChange {
        diff: diff(text, &text_after),
        text: text_after,
        routes: routes.found,
        notes: routes.notes,
    })
}

fn diff(before: &str, after: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    diff.unified_diff().to_string()
}

/// Applies `action` to the release named `release` in the plugin configuration `config`, as [`apply`] does.
///
/// # Errors
///
/// As [`apply`].
pub fn apply_to_value(
    config: &Value,
    release: Option<&str>,
    action: &Action,
    now: u64,
) -> Result<Outcome, ActionError> {
    let compiled = halftone::config::load_value(config).map_err(ActionError::InvalidBefore)?;
    // A valid configuration can be read.
    let read = PluginConfig::deserialize(config).unwrap_or_default();
    let releases = read.releases.unwrap_or_default();
    let (index, release) = one(&releases, release)?;
    let mut compiled = compiled.all().iter();
    let compiled = compiled.find(|one| release.name.as_deref() == Some(&*one.name));
    // A valid configuration has compiled all its releases.
    let compiled = compiled.ok_or(ActionError::NoReleases)?;
    let plan = plan::plan(release, compiled, action, now)?;
    let at = [Step::Key("releases".into()), Step::Index(index)];
    let edits: Vec<Edit> = plan.edits.iter().map(|edit| edit.within(&at)).collect();
    let mut after = config.clone();
    for edit in &edits {
        edit.apply(&mut after);
    }
    halftone::config::load_value(&after).map_err(ActionError::InvalidAfter)?;
    Ok(Outcome {
        release: release.name.clone().unwrap_or_default(),
        before: config.clone(),
        after,
        edits,
        notes: plan.notes,
    })
}

/// The release of this name, or the only one, and its index.
fn one<'r>(
    releases: &'r [ReleaseConfig],
    name: Option<&str>,
) -> Result<(usize, &'r ReleaseConfig), ActionError> {
    let names = || {
        let names = releases.iter().filter_map(|release| release.name.clone());
        names.collect()
    };
    let mut found = releases.iter().enumerate();
    match (name, releases) {
        (Some(name), _) => found
            .find(|(_, release)| release.name.as_deref() == Some(name))
            .ok_or_else(|| ActionError::NoRelease {
                name: name.into(),
                names: names(),
            }),
        (None, [one]) => Ok((0, one)),
        (None, []) => Err(ActionError::NoReleases),
        (None, _) => Err(ActionError::SeveralReleases(names())),
    }
}
