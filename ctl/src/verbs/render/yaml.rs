//! YAML with comments, and with fields in a chosen order.
//!
//! The serializer writes values, and quotes what readers of YAML 1.1 such as `kubectl` would misread. It
//! cannot write comments above fields, so this module does.

use std::io;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};
use serde_saphyr::{LitString, SerializerOptions};

use crate::outcome::Failure;
use crate::terminal::escaped;

/// The width at which a comment is wrapped, without its indentation.
const WIDTH: usize = 100;

/// An object that is written field by field.
#[derive(Debug)]
pub struct Object(Result<String, serde_saphyr::SerializeError>);

impl Object {
    /// An object without fields.
    pub fn new() -> Self {
        Self(Ok(String::new()))
    }

    /// Adds a comment on the fields that follow.
    pub fn comment(self, text: &str) -> Self {
        self.write(|written| {
            // An empty line separates two comments.
            if written
                .lines()
                .last()
                .is_some_and(|line| line.starts_with('#'))
            {
                *written += "\n";
            }
            let mut line = String::from("#");
            for word in text.split_whitespace().map(escaped) {
                if line.chars().count() + 1 + word.chars().count() > WIDTH {
                    *written += &line;
                    *written += "\n";
                    line = String::from("#");
                }
                line += " ";
                line += &word;
            }
            *written += &line;
            *written += "\n";
            Ok(())
        })
    }

    /// Adds a field.
    pub fn field(self, name: &str, value: impl Serialize) -> Self {
        self.write(|written| {
            let field = Field { name, value };
            *written += &serde_saphyr::to_string_with_options(&field, options())?;
            Ok(())
        })
    }

    /// Adds a field, if there is a value.
    pub fn optional(self, name: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Adds a field that is an object. `name` needs no quotes in YAML.
    pub fn object(self, name: &str, object: Self) -> Self {
        self.write(|written| {
            *written += name;
            *written += ":\n";
            indent(&object.0?, "  ", "  ", written);
            Ok(())
        })
    }

    /// Adds a field that is an array of objects. `name` needs no quotes in YAML.
    pub fn list(self, name: &str, items: impl IntoIterator<Item = Self>) -> Self {
        self.write(|written| {
            *written += name;
            *written += ":\n";
            for item in items {
                let item = item.0?;
                // A comment before the first field of an item belongs above its dash.
                let head = item
                    .lines()
                    .take_while(|line| line.is_empty() || line.starts_with('#'))
                    .map(|line| line.len() + 1)
                    .sum();
                let (comments, fields) = item.split_at_checked(head).unwrap_or(("", &item));
                *written += comments;
                indent(fields, "- ", "  ", written);
            }
            Ok(())
        })
    }

    /// Adds all fields of a part of a plugin configuration.
    pub fn all(self, value: &Value) -> Self {
        let fields = in_order(value.as_object());
        fields.into_iter().fold(self, |object, (name, value)| {
            object.field(name, Ordered(value))
        })
    }

    /// Adds the fields of another object.
    pub fn then(self, other: Self) -> Self {
        self.write(|written| {
            *written += &other.0?;
            Ok(())
        })
    }

    /// Adds the fields that a function adds.
    pub fn with(self, more: impl FnOnce(Self) -> Self) -> Self {
        more(self)
    }

    /// The text of the document.
    ///
    /// # Errors
    ///
    /// A value cannot be written as YAML.
    pub fn finish(self) -> Result<String, Failure> {
        self.0
            .map_err(|error| Failure::Output(io::Error::other(error)))
    }

    fn write(
        self,
        write: impl FnOnce(&mut String) -> Result<(), serde_saphyr::SerializeError>,
    ) -> Self {
        Self(self.0.and_then(|mut written| {
            write(&mut written)?;
            Ok(written)
        }))
    }
}

/// A string of several lines, as a block.
pub fn literal(text: &str) -> impl Serialize + use<> {
    LitString(text.to_owned())
}

fn options() -> SerializerOptions {
    serde_saphyr::ser_options! {
        // A long string stays on one line, so that users can search for it.
        prefer_block_scalars: false,
    }
}

fn indent(text: &str, first: &str, next: &str, written: &mut String) {
    let mut indentation = first;
    for line in text.lines() {
        if !line.is_empty() {
            *written += indentation;
            *written += line;
        }
        *written += "\n";
        indentation = next;
    }
}

struct Field<'n, V> {
    name: &'n str,
    value: V,
}

impl<V: Serialize> Serialize for Field<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.name, &self.value)?;
        map.end()
    }
}

/// The order of the fields of a plugin configuration. All other fields follow by name.
const ORDER: [&str; 37] = [
    "releases",
    "name",
    "hosts",
    "services",
    "principal",
    "takeOver",
    "active",
    "preview",
    "rules",
    "destination",
    "cluster",
    "host",
    "port",
    "subset",
    "percentage",
    "match",
    "methods",
    "timeout",
    "maxBody",
    "maxInFlight",
    "authority",
    "version",
    "weight",
    "split",
    "session",
    "key",
    "cookie",
    "canary",
    "blueGreen",
    "mirrors",
    "headers",
    "set",
    "remove",
    "compare",
    "route",
    "explain",
    "accessLog",
];

/// A plugin configuration with its fields in that order.
pub struct Ordered<'v>(pub &'v Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in in_order(Some(fields)) {
                    map.serialize_entry(name, &Ordered(value))?;
                }
                map.end()
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Ordered(item))?;
                }
                list.end()
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

/// The fields in that order.
fn in_order(fields: Option<&Map<String, Value>>) -> Vec<(&String, &Value)> {
    let rank = |name: &str| ORDER.iter().position(|known| *known == name);
    let mut fields: Vec<_> = fields.into_iter().flatten().collect();
    fields.sort_by_key(|(name, _)| (rank(name).unwrap_or(ORDER.len()), name.as_str()));
    fields
}

/// The JSON text of a plugin configuration, without characters that YAML takes for a line end or cannot
/// print. In JSON such characters occur only in strings, so they can be escaped.
pub fn json_text(config: &Value) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(&Ordered(config)).map_err(io::Error::from)?;
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        let is_plain = matches!(
            character,
            '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}'
        );
        if is_plain {
            written.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                written += &format!("\\u{unit:04x}");
            }
        }
    }
    Ok(written)
}
