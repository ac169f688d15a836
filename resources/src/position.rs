//! The lines and columns of the values of a text.

use std::fmt;

use halftone::config::path_step;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, de};
use serde_saphyr::{Location, Spanned};

use crate::document::is_list;
use crate::yaml;

/// A line and a column, from 1. Columns count characters. It prints as `2:4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl Position {
    /// The start of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The position of the byte at this index of `text`. An index beyond the end is the end.
    #[must_use]
    pub fn of_byte(text: &str, index: usize) -> Self {
        let before = text.get(..index).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        Self {
            line: lines as u64 + 1,
            column: line.chars().count() as u64 + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

/// The positions of all values of a text.
#[derive(Debug, Default)]
pub struct Positions {
    /// One for each resource of [`crate::read_each`].
    resources: Vec<Placed>,
}

impl Positions {
    /// Reads the text of a file. A text that is neither YAML nor JSON has no positions.
    ///
    /// ```
    /// use halftone_resources::{Position, Positions};
    ///
    /// let positions = Positions::of("# mine\nreleases:\n- name: reviews\n");
    ///
    /// let name = positions.find(0, "releases[0].name");
    /// assert_eq!(name, Some(Position { line: 3, column: 3 }));
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Self {
        let documents: Vec<Spanned<Node>> = yaml::documents(text).unwrap_or_default();
        let mut resources = Vec::new();
        for document in documents {
            let document = Placed::from(document);
            match document.node {
                Node::Null => {}
                Node::Object(fields) => {
                    let (items, rest) = items_of(fields);
                    match items {
                        Some(items) => resources.extend(items),
                        None => resources.push(Placed {
                            at: document.at,
                            node: Node::Object(rest),
                        }),
                    }
                }
                _ => resources.push(document),
            }
        }
        Self { resources }
    }

    /// The position of the value at `path` in the resource at this index of [`crate::read_each`]. The position of a field
    /// is that of its name. If the path does not exist, it is the position of the nearest value above it that exists.
    /// None: there is no such resource.
    #[must_use]
    pub fn find(&self, resource: usize, path: &str) -> Option<Position> {
        let Placed { at, node } = self.resources.get(resource)?;
        let (mut at, mut node, mut path) = (*at, node, path);
        while let Some(next) = node.step(path) {
            (at, node, path) = next;
        }
        Some(at)
    }
}

/// The items of a `List`, or all fields of another object.
fn items_of(fields: Vec<Field>) -> (Option<Vec<Placed>>, Vec<Field>) {
    let mut kinds = fields.iter().filter(|field| field.name == "kind");
    let kind = kinds.find_map(|field| match &field.node {
        Node::Text(text) => Some(text.as_str()),
        _ => None,
    });
    if !is_list(kind) {
        return (None, fields);
    }
    let mut rest = Vec::new();
    let mut items = None;
    for field in fields {
        match field.node {
            Node::Array(found) if field.name == "items" => items = Some(found),
            _ => rest.push(field),
        }
    }
    (items, rest)
}

/// A value and its position.
#[derive(Debug)]
struct Placed {
    at: Position,
    node: Node,
}

/// A field of an object, and the position of its name.
#[derive(Debug)]
struct Field {
    name: String,
    at: Position,
    node: Node,
}

#[derive(Debug)]
enum Node {
    Null,
    Text(String),
    /// A number or a boolean.
    Scalar,
    Array(Vec<Placed>),
    Object(Vec<Field>),
}

impl From<Spanned<Node>> for Placed {
    fn from(spanned: Spanned<Node>) -> Self {
        Self {
            at: spanned.referenced.into(),
            node: spanned.value,
        }
    }
}

impl Node {
    /// The value at the first step of `path`, its position, and the rest of the path. None: the path ends, or there is no
    /// such value.
    fn step<'n, 'p>(&'n self, path: &'p str) -> Option<(Position, &'n Self, &'p str)> {
        match self {
            Self::Array(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let item = items.get(index.parse::<usize>().ok()?)?;
                Some((item.at, &item.node, rest))
            }
            Self::Object(fields) => {
                let found = fields.iter().filter_map(|field| {
                    let rest = rest(path, &field.name)?;
                    Some((field.at, &field.node, rest))
                });
                // A name with a dot begins like the path of a field of a shorter name.
                found.min_by_key(|(_, _, rest)| rest.len())
            }
            _ => None,
        }
    }
}

/// The rest of `path` after the field of this name. None: the path leads to another field.
fn rest<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    let plain = || path.strip_prefix('.').unwrap_or(path).strip_prefix(name);
    // Quoting every name of a large object takes long.
    let is_quoted = path.starts_with("[\"");
    let quoted = || {
        is_quoted
            .then(|| path.strip_prefix(&path_step(name)))
            .flatten()
    };
    let ends = |rest: &&str| rest.is_empty() || rest.starts_with(['.', '[']);
    plain().filter(ends).or_else(quoted)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = all.next_element::<Spanned<Node>>()? {
            items.push(item.into());
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = all.next_entry::<Spanned<String>, Spanned<Node>>()? {
            fields.push(Field {
                name: name.value,
                at: name.referenced.into(),
                node: value.value,
            });
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# A comment, and an empty document.
---
---
kind: WasmPlugin
spec:
  pluginConfig:
    releases:
    - name: a
      canary: { split: [ { version: v2, weight: 1 } ] }
      route:
        v1.2: x
        ':path': y
    - *nothing
---
just text
---
kind: List
items:
- kind: WasmPlugin
- { kind: Other, ä: 1, b: 2 }
";

    fn found(text: &str, resource: usize, path: &str) -> String {
        let found = Positions::of(text).find(resource, path);
        found.map(|at| at.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_field_is_at_its_name_and_an_item_at_its_start() {
        let text = TEXT.replace("*nothing", "{}");
        let release = "spec.pluginConfig.releases[0]";
        for (resource, path, expected) in [
            (0, String::new(), "4:1"),
            (0, "spec.pluginConfig".into(), "6:3"),
            (0, release.into(), "8:7"),
            (0, format!("{release}.canary.split[0].weight"), "9:41"),
            (0, format!("{release}.route[\"v1.2\"]"), "11:9"),
            (0, format!("{release}.route.v1.2"), "11:9"),
            (0, format!("{release}.route[\":path\"]"), "12:9"),
            (1, "document 2".into(), "15:1"),
            (2, String::new(), "19:3"),
            (3, "b".into(), "20:24"),
            (4, String::new(), ""),
        ] {
            assert_eq!(found(&text, resource, &path), expected, "{resource} {path}");
        }
    }

    #[test]
    fn a_path_that_does_not_exist_is_at_what_exists_above_it() {
        let text = TEXT.replace("*nothing", "{}");
        let release = "spec.pluginConfig.releases[0]";
        for (path, expected) in [
            ("spec.match".into(), "5:1"),
            (format!("{release}.principal"), "8:7"),
            (format!("{release}.name.first"), "8:7"),
            (format!("{release}.canary.split[7].version"), "9:17"),
            (format!("{release}.nam"), "8:7"),
            ("spec.pluginConfig.releases[x]".into(), "7:5"),
        ] {
            assert_eq!(found(&text, 0, &path), expected, "{path}");
        }
    }

    #[test]
    fn an_alias_is_where_it_is_used() {
        let text = "a: &a\n  b: 1\nc: *a\nd:\n  <<: *a\n  e: 1\n";
        for (path, expected) in [("a.b", "2:3"), ("c", "3:1"), ("c.e", "3:1"), ("d.e", "6:3")] {
            assert_eq!(found(text, 0, path), expected, "{path}");
        }
    }

    #[test]
    fn json_has_positions() {
        let text = "{\n\t\"a\": [ {},\n\t{ \"b\": \"\\u00e4\", \"c\": null } ]\n}";
        for (path, expected) in [("a", "2:2"), ("a[1]", "3:2"), ("a[1].c", "3:19")] {
            assert_eq!(found(text, 0, path), expected, "{path}");
        }
    }

    #[test]
    fn a_byte_has_a_position() {
        for (index, expected) in [(0, "1:1"), (1, "1:2"), (3, "1:3"), (4, "2:1"), (9, "2:2")] {
            assert_eq!(Position::of_byte("aä\nb", index).to_string(), expected);
        }
    }
}
