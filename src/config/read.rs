//! From a JSON value to the wire types, without stopping at the first mistake.
//!
//! A value of the wrong type, or a field that nobody knows, becomes a violation with its path, and
//! reading goes on with nothing in its place. So a user sees every mistake at once.
//!
//! A deserializer of serde's must be able to fail, and every field of every type has code for that.
//! This never fails. What the fields are called is serde's word all the same.

use std::fmt;
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

use super::named::Named;
use super::violation::{Path, Violations};
use crate::json::Json;
use crate::mirror::sort;

/// Reads `value`; what cannot be read goes to `violations`.
pub fn read<T: Wire>(value: &Json, violations: &mut Violations) -> T {
    T::read(&mut Node {
        value,
        path: Path::ROOT,
        violations,
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

/// What can be read from a value.
pub trait Wire: Sized {
    /// What stands there; something in its place where it cannot be read.
    fn read(node: &mut Node<'_>) -> Self;
}

/// A value, and where it stands.
pub struct Node<'n> {
    value: &'n Json,
    path: Path<'n>,
    violations: &'n mut Violations,
}

impl<'n> Node<'n> {
    fn expected(&mut self, allowed: &str) {
        let wrong = match self.value {
            Json::Null => "is null",
            Json::Bool(_) => "is a boolean",
            Json::Number(_) => "is a number",
            Json::Text(_) => "is a text",
            Json::List(_) => "is a list",
            Json::Object(_) => "is an object",
        };
        self.violations
            .unreadable(&self.path, wrong, format!("give {allowed}"));
    }

    fn items(&mut self) -> &'n [Json] {
        match self.value {
            Json::List(items) => items,
            _ => {
                self.expected("a list");
                &[]
            }
        }
    }

    fn members(&mut self) -> Vec<(&'n str, &'n Json)> {
        let Json::Object(members) = self.value else {
            self.expected("an object");
            return Vec::new();
        };
        let name = |place: u32| members.get(place as usize).map(|member| member.0.as_str());
        let mut places: Vec<u32> = (0..members.len() as u32).collect();
        sort::sort(&mut places, &|first, second| {
            (name(first), first) < (name(second), second)
        });
        let last = |place: &usize| {
            let next = places.get(place + 1).copied();
            next.and_then(name) != places.get(*place).copied().and_then(name)
        };
        let last = (0..places.len())
            .filter(last)
            .filter_map(|place| places.get(place));
        last.filter_map(|place| members.get(*place as usize))
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    }

    /// The fields of an object of type `T`, to be taken in the order of the type.
    pub fn fields<T: DeserializeOwned>(&mut self) -> Fields<'_, 'n> {
        self.named(names_of::<T>())
    }

    #[inline(never)]
    fn named(&mut self, names: &'static [&'static str]) -> Fields<'_, 'n> {
        let is_known = |name: &str| names.contains(&name);
        // The members need be sorted only to tell of them.
        let is_clean = matches!(self.value, Json::Object(members)
            if members.iter().all(|member| is_known(&member.0)));
        if !is_clean {
            for (name, _) in self.members() {
                if !is_known(name) {
                    let allowed = format!("the fields are {}", names.join(", "));
                    self.violations.unknown_field(&self.path, name, allowed);
                }
            }
        }
        Fields {
            node: self,
            names: names.iter(),
        }
    }

    fn one_of(&mut self, words: &'static [&'static str]) -> &'n str {
        let allowed = || format!("one of {}", words.join(", "));
        match self.value {
            Json::Text(word) if words.contains(&word.as_str()) => return word,
            Json::Text(word) => {
                let wrong = format!("`{word}` is not known here");
                let allowed = format!("give {}", allowed());
                self.violations.unreadable(&self.path, wrong, allowed);
            }
            _ => self.expected(&allowed()),
        }
        ""
    }
}

/// The fields of an object, null where there is none.
pub struct Fields<'f, 'n> {
    node: &'f mut Node<'n>,
    names: slice::Iter<'static, &'static str>,
}

impl Fields<'_, '_> {
    /// The next one. One body for each type of a field, not for each field.
    #[inline(never)]
    pub fn next<T: Wire>(&mut self) -> T {
        let name = self.names.next().copied().unwrap_or_default();
        T::read(&mut Node {
            value: self.node.value.get(name).unwrap_or(&Json::Null),
            path: self.node.path.field(name),
            violations: self.node.violations,
        })
    }
}

impl Wire for bool {
    fn read(node: &mut Node<'_>) -> Self {
        if let Json::Bool(value) = node.value {
            return *value;
        }
        node.expected("true or false");
        false
    }
}

impl Wire for f64 {
    fn read(node: &mut Node<'_>) -> Self {
        if let Json::Number(number) = node.value {
            return number.as_f64().unwrap_or_default();
        }
        node.expected("a number");
        0.0
    }
}

impl Wire for String {
    fn read(node: &mut Node<'_>) -> Self {
        if let Json::Text(text) = node.value {
            return text.clone();
        }
        node.expected("a text");
        Self::new()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn read(node: &mut Node<'_>) -> Self {
        (!node.value.is_null()).then(|| T::read(node))
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn read(node: &mut Node<'_>) -> Self {
        let mut items = Self::new();
        for (index, value) in node.items().iter().enumerate() {
            if node.violations.is_full() {
                break;
            }
            items.push(T::read(&mut Node {
                value,
                path: node.path.index(index),
                violations: node.violations,
            }));
        }
        items
    }
}

impl<T: Wire> Wire for Named<T> {
    fn read(node: &mut Node<'_>) -> Self {
        let members = node.members().into_iter();
        members
            .map(|(name, value)| {
                let value = T::read(&mut Node {
                    value,
                    path: node.path.field(name),
                    violations: node.violations,
                });
                (name.to_owned(), value)
            })
            .collect()
    }
}

/// One of the words that serde knows for `T`; `otherwise` where it is none.
pub fn word<T: DeserializeOwned>(node: &mut Node<'_>, otherwise: T) -> T {
    let words = names_of::<T>();
    let word: StrDeserializer<'_, Names> = node.one_of(words).into_deserializer();
    T::deserialize(word).unwrap_or(otherwise)
}

/// What serde calls the fields of an object, or the words of an enumeration.
fn names_of<T: DeserializeOwned>() -> &'static [&'static str] {
    T::deserialize(NamesOnly).err().map_or(&[], |names| names.0)
}

/// Reads nothing, and gives the names that a type would be read by as its error.
struct NamesOnly;

#[derive(Debug)]
struct Names(&'static [&'static str]);

impl<'de> Deserializer<'de> for NamesOnly {
    type Error = Names;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Names> {
        Err(Names(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Names> {
        Err(Names(variants))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Names> {
        Err(Names(&[]))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only names are asked for")
    }
}

impl std::error::Error for Names {}

impl de::Error for Names {
    fn custom<T: fmt::Display>(_why: T) -> Self {
        Self(&[])
    }
}
