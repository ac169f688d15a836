//! A document that was read, and what it became.

use halftone_resources::TargetRef;
use halftone_resources::service::qualified;
use serde_json::{Map, Value};

use super::report::{Line, Outcome};

/// The fields of an object.
pub type Fields = Map<String, Value>;

/// The metadata that a cluster writes. A file with it cannot be applied to another cluster.
const OF_THE_CLUSTER: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The annotation in which `kubectl apply` keeps the file of its last run.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A document and its place.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file, as the command line names it.
    pub file: String,
    /// The API group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace. Absent in the document: `default`, as with `kubectl`.
    pub namespace: String,
    /// The document.
    pub value: Value,
}

/// The result of importing a document.
#[derive(Debug, Default)]
pub struct Imported {
    /// What became of each part.
    pub lines: Vec<Line>,
    /// The plugin. Absent: nothing can be imported.
    pub plugin: Option<Plugin>,
    /// The resources beside the plugin.
    pub resources: Vec<Value>,
}

/// A plugin to write.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// The gateways that run it, unless the command line says otherwise.
    pub targets: Vec<TargetRef>,
    /// The configuration.
    pub config: Value,
}

impl Plugin {
    /// The fields of its release.
    pub fn release(&mut self) -> Option<&mut Fields> {
        self.config.pointer_mut("/releases/0")?.as_object_mut()
    }
}

impl Document {
    /// The document of `file` that is `value`.
    pub fn new(file: &str, value: Value) -> Self {
        let text = |pointer| {
            let text = value.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let version = text("/apiVersion");
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let namespace = Some(text("/metadata/namespace")).filter(|text| !text.is_empty());
        Self {
            file: file.into(),
            group: group.into(),
            kind: text("/kind"),
            name: text("/metadata/name"),
            namespace: namespace.unwrap_or_else(|| "default".into()),
            value,
        }
    }

    /// Whether it is of this group and kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// The kind, namespace and name.
    pub fn called(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// A field of its `spec`.
    pub fn spec(&self, field: &str) -> Option<&Value> {
        self.value
            .get("spec")?
            .get(field)
            .filter(|value| !value.is_null())
    }

    /// The full name of the service that it calls `host`.
    pub fn qualified(&self, host: &str) -> String {
        qualified(host, &self.namespace)
    }

    /// A line of the report on the part at `path`.
    pub fn line(&self, path: &str, outcome: Outcome, message: impl Into<String>) -> Line {
        Line {
            file: self.file.clone(),
            resource: self.called(),
            path: path.into(),
            outcome,
            message: message.into(),
        }
    }

    /// The document without what a cluster wrote into it, to apply again.
    pub fn applicable(&self) -> Value {
        let mut value = self.value.clone();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("status");
        }
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|name, _| !OF_THE_CLUSTER.contains(&name.as_str()));
            let annotations = metadata.get_mut("annotations");
            if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
                annotations.remove(LAST_APPLIED);
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
        }
        value
    }
}

impl Imported {
    /// The result of a document that cannot be imported.
    pub fn refused(document: &Document, path: &str, message: impl Into<String>) -> Self {
        Self {
            lines: vec![document.line(path, Outcome::NotCarriedOver, message)],
            ..Self::default()
        }
    }

    /// The result without a plugin that has violations. They become lines.
    pub fn checked(mut self, document: &Document) -> Self {
        let Some(plugin) = &self.plugin else {
            return self;
        };
        if let Err(violations) = halftone::config::load_value(&plugin.config) {
            for violation in violations.iter() {
                let message = format!("{}: {}", violation.path, violation.message);
                self.lines
                    .push(document.line("", Outcome::NotCarriedOver, message));
            }
            self.plugin = None;
            self.resources.clear();
        }
        self
    }
}

/// The objects of an array.
pub fn objects(value: Option<&Value>) -> impl Iterator<Item = &Fields> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_object)
}

/// Sets a field of an object.
pub fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.into(), value);
    }
}

/// A string.
pub fn text<'v>(fields: &'v Fields, name: &str) -> Option<&'v str> {
    fields.get(name).and_then(Value::as_str)
}

/// A DNS label made of `name`, such as the name of a release.
pub fn label(name: &str) -> String {
    let plain = name.to_ascii_lowercase();
    let plain: String = plain
        .chars()
        .map(|one| {
            if one.is_ascii_alphanumeric() {
                one
            } else {
                '-'
            }
        })
        .take(63)
        .collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() {
        "release".into()
    } else {
        plain.into()
    }
}
