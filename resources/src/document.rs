//! The documents of a text.

use serde_json::Value;

use crate::position::Position;
use crate::yaml::{self, NotYaml};

/// The reason for which a text, or a document in it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is neither YAML nor JSON.
    #[error(transparent)]
    Yaml(#[from] NotYaml),
    /// It contains nothing.
    #[error("is empty; give a plugin configuration, or a resource that contains one")]
    Empty,
    /// A document, or an item of a `List`, is not an object.
    #[error("document {document}: expected an object, got {found}")]
    NoObject {
        /// The number of the document, from 1.
        document: usize,
        /// Its type.
        found: &'static str,
    },
    /// A resource of a known kind has a field that cannot be read.
    #[error("{resource}: {path}: {problem}")]
    Field {
        /// The kind, namespace and name of the resource.
        resource: String,
        /// The path of the field.
        path: String,
        /// The problem.
        problem: String,
    },
}

impl Unreadable {
    /// The resource with the problem. None: the problem is not in a resource.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::Field { resource, .. } => Some(resource),
            _ => None,
        }
    }

    /// The line and the column. None: the text can be read, and [`Positions`](crate::Positions) has the places in it.
    #[must_use]
    pub fn at(&self) -> Option<Position> {
        match self {
            Self::Yaml(error) => Some(error.at),
            _ => None,
        }
    }

    /// The place in the resource or the text: `spec.match`, `line 2, column 4`. Empty: all of it.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Yaml(error) => format!("line {}, column {}", error.at.line, error.at.column),
            Self::Empty => String::new(),
            Self::NoObject { document, .. } => format!("document {document}"),
            Self::Field { path, .. } => path.clone(),
        }
    }

    /// The problem, and what to write instead.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Yaml(error) => error.problem.clone(),
            Self::Empty => self.to_string(),
            Self::NoObject { found, .. } => format!("expected an object, got {found}"),
            Self::Field { problem, .. } => problem.clone(),
        }
    }
}

/// The documents of `text`, and the items of a `List`. Empty documents are ignored. A document that is
/// not an object is an error by itself, and the others are still read.
///
/// # Errors
///
/// The text is neither YAML nor JSON, or contains nothing.
pub fn documents(text: &str) -> Result<Vec<Result<Value, Unreadable>>, Unreadable> {
    let documents: Vec<Value> = yaml::documents(text)?;
    let mut found = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let found_instead = match &document {
            Value::Null => continue,
            Value::Object(_) => {
                flatten(document, index + 1, &mut found);
                continue;
            }
            other => name(other),
        };
        found.push(Err(Unreadable::NoObject {
            document: index + 1,
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
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whether a document of this kind is a `List`.
pub(crate) fn is_list(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind.ends_with("List"))
}

/// Adds a document, or the items of a `List`, which is the format of `kubectl get`.
fn flatten(mut document: Value, number: usize, found: &mut Vec<Result<Value, Unreadable>>) {
    let is_list = is_list(document.get("kind").and_then(Value::as_str));
    let items = document.get_mut("items").filter(|_| is_list);
    match items.and_then(Value::as_array_mut) {
        Some(items) => found.extend(std::mem::take(items).into_iter().map(|item| {
            if item.is_object() {
                Ok(item)
            } else {
                Err(Unreadable::NoObject {
                    document: number,
                    found: name(&item),
                })
            }
        })),
        None => found.push(Ok(document)),
    }
}
