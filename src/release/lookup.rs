//! Tables that are looked up by bytes of a request.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::mem;

/// Like the standard one, with a fixed key: what is in the tables comes from the operator and from
/// Envoy, so no client can make entries collide, and a decision needs no source of randomness.
pub type FixedHasher = BuildHasherDefault<DefaultHasher>;

/// A table from texts of the configuration to `V`: one lookup costs the same for ten entries and
/// for 100,000.
///
/// The values stand beside the table of their places, so that all tables share one body of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup<V> {
    places: HashMap<Box<[u8]>, usize, FixedHasher>,
    values: Vec<V>,
}

impl<V> Default for Lookup<V> {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
            values: Vec::new(),
        }
    }
}

impl<V> Lookup<V> {
    /// How many values are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether there is a value of this key.
    #[must_use]
    pub fn contains_key(&self, key: &[u8]) -> bool {
        self.places.contains_key(key)
    }

    /// The value of this key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.values.get(*self.places.get(key)?)
    }

    /// The same, with the key as it stands in the table.
    #[must_use]
    pub fn get_key_value(&self, key: &[u8]) -> Option<(&[u8], &V)> {
        let (key, place) = self.places.get_key_value(key)?;
        Some((key, self.values.get(*place)?))
    }

    /// The value of this key, to be changed.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        self.values.get_mut(*self.places.get(key)?)
    }

    /// Gives `key` this value, and back the one that it had.
    pub fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        match self.get_mut(key) {
            Some(before) => Some(mem::replace(before, value)),
            None => {
                self.places.insert(key.into(), self.values.len());
                self.values.push(value);
                None
            }
        }
    }
}

impl<K: AsRef<[u8]>, V> FromIterator<(K, V)> for Lookup<V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut lookup = Self::default();
        for (key, value) in entries {
            lookup.insert(key.as_ref(), value);
        }
        lookup
    }
}
