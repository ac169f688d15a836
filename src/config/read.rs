//! From a JSON value to the wire types, without stopping at the first mistake.
//!
//! [`Node`] is a serde deserializer that never fails. A value of a wrong type and an unknown field
//! become violations with their paths; the type gets an empty value in their place, and reading goes
//! on. So one reading reports every mistake, and each wire type is declared once, as a plain struct
//! that derives `Deserialize`. `docs/decisions/0004` has the alternatives.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fmt;
use std::iter::Enumerate;
use std::slice;

use serde::Deserialize;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde_json::Number;

use super::hints;
use super::path::Path;
use super::quoted::{described, listed, quoted, quoted_whole};
use super::violation::Violations;
use crate::config::json::Json;

/// Reads `value`, and reports what is unreadable in it to `violations`.
pub fn read<'de, T: Default + Deserialize<'de>>(
    value: &'de Json<'de>,
    violations: &mut Violations,
) -> T {
    let node = Node {
        value,
        path: Path::ROOT,
        violations: &mut *violations,
    };
    T::deserialize(node).unwrap_or_else(|Unsupported(why)| {
        violations.unreadable(&Path::ROOT, format!("cannot be read: {why}"));
        T::default()
    })
}

/// The violation of a text that is not JSON.
pub fn not_json(error: &serde_json::Error) -> Violations {
    let mut violations = Violations::default();
    let message = format!("cannot be read as JSON: {error}; write a JSON object");
    violations.unreadable(&Path::ROOT, message);
    violations
}

/// A value, and its place.
struct Node<'n, 'de> {
    value: &'de Json<'de>,
    path: Path<'n>,
    violations: &'n mut Violations,
}

impl<'de> Node<'_, 'de> {
    /// Reports that the value is not what is `expected`. `meant` is the value to write instead.
    #[cold]
    fn misfit(&mut self, expected: &str, meant: Option<&str>) {
        let got = described(self.value);
        let mut message = format!("expected {expected}, got {got}");
        if let Some(meant) = meant {
            message.push_str("; write ");
            message.push_str(&self.path.assign(meant));
        }
        self.violations.unreadable(&self.path, message);
    }

    fn bool(&mut self) -> bool {
        if let Json::Bool(value) = self.value {
            return *value;
        }
        let text = self.value.as_str().unwrap_or_default();
        let meant = match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some("true"),
            "false" | "no" | "off" => Some("false"),
            _ => None,
        };
        self.misfit("true or false", meant);
        false
    }

    fn number(&mut self) -> f64 {
        if let Json::Number(number) = self.value {
            return number.as_f64().unwrap_or_default();
        }
        let text = self.value.as_str().unwrap_or_default();
        let meant: Option<Number> = text.trim_end_matches('%').trim().parse().ok();
        let meant = meant.map(|number| number.to_string());
        self.misfit("a number", meant.as_deref());
        0.0
    }

    fn string(&mut self) -> &'de str {
        if let Json::String(text) = self.value {
            return text;
        }
        let meant = self.number_text().map(|number| quoted(&number));
        self.misfit("a string", meant.as_deref());
        ""
    }

    /// A string of the type `name`.
    fn string_of(&mut self, name: &str) -> &'de str {
        match (hints::kind_of_string(name), self.value) {
            (None, _) | (_, Json::String(_)) => self.string(),
            (Some((expected, meant)), _) => {
                let meant = self.number_text().and_then(|number| meant(&number));
                let meant = meant.map(|meant| quoted(&meant));
                self.misfit(expected, meant.as_deref());
                ""
            }
        }
    }

    fn number_text(&self) -> Option<String> {
        match self.value {
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn one_of(&mut self, words: &'static [&'static str]) -> &'static str {
        let text = self.value.as_str();
        if let Some(word) = words.iter().find(|word| Some(**word) == text) {
            return word;
        }
        let meant = text.and_then(|text| hints::similar(text, words));
        let expected = listed(words.iter().copied(), "or");
        self.misfit(&expected, meant.map(quoted).as_deref());
        words.first().copied().unwrap_or_default()
    }

    /// The members of an object whose names are free, by name; of several of one name the last one.
    fn members(&mut self) -> BTreeMap<&'de str, &'de Json<'de>> {
        let mut by_name = BTreeMap::new();
        match self.value {
            Json::Object(members) => {
                for (name, value) in members {
                    by_name.insert(&**name, value);
                }
            }
            _ => self.misfit("an object", Some("{ NAME: … }")),
        }
        by_name
    }

    /// Reports members other than these fields.
    fn expect_fields(&mut self, fields: &'static [&'static str]) {
        let Json::Object(members) = self.value else {
            let text = self.value.as_str().and_then(quoted_whole);
            let main = hints::main_field(fields).zip(text);
            let meant = main.map(|(field, text)| format!("{{ {field}: {text} }}"));
            let expected = format!("an object (fields: {})", fields.join(", "));
            return self.misfit(&expected, meant.as_deref());
        };
        let mut unknown = BTreeSet::new();
        for (name, _) in members {
            if !fields.contains(&&**name) {
                unknown.insert(&**name);
            }
        }
        for name in unknown {
            if self.violations.is_full() {
                break;
            }
            let message = hints::unknown_field(name, fields);
            self.violations.unknown_field(&self.path, name, message);
        }
    }
}

impl<'de> Deserializer<'de> for Node<'_, 'de> {
    type Error = Unsupported;

    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unsupported> {
        visitor.visit_bool(self.bool())
    }

    fn deserialize_f64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unsupported> {
        visitor.visit_f64(self.number())
    }

    fn deserialize_string<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unsupported> {
        visitor.visit_borrowed_str(self.string())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unsupported> {
        visitor.visit_newtype_struct(BorrowedStrDeserializer::new(self.string_of(name)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unsupported> {
        visitor.visit_enum(self.one_of(words).into_deserializer())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsupported> {
        match self.value {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unsupported> {
        // A value without brackets that can be read as an item is meant to be the only item.
        let mut of_only_item = Violations::default();
        let (items, violations) = match self.value {
            Json::Array(items) => (items.as_slice(), &mut *self.violations),
            only_item => (slice::from_ref(only_item), &mut of_only_item),
        };
        let items = visitor.visit_seq(Items {
            items: items.iter().enumerate(),
            path: self.path,
            violations,
        })?;
        if !matches!(self.value, Json::Array(_)) {
            let item = match self.value {
                Json::Object(_) => Some("{ … }".into()),
                Json::String(text) => quoted_whole(text),
                _ => self.number_text(),
            };
            let meant = item.filter(|_| of_only_item.is_empty());
            let meant = meant.map(|item| format!("[{item}]"));
            self.misfit("an array", meant.as_deref());
        }
        Ok(items)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unsupported> {
        visitor.visit_map(Members {
            members: self.members().into_iter(),
            current: ("", &Json::Null),
            path: self.path,
            violations: self.violations,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unsupported> {
        self.expect_fields(fields);
        visitor.visit_seq(Fields {
            fields: fields.iter(),
            object: self.value,
            path: self.path,
            violations: self.violations,
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unsupported> {
        Err(Unsupported(
            "a field has a type that config/read.rs does not read".into(),
        ))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char str bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

/// The items of an array.
struct Items<'n, 'de> {
    items: Enumerate<slice::Iter<'de, Json<'de>>>,
    path: Path<'n>,
    violations: &'n mut Violations,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unsupported;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unsupported> {
        if self.violations.is_full() {
            return Ok(None);
        }
        let Some((index, value)) = self.items.next() else {
            return Ok(None);
        };
        let node = Node {
            value,
            path: self.path.index(index),
            violations: self.violations,
        };
        seed.deserialize(node).map(Some)
    }
}

/// The values of an object's fields, in the order of its type: `null` for those that are missing.
struct Fields<'n, 'de> {
    fields: slice::Iter<'static, &'static str>,
    object: &'de Json<'de>,
    path: Path<'n>,
    violations: &'n mut Violations,
}

impl<'de> Fields<'_, 'de> {
    /// Out of line: it would be inlined for each field of each type.
    #[inline(never)]
    fn next(&mut self) -> Option<Node<'_, 'de>> {
        let name = self.fields.next()?;
        Some(Node {
            value: self.object.get(name).unwrap_or(&Json::Null),
            path: self.path.field(name),
            violations: self.violations,
        })
    }
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Unsupported;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unsupported> {
        self.next().map(|field| seed.deserialize(field)).transpose()
    }
}

/// The members of an object whose names are free.
struct Members<'n, 'de> {
    members: btree_map::IntoIter<&'de str, &'de Json<'de>>,
    current: (&'de str, &'de Json<'de>),
    path: Path<'n>,
    violations: &'n mut Violations,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Unsupported;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unsupported> {
        if self.violations.is_full() {
            return Ok(None);
        }
        let Some((name, value)) = self.members.next() else {
            return Ok(None);
        };
        self.current = (name, value);
        seed.deserialize(BorrowedStrDeserializer::new(name))
            .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, Unsupported> {
        let (name, value) = self.current;
        seed.deserialize(Node {
            value,
            path: self.path.field(name),
            violations: self.violations,
        })
    }
}

/// A wire type asks for something that [`Node`] has no method for. The tests of this file read every
/// field of every type, so no configuration can cause it.
#[derive(Debug)]
struct Unsupported(String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsupported {}

impl de::Error for Unsupported {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

#[cfg(test)]
mod tests;
