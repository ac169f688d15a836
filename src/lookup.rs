//! Tables whose keys come from the configuration or from Envoy, looked up by bytes of a request.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

/// The standard hasher with a fixed key. No client chooses a key of these tables, so no client can
/// make entries collide, and a table needs no random seed.
pub type FixedHasher = BuildHasherDefault<DefaultHasher>;

/// A table from strings of the configuration to `V`. A lookup costs the same for ten entries and for
/// 100,000.
pub type Lookup<V> = HashMap<Box<[u8]>, V, FixedHasher>;

/// A set of strings of the configuration.
pub type Names = HashSet<Box<[u8]>, FixedHasher>;
