//! The place of a configuration in the documents of a text.

use serde_json::Value;

use super::edit::Step;
use super::error::ActionError;
use crate::document::Unreadable;
use crate::resource::Resource;

/// A configuration in a text.
#[derive(Debug)]
pub(super) struct Found<'d> {
    /// The index of the document.
    pub document: usize,
    /// The path in the document.
    pub path: Vec<Step>,
    /// The configuration.
    pub value: &'d Value,
}

/// The configuration that has the release of this name, or the only configuration.
pub(super) fn configuration<'d>(
    documents: &'d [Value],
    release: Option<&str>,
) -> Result<Found<'d>, ActionError> {
    if documents.iter().all(Value::is_null) {
        return Err(Unreadable::Empty.into());
    }
    let mut found = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        each(index, document, &mut found)?;
    }
    if found.is_empty() {
        return Err(ActionError::NoConfiguration);
    }
    if found.len() == 1 {
        return found.pop().ok_or(ActionError::NoConfiguration);
    }
    let names: Vec<String> = found.iter().flat_map(|one| names(one.value)).collect();
    match release {
        Some(name) => {
            found.retain(|one| names_of(one.value).any(|other| other == name));
            if found.len() > 1 {
                return Err(ActionError::SeveralPlugins(name.into()));
            }
            found.pop().ok_or(ActionError::NoRelease {
                name: name.into(),
                names,
            })
        }
        None => {
            found.retain(|one| names_of(one.value).next().is_some());
            match (found.pop(), found.is_empty()) {
                (Some(one), true) => Ok(one),
                (None, _) => Err(ActionError::NoReleases),
                _ => Err(ActionError::SeveralReleases(names)),
            }
        }
    }
}

/// Adds the configuration in a document, or those in the items of a `List`.
fn each<'d>(
    document: usize,
    value: &'d Value,
    found: &mut Vec<Found<'d>>,
) -> Result<(), Unreadable> {
    let kind = value.get("kind").and_then(Value::as_str);
    let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
    let items = value
        .get("items")
        .and_then(Value::as_array)
        .filter(|_| is_list);
    let Some(items) = items else {
        found.extend(one(document, value, &[])?);
        return Ok(());
    };
    for (index, item) in items.iter().enumerate() {
        found.extend(one(document, item, &["items".into(), index.into()])?);
    }
    Ok(())
}

fn one<'d>(
    document: usize,
    value: &'d Value,
    prefix: &[Step],
) -> Result<Option<Found<'d>>, Unreadable> {
    if !value.is_object() {
        return Ok(None);
    }
    let resource = Resource::of(value.clone())?;
    let Some((place, _)) = resource.configuration() else {
        return Ok(None);
    };
    let fields = place.split('.').filter(|field| !field.is_empty());
    let config = fields.clone().try_fold(value, |value, key| value.get(key));
    Ok(config.map(|value| Found {
        document,
        path: prefix
            .iter()
            .cloned()
            .chain(fields.map(Step::from))
            .collect(),
        value,
    }))
}

fn names(config: &Value) -> Vec<String> {
    names_of(config).map(Into::into).collect()
}

fn names_of(config: &Value) -> impl Iterator<Item = &str> {
    let releases = config.get("releases").and_then(Value::as_array);
    let releases = releases.into_iter().flatten();
    releases.filter_map(|release| release.get("name")?.as_str())
}
