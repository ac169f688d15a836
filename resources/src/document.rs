//! A text, cut into its documents.

use serde_json::Value;

/// Why a text holds no resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not YAML, which JSON is too.
    #[error("is not YAML: {0}")]
    Yaml(String),
    /// It holds nothing.
    #[error("is empty; give a plugin configuration or a resource that holds one")]
    Empty,
    /// A document is a text, a number or a list.
    #[error("document {document} is {found}; give an object")]
    NoObject {
        /// Counted from 1.
        document: usize,
        /// What stands there.
        found: &'static str,
    },
    /// A resource of a known kind has a field that cannot be read.
    #[error("{resource}: {path}: {problem}")]
    Field {
        /// Its kind and name.
        resource: String,
        /// Where.
        path: String,
        /// What is wrong there.
        problem: String,
    },
}

/// The documents of `text`. Of a `List` its items; an empty document is none.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, Unreadable> {
    let options = serde_saphyr::options! {
        // A configuration may be as large as the cluster keeps it; what is deep is refused all the same.
        budget: None,
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| Unreadable::Yaml(error.to_string()))?;
    let mut found = Vec::new();
    for (place, document) in documents.into_iter().enumerate() {
        let found_instead = match &document {
            Value::Null => continue,
            Value::Object(_) => {
                flatten(document, &mut found);
                continue;
            }
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
        };
        return Err(Unreadable::NoObject {
            document: place + 1,
            found: found_instead,
        });
    }
    if found.is_empty() {
        return Err(Unreadable::Empty);
    }
    Ok(found)
}

/// A `List` holds resources, as `kubectl get` prints them.
fn flatten(document: Value, found: &mut Vec<Value>) {
    let is_list = document
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    match document.get("items").and_then(Value::as_array) {
        Some(items) if is_list => found.extend(items.iter().cloned()),
        _ => found.push(document),
    }
}
