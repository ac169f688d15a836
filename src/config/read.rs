//! From a JSON value to the wire types, without stopping at the first mistake.
//!
//! This is a serde deserializer over [`Value`] that never fails. A value of the wrong type, or a
//! field that nobody knows, becomes a violation with its path, and reading goes on with nothing in
//! its place. So the types derive `Deserialize` as usual, and a user still sees every mistake at
//! once.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde_json::{Map, Value};

use super::violation::{Path, Violations};

/// Reads `value`; what cannot be read goes to `violations`.
pub fn read<T: DeserializeOwned + Default>(value: &Value, violations: &mut Violations) -> T {
    let collected = RefCell::new(std::mem::take(violations));
    let read = T::deserialize(Node {
        value,
        path: Path::ROOT,
        violations: &collected,
    });
    *violations = collected.into_inner();
    read.unwrap_or_else(|Unreadable(why)| {
        violations.unreadable(&Path::ROOT, why, "see docs/reference.md");
        T::default()
    })
}

/// The violation of a text that is not JSON.
pub fn not_json(error: &serde_json::Error) -> Violations {
    let mut violations = Violations::default();
    violations.unreadable(
        &Path::ROOT,
        format!("is not JSON ({error})"),
        "give a JSON object",
    );
    violations
}

/// A value, and where it stands.
#[derive(Clone, Copy)]
struct Node<'a> {
    value: &'a Value,
    path: Path<'a>,
    violations: &'a RefCell<Violations>,
}

impl Node<'_> {
    fn expected(&self, allowed: &str) {
        let wrong = match self.value {
            Value::Null => "is null",
            Value::Bool(_) => "is a boolean",
            Value::Number(_) => "is a number",
            Value::String(_) => "is a text",
            Value::Array(_) => "is a list",
            Value::Object(_) => "is an object",
        };
        self.violations
            .borrow_mut()
            .unreadable(&self.path, wrong, format!("give {allowed}"));
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Unreadable;

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_bool(self.value.as_bool().unwrap_or_else(|| {
            self.expected("true or false");
            false
        }))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_f64(self.value.as_f64().unwrap_or_else(|| {
            self.expected("a number");
            0.0
        }))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_str(self.value.as_str().unwrap_or_else(|| {
            self.expected("a text");
            ""
        }))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.value.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let items = self.value.as_array().map_or_else(
            || {
                self.expected("a list");
                &[][..]
            },
            Vec::as_slice,
        );
        visitor.visit_seq(Items {
            node: self,
            items: items.iter().enumerate(),
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.visit_object(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.visit_object(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let allowed = || format!("one of {}", variants.join(", "));
        let variant = match self.value.as_str() {
            Some(text) if variants.contains(&text) => text,
            Some(text) => {
                let wrong = format!("`{text}` is not known here");
                self.violations.borrow_mut().unreadable(
                    &self.path,
                    wrong,
                    format!("give {}", allowed()),
                );
                variants.first().unwrap_or(&"")
            }
            None => {
                self.expected(&allowed());
                variants.first().unwrap_or(&"")
            }
        };
        let variant: StrDeserializer<'_, Unreadable> = variant.into_deserializer();
        variant.deserialize_enum("", variants, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unreadable> {
        Err(de::Error::custom(
            "the wire types hold a type that this reader does not know",
        ))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct ignored_any
    }
}

impl Node<'_> {
    fn visit_object<'de, V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let none = Map::new();
        let members = self.value.as_object().unwrap_or_else(|| {
            self.expected("an object");
            &none
        });
        visitor.visit_map(Members {
            node: self,
            members: members.iter(),
            fields,
            value: None,
        })
    }
}

/// The items of a list.
struct Items<'a, I> {
    node: Node<'a>,
    items: I,
}

impl<'de, 'v, I: Iterator<Item = (usize, &'v Value)>> SeqAccess<'de> for Items<'_, I> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        let Some((index, value)) = self.items.next() else {
            return Ok(None);
        };
        let item = Node {
            value,
            path: self.node.path.index(index),
            violations: self.node.violations,
        };
        seed.deserialize(item).map(Some)
    }
}

/// The members of an object: of a struct only those that are its fields.
struct Members<'a, 'v, I> {
    node: Node<'a>,
    members: I,
    fields: Option<&'static [&'static str]>,
    value: Option<(&'v str, &'v Value)>,
}

impl<'de, 'v, I: Iterator<Item = (&'v String, &'v Value)>> MapAccess<'de> for Members<'_, 'v, I> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unreadable> {
        for (name, value) in self.members.by_ref() {
            match self.fields {
                Some(fields) if !fields.contains(&name.as_str()) => {
                    let path = self.node.path.field(name);
                    let allowed = format!("the fields are {}", fields.join(", "));
                    self.node
                        .violations
                        .borrow_mut()
                        .add(&path, "is not a field here", allowed);
                }
                _ => {
                    self.value = Some((name, value));
                    let name: StrDeserializer<'_, Unreadable> = name.as_str().into_deserializer();
                    return seed.deserialize(name).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Unreadable> {
        let Some((name, value)) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its name"));
        };
        seed.deserialize(Node {
            value,
            path: self.node.path.field(name),
            violations: self.node.violations,
        })
    }
}

/// What serde requires a deserializer to have. It happens only when a wire type asks for what
/// [`Node`] does not offer.
#[derive(Debug)]
struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}
