//! Edits of a text that keep its comments, order and style.

use serde_json::Value;
use std::str::FromStr;
use yaml_edit::{Document, Mapping, YamlFile, YamlNode};

use super::edit::{Edit, Path, Step};
use super::error::ActionError;
use crate::yaml;

/// `text` with `edits`, each of the document at its index. `documents` are the documents of `text`.
///
/// The result is read again. If anything differs from what the edits say, they are refused: an alias elsewhere may
/// share what they change.
pub(super) fn edited(
    text: &str,
    documents: &[Value],
    edits: &[(usize, Edit)],
) -> Result<String, ActionError> {
    let mut expected = documents.to_vec();
    for (index, edit) in edits {
        if let Some(document) = expected.get_mut(*index) {
            edit.apply(document);
        }
    }
    if expected == documents {
        return Ok(text.into());
    }
    let refused = || {
        let first = edits.first().map(|(_, edit)| edit.path());
        let path = first.unwrap_or_default();
        ActionError::Shared(Path(path).to_string())
    };
    let file = YamlFile::from_str(text).map_err(|_| refused())?;
    let notation = Notation::of(text);
    let written: Vec<Document> = file.documents().collect();
    for (index, edit) in edits {
        let document = written.get(*index).ok_or_else(refused)?;
        write(document, edit, notation)
            .ok_or_else(|| ActionError::Shared(Path(edit.path()).to_string()))?;
    }
    let edited = file.to_string();
    let got: Vec<Value> = yaml::documents(&edited).map_err(|_| refused())?;
    if got == expected {
        Ok(edited)
    } else {
        Err(refused())
    }
}

/// Changes the document. None: it has no such place.
fn write(document: &Document, edit: &Edit, notation: Notation) -> Option<()> {
    match edit {
        Edit::Set { path, value } => {
            let (Step::Key(key), parents) = path.split_last()? else {
                return None;
            };
            let mapping = mapping(document, parents)?;
            let former = mapping.get(key);
            let is_quoted = former.is_some_and(|node| node.to_string().starts_with('"'));
            let notation = if is_quoted { Notation::Json } else { notation };
            mapping.set(key, notation.value(value)?);
        }
        Edit::Push { path, value } => {
            let sequence = node(document, path)?;
            sequence.as_sequence()?.push(notation.value(value)?);
        }
        Edit::Remove { path } => {
            let (Step::Key(key), parents) = path.split_last()? else {
                return None;
            };
            mapping(document, parents)?.remove(key)?;
        }
    }
    Some(())
}

fn mapping(document: &Document, path: &[Step]) -> Option<Mapping> {
    match path {
        [] => document.as_mapping(),
        path => node(document, path)?.as_mapping().cloned(),
    }
}

fn node(document: &Document, path: &[Step]) -> Option<YamlNode> {
    let (Step::Key(first), rest) = path.split_first()? else {
        return None;
    };
    let first = document.as_mapping()?.get(first)?;
    rest.iter().try_fold(first, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.get_item(*index),
    })
}

/// How new values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    Json,
    Yaml,
}

impl Notation {
    fn of(text: &str) -> Self {
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Self::Json,
            Err(_) => Self::Yaml,
        }
    }

    /// The value as a document of its own, on one line.
    fn value(self, value: &Value) -> Option<Document> {
        Document::from_str(&self.written(value)).ok()
    }

    fn written(self, value: &Value) -> String {
        match value {
            Value::Object(fields) if fields.is_empty() => "{}".into(),
            Value::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| format!("{}: {}", self.string(key), self.written(value)));
                let fields: Vec<String> = fields.collect();
                match self {
                    Self::Json => format!("{{{}}}", fields.join(", ")),
                    Self::Yaml => format!("{{ {} }}", fields.join(", ")),
                }
            }
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.written(item)).collect();
                match (self, items.as_slice()) {
                    (_, []) => "[]".into(),
                    (Self::Json, _) => format!("[{}]", items.join(", ")),
                    (Self::Yaml, _) => format!("[ {} ]", items.join(", ")),
                }
            }
            Value::String(text) => self.string(text),
            other => other.to_string(),
        }
    }

    /// A string. YAML 1.1, which Kubernetes reads, takes some plain words for booleans and numbers.
    fn string(self, text: &str) -> String {
        const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
        let is_name = |text: &str| {
            let mut bytes = text.bytes();
            bytes
                .next()
                .is_some_and(|first| first.is_ascii_alphabetic())
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let lower = text.to_ascii_lowercase();
        if self == Self::Yaml && is_name(text) && !WORDS.contains(&lower.as_str()) {
            text.into()
        } else {
            Value::from(text).to_string()
        }
    }
}
