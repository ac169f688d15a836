//! Tables that are looked up by bytes of a request.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

/// A table from texts of the configuration to `V`: one lookup costs the same for ten entries and
/// for 100,000.
///
/// The hasher is the standard one with a fixed key: what is in the table comes from the operator
/// alone, so no client can make entries collide, and a decision needs no source of randomness.
pub type Lookup<V> = HashMap<Box<[u8]>, V, BuildHasherDefault<DefaultHasher>>;
