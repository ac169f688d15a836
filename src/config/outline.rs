//! A configuration whose releases are not read yet.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Json, Name};

/// The JSON text of each release, and everything else as a value.
#[derive(Clone, Debug)]
pub struct Outline<'t> {
    /// The configuration without `releases`.
    pub rest: Json<'t>,
    /// The text of each item of `releases`, in order.
    pub releases: Vec<&'t str>,
}

impl<'t> Outline<'t> {
    /// The outline of the JSON text of a configuration. The parser of JSON finds the releases, so a
    /// text means the same as a whole and by its outline. None: the text is not JSON, is not an object,
    /// or does not have `releases` once, as an array.
    pub fn of(text: &'t [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }
}

impl<'de> Deserialize<'de> for Outline<'de> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Outline<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with releases")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Outline<'de>, M::Error> {
        let mut rest = Vec::new();
        let mut releases = None;
        while let Some(Name(name)) = map.next_key()? {
            if name == "releases" {
                let texts: Vec<&RawValue> = map.next_value()?;
                if releases.replace(texts).is_some() {
                    return Err(M::Error::duplicate_field("releases"));
                }
            } else {
                rest.push((name, map.next_value()?));
            }
        }
        let releases = releases.ok_or_else(|| M::Error::missing_field("releases"))?;
        Ok(Outline {
            rest: Json::Object(rest),
            releases: releases.into_iter().map(RawValue::get).collect(),
        })
    }
}
