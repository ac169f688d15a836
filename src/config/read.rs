//! From a JSON value to the wire types, without stopping at the first mistake.
//!
//! This is a serde deserializer over [`Value`] that never fails. A value of the wrong type, or a
//! field that nobody knows, becomes a violation with its path, and reading goes on with nothing in
//! its place. So the types derive `Deserialize` as usual, and a user still sees every mistake at
//! once.

use std::cell::RefCell;
use std::fmt;
use std::iter::Enumerate;
use std::{slice, vec};

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde_json::Value;

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
    read.unwrap_or_else(|unreadable| {
        let wrong = unreadable.to_string();
        violations.unreadable(&Path::ROOT, wrong, "see docs/reference.md");
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

impl<'a> Node<'a> {
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

    // One body each, for all the types that are read: inlined into every field of every type they
    // would be a tenth of the filter.

    #[inline(never)]
    fn boolean(&self) -> bool {
        self.value.as_bool().unwrap_or_else(|| {
            self.expected("true or false");
            false
        })
    }

    #[inline(never)]
    fn number(&self) -> f64 {
        self.value.as_f64().unwrap_or_else(|| {
            self.expected("a number");
            0.0
        })
    }

    #[inline(never)]
    fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_else(|| {
            self.expected("a text");
            ""
        })
    }

    #[inline(never)]
    fn items(&self) -> &'a [Value] {
        self.value.as_array().map_or_else(
            || {
                self.expected("a list");
                &[][..]
            },
            Vec::as_slice,
        )
    }

    #[inline(never)]
    fn members(&self) -> Vec<(&'a str, &'a Value)> {
        let Some(members) = self.value.as_object() else {
            self.expected("an object");
            return Vec::new();
        };
        let members = members.iter().map(|(name, value)| (name.as_str(), value));
        members.collect()
    }

    #[inline(never)]
    fn fields(&self, names: &'static [&'static str]) -> Fields<'a> {
        for (name, _) in self.members() {
            if !names.contains(&name) {
                let allowed = format!("the fields are {}", names.join(", "));
                self.violations
                    .borrow_mut()
                    .unknown_field(&self.path, name, allowed);
            }
        }
        Fields {
            node: *self,
            names: names.iter(),
        }
    }

    #[inline(never)]
    fn variant(&self, variants: &'static [&'static str]) -> &'a str {
        let allowed = || format!("one of {}", variants.join(", "));
        match self.value.as_str() {
            Some(text) if variants.contains(&text) => return text,
            Some(text) => {
                let wrong = format!("`{text}` is not known here");
                let allowed = format!("give {}", allowed());
                self.violations
                    .borrow_mut()
                    .unreadable(&self.path, wrong, allowed);
            }
            None => self.expected(&allowed()),
        }
        variants.first().unwrap_or(&"")
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Unreadable;

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_bool(self.boolean())
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_f64(self.number())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_str(self.text())
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
        visitor.visit_seq(Items {
            node: self,
            items: self.items().iter().enumerate(),
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_map(Members::new(self, self.members()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(self.fields(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let variant: StrDeserializer<'_, Unreadable> = self.variant(variants).into_deserializer();
        variant.deserialize_enum("", variants, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct ignored_any
    }
}

/// The items of a list.
struct Items<'a> {
    node: Node<'a>,
    items: Enumerate<slice::Iter<'a, Value>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        let Some((index, value)) = self.items.next() else {
            return Ok(None);
        };
        if self.node.violations.borrow_mut().is_full() {
            return Ok(None);
        }
        let path = self.node.path.index(index);
        seed.deserialize(Node {
            value,
            path,
            violations: self.node.violations,
        })
        .map(Some)
    }
}

/// The fields of an object, in the order of its type, null where there is none: a type that looked
/// its fields up by name would have much code for it.
struct Fields<'a> {
    node: Node<'a>,
    names: slice::Iter<'static, &'static str>,
}

impl<'a> Fields<'a> {
    #[inline(never)]
    fn next(&mut self) -> Option<(&'static str, &'a Value)> {
        let name = self.names.next()?;
        let value = self.node.value.get(name).unwrap_or(&Value::Null);
        Some((name, value))
    }
}

impl<'de> SeqAccess<'de> for Fields<'_> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unreadable> {
        let Some((name, value)) = self.next() else {
            return Ok(None);
        };
        let path = self.node.path.field(name);
        seed.deserialize(Node {
            value,
            path,
            violations: self.node.violations,
        })
        .map(Some)
    }
}

/// The members of an object.
struct Members<'a> {
    node: Node<'a>,
    members: vec::IntoIter<(&'a str, &'a Value)>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'a> Members<'a> {
    fn new(node: Node<'a>, members: Vec<(&'a str, &'a Value)>) -> Self {
        Self {
            node,
            members: members.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unreadable> {
        self.value = self.members.next();
        let Some((name, _)) = self.value else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Unreadable> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Unreadable> {
        let Some((name, value)) = self.value else {
            return Err(Unreadable);
        };
        let path = self.node.path.field(name);
        seed.deserialize(Node {
            value,
            path,
            violations: self.node.violations,
        })
    }
}

/// What serde requires a deserializer to have. It happens only when a wire type asks for what
/// [`Node`] does not offer. It holds nothing: every field of every type has code for it.
#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("holds what its reader does not know")
    }
}

impl std::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: fmt::Display>(_why: T) -> Self {
        Self
    }
}
