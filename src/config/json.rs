//! JSON as a tree that is cheap to read once.
//!
//! It borrows its texts, and an object is a list. `serde_json::Value` copies each text, and takes the
//! memory of eleven members for an object of one: docs/decisions/0004 has the numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use xxhash_rust::xxh64::xxh64;

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Json<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number. Whole numbers of 64 bits are exact.
    Number(Number),
    /// A string.
    String(Cow<'t, str>),
    /// An array.
    Array(Vec<Json<'t>>),
    /// An object: its members in the order of the text, also several of one name.
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

impl<'t> Json<'t> {
    /// The member `name` of an object; of several the last one, as in most readers of JSON.
    pub fn get(&self, name: &str) -> Option<&Json<'t>> {
        let Self::Object(members) = self else {
            return None;
        };
        let mut last_first = members.iter().rev();
        last_first.find_map(|(other, value)| (other == name).then_some(value))
    }

    /// A hash that does not depend on the order of members, on spaces, on how a number is written, or
    /// on members that are `null`.
    pub fn canonical_hash(&self) -> u64 {
        let mut bytes = Vec::new();
        self.write_canonical(&mut bytes);
        xxh64(&bytes, 0)
    }

    fn write_canonical(&self, bytes: &mut Vec<u8>) {
        let mut text = |kind: u8, text: &[u8]| {
            bytes.push(kind);
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text);
        };
        match self {
            Self::Null => text(b'n', b""),
            Self::Bool(value) => text(b'b', &[u8::from(*value)]),
            Self::Number(number) => {
                text(b'f', &number.as_f64().unwrap_or_default().to_le_bytes());
            }
            Self::String(value) => text(b's', value.as_bytes()),
            Self::Array(items) => {
                text(b'a', &(items.len() as u64).to_le_bytes());
                for item in items {
                    item.write_canonical(bytes);
                }
            }
            Self::Object(members) => {
                let mut by_name = BTreeMap::new();
                for (name, value) in members {
                    by_name.insert(&**name, value);
                }
                by_name.retain(|_, value| !matches!(value, Self::Null));
                text(b'o', &(by_name.len() as u64).to_le_bytes());
                for (name, value) in by_name {
                    Json::String(Cow::Borrowed(name)).write_canonical(bytes);
                    value.write_canonical(bytes);
                }
            }
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(text.to_owned().into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut sequence: S) -> Result<Json<'de>, S::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Json<'de>, M::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

/// The name of a member.
pub struct Name<'de>(pub Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(name: D) -> Result<Self, D::Error> {
        name.deserialize_str(NameReader)
    }
}

struct NameReader;

impl<'de> Visitor<'de> for NameReader {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(name.to_owned().into()))
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_hash_is_that_of_what_the_text_means() {
        let hash = |text: &str| {
            let json: Json<'_> = serde_json::from_str(text).unwrap();
            json.canonical_hash()
        };
        let text = r#"{"a": [1, "x"], "b": {"c": true}}"#;
        for same in [
            r#"{"b":{"c":true},"a":[1.0,"\u0078"]}"#,
            r#"{"a": 7, "a": [1e0, "x"], "d": null, "b": {"c": true, "e": null}}"#,
        ] {
            assert_eq!(hash(text), hash(same), "{same}");
        }
        for other in [
            r#"{"a": [1, "x"], "b": {"c": false}}"#,
            r#"{"a": ["x", 1], "b": {"c": true}}"#,
            r#"{"a": [1, "x", null], "b": {"c": true}}"#,
            r#"{"a": [1, "x"], "b": {}, "c": true}"#,
        ] {
            assert_ne!(hash(text), hash(other), "{other}");
        }
    }

    #[test]
    fn of_several_members_of_one_name_the_last_counts() {
        let json: Json<'_> =
            serde_json::from_str(r#"{"a": "1", "b": "2", "\u0061": "3"}"#).unwrap();
        for (name, expected) in [("a", Some("3")), ("b", Some("2")), ("c", None)] {
            assert_eq!(json.get(name).and_then(Json::as_str), expected);
        }
    }
}
