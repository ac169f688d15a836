//! A change of one value.

use std::fmt;

use serde_json::{Map, Value};

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The field of an object.
    Key(String),
    /// The item of an array.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.into())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A change of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Gives the value at the path another value, or adds the field if it is absent.
    Set {
        /// The path.
        path: Vec<Step>,
        /// The new value.
        value: Value,
    },
    /// Adds an item to the end of the array at the path.
    Push {
        /// The path of the array.
        path: Vec<Step>,
        /// The item.
        value: Value,
    },
    /// Removes the field at the path.
    Remove {
        /// The path.
        path: Vec<Step>,
    },
}

impl Edit {
    /// The path of the value that changes.
    #[must_use]
    pub fn path(&self) -> &[Step] {
        match self {
            Self::Set { path, .. } | Self::Push { path, .. } | Self::Remove { path } => path,
        }
    }

    /// The same edit of the value at `prefix` in a larger value.
    #[must_use]
    pub fn within(&self, prefix: &[Step]) -> Self {
        let mut edit = self.clone();
        let (Self::Set { path, .. } | Self::Push { path, .. } | Self::Remove { path }) = &mut edit;
        path.splice(0..0, prefix.iter().cloned());
        edit
    }

    /// Changes `root`. An edit of a value that does not exist changes nothing.
    pub fn apply(&self, root: &mut Value) {
        match self {
            Self::Set { path, value } => {
                let Some((last, parents)) = path.split_last() else {
                    *root = value.clone();
                    return;
                };
                match (at(root, parents), last) {
                    (Some(Value::Object(fields)), Step::Key(key)) => {
                        fields.insert(key.clone(), value.clone());
                    }
                    (Some(Value::Array(items)), Step::Index(index)) => {
                        if let Some(item) = items.get_mut(*index) {
                            *item = value.clone();
                        }
                    }
                    _ => {}
                }
            }
            Self::Push { path, value } => {
                if let Some(Value::Array(items)) = at(root, path) {
                    items.push(value.clone());
                }
            }
            Self::Remove { path } => {
                if let Some((Step::Key(key), parents)) = path.split_last()
                    && let Some(Value::Object(fields)) = at(root, parents)
                {
                    fields.remove(key);
                }
            }
        }
    }
}

fn at<'v>(root: &'v mut Value, path: &[Step]) -> Option<&'v mut Value> {
    path.iter().try_fold(root, |value, step| match step {
        Step::Key(key) => value.as_object_mut().and_then(|fields| fields.get_mut(key)),
        Step::Index(index) => value.as_array_mut().and_then(|items| items.get_mut(*index)),
    })
}

/// A path as it appears in messages: `releases[0].canary`.
pub(crate) struct Path<'p>(pub &'p [Step]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if place > 0 => write!(f, ".{key}")?,
                Step::Key(key) => f.write_str(key)?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// An object with one field.
pub(crate) fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}
