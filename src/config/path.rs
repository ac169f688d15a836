//! Places in a configuration.

use std::fmt;

use super::quoted::{is_plain, quoted};

/// The longest name that a step has whole, in bytes. A name can be as long as the configuration, and
/// each violation below it has a copy.
const LONGEST_NAME: usize = 256;

/// A place in a configuration. It prints as `releases[0].canary.split`; a name that is not plain
/// prints as `headers[":path"]`, at most 60 characters of it.
///
/// Each step lives on the stack of the function that made it, so a path costs nothing until it is
/// printed.
#[derive(Clone, Copy, Debug)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<&'p str>,
}

/// One step down: to a member of an object, or to an item of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step<T> {
    /// To the member of this name. The root has no step; its name is empty.
    Field(T),
    /// To the item at this index.
    Index(usize),
}

impl<'p> Path<'p> {
    /// The configuration as a whole.
    pub const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Field(""),
    };

    /// The member `name` of the object at this path.
    pub fn field(&'p self, name: &'p str) -> Self {
        Path {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    /// The item at `index` of the array at this path.
    pub fn index(&'p self, index: usize) -> Self {
        Path {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    /// The steps from the root to this place. A name of more than [`LONGEST_NAME`] bytes is cut, and
    /// has its length at the end: long names that begin alike and are equally long are one step.
    pub fn steps(&self) -> Vec<Step<Box<str>>> {
        let mut steps = Vec::new();
        let mut path = self;
        while let Some(parent) = path.parent {
            steps.push(match path.step {
                Step::Field(name) if name.len() > LONGEST_NAME => {
                    let start: String = name.chars().take(LONGEST_NAME / 4).collect();
                    Step::Field(format!("{start}… {}", name.len()).into())
                }
                Step::Field(name) => Step::Field(name.into()),
                Step::Index(index) => Step::Index(index),
            });
            path = parent;
        }
        steps.reverse();
        steps
    }

    /// What to write at this place so that it holds `value`: `weight: 5`, or the value alone for an
    /// item of an array.
    pub fn assign(&self, value: &str) -> String {
        match self.step {
            Step::Field("") | Step::Index(_) => value.into(),
            Step::Field(name) if is_plain(name) => format!("{name}: {value}"),
            Step::Field(name) => format!("{}: {value}", quoted(name)),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else {
            return f.write_str("configuration");
        };
        let is_below_root = parent.parent.is_none();
        if !is_below_root {
            write!(f, "{parent}")?;
        }
        match self.step {
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Field(name) if is_below_root && is_plain(name) => f.write_str(name),
            Step::Field(name) => f.write_str(&step(name)),
        }
    }
}

/// The step to the member `name` as a path prints it: `.canary`, `[":path"]`.
#[must_use]
pub fn step(name: &str) -> String {
    if is_plain(name) {
        format!(".{name}")
    } else {
        format!("[{}]", quoted(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_names_that_are_not_plain_in_quotes() {
        let long = "n".repeat(100);
        let table = [
            ("canary", "releases[7].canary"),
            ("x-user-id", "releases[7].x-user-id"),
            ("v1.2", r#"releases[7]["v1.2"]"#),
            (":path", r#"releases[7][":path"]"#),
            ("", r#"releases[7][""]"#),
            ("a\nb", r#"releases[7]["a\nb"]"#),
            (&long, &format!(r#"releases[7]["{}"…]"#, "n".repeat(60))),
        ];
        let releases = Path::ROOT.field("releases");
        let release = releases.index(7);
        for (name, expected) in table {
            assert_eq!(release.field(name).to_string(), expected);
        }
        assert_eq!(Path::ROOT.to_string(), "configuration");
        assert_eq!(Path::ROOT.field("v1.2").to_string(), r#"["v1.2"]"#);
    }
}
