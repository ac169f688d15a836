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
    for place in places(documents) {
        found.extend(one(place)?);
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

/// A resource or a configuration in a text.
#[derive(Debug)]
pub(super) struct Place<'d> {
    /// The index of the document.
    pub document: usize,
    /// The path in the document.
    pub path: Vec<Step>,
    /// The object.
    pub value: &'d Value,
}

/// The objects of all documents. Those of a `List` are its items.
pub(super) fn places(documents: &[Value]) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for (document, value) in documents.iter().enumerate() {
        let place = |path, value| Place {
            document,
            path,
            value,
        };
        let kind = value.get("kind").and_then(Value::as_str);
        let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
        let items = value.get("items").and_then(Value::as_array);
        match items.filter(|_| is_list) {
            Some(items) => places.extend(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| place(vec!["items".into(), index.into()], item)),
            ),
            None => places.push(place(Vec::new(), value)),
        }
    }
    places.retain(|place| place.value.is_object());
    places
}

fn one<'d>(place: Place<'d>) -> Result<Option<Found<'d>>, Unreadable> {
    let resource = Resource::of(place.value.clone())?;
    let Some((fields, _)) = resource.configuration() else {
        return Ok(None);
    };
    let fields = fields.split('.').filter(|field| !field.is_empty());
    let mut keys = fields.clone();
    let config = keys.try_fold(place.value, |value, key| value.get(key));
    let mut path = place.path;
    path.extend(fields.map(Step::from));
    Ok(config.map(|value| Found {
        document: place.document,
        path,
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
