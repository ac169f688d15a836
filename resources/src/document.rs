//! A text, cut into its documents.

use serde_json::Value;

use crate::yaml::{self, NotYaml};

/// Why a text holds no resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not YAML, which JSON is too.
    #[error(transparent)]
    Yaml(#[from] NotYaml),
    /// It holds nothing.
    #[error("is empty; give a plugin configuration or a resource that holds one")]
    Empty,
    /// A document, or an item of one that is a `List`, is a text, a number or a list.
    #[error("document {document}: is {found}; give an object")]
    NoObject {
        /// Counted from 1.
        document: usize,
        /// What stands there.
        found: &'static str,
    },
    /// A resource of a known kind has a field that cannot be read.
    #[error("{resource}: {path}: {problem}")]
    Field {
        /// Its kind, namespace and name.
        resource: String,
        /// Where.
        path: String,
        /// What is wrong there.
        problem: String,
    },
}

impl Unreadable {
    /// The resource that it is about, if it is about one.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::Field { resource, .. } => Some(resource),
            _ => None,
        }
    }

    /// Where in the resource or the text: `spec.match`, `line 2, column 4`. Empty: all of it.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Yaml(error) => error.place.clone(),
            Self::Empty => String::new(),
            Self::NoObject { document, .. } => format!("document {document}"),
            Self::Field { path, .. } => path.clone(),
        }
    }

    /// What is wrong there, and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Yaml(error) => error.problem.clone(),
            Self::Empty => self.to_string(),
            Self::NoObject { found, .. } => format!("is {found}; give an object"),
            Self::Field { problem, .. } => problem.clone(),
        }
    }
}

/// The documents of `text`, of a `List` its items; an empty document is none. What is no object
/// spoils none of the others.
pub(crate) fn documents(text: &str) -> Result<Vec<Result<Value, Unreadable>>, Unreadable> {
    let documents: Vec<Value> = yaml::documents(text)?;
    let mut found = Vec::new();
    for (place, document) in documents.into_iter().enumerate() {
        let found_instead = match &document {
            Value::Null => continue,
            Value::Object(_) => {
                flatten(document, place + 1, &mut found);
                continue;
            }
            other => name(other),
        };
        found.push(Err(Unreadable::NoObject {
            document: place + 1,
            found: found_instead,
        }));
    }
    if found.is_empty() {
        return Err(Unreadable::Empty);
    }
    Ok(found)
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A `List` holds resources, as `kubectl get` prints them.
fn flatten(mut document: Value, place: usize, found: &mut Vec<Result<Value, Unreadable>>) {
    let is_list = document
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    let items = document.get_mut("items").filter(|_| is_list);
    match items.and_then(Value::as_array_mut) {
        Some(items) => found.extend(std::mem::take(items).into_iter().map(|item| {
            if item.is_object() {
                Ok(item)
            } else {
                Err(Unreadable::NoObject {
                    document: place,
                    found: name(&item),
                })
            }
        })),
        None => found.push(Ok(document)),
    }
}
