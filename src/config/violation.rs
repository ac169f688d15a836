//! What is wrong with a configuration: all of it at once, each with its place and the way out.

use std::fmt;

use crate::lookup::Lookup;

/// So many are told. A list of a million wrong things shall not fill a proxy's memory and log.
const MOST: usize = 1_000;

/// One thing that is wrong. It prints as `path: what is wrong; what is allowed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: `releases[0].canary.split`.
    pub path: String,
    /// What is wrong, in the user's words.
    pub wrong: String,
    /// What is allowed, or what to do.
    pub allowed: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.wrong, self.allowed)
    }
}

/// Everything that is wrong with one configuration, up to a thousand things. It prints a violation a
/// line, and a last line if there are more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    found: Vec<Violation>,
    /// There are more than are told.
    are_cut: bool,
    /// Places that cannot be read (true), that hold one of these, and objects with a field that
    /// nobody knows.
    unjudged: Lookup<bool>,
}

impl Violations {
    /// In the order in which they were found.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Violation> {
        self.found.iter()
    }

    /// Whether there may be more than are told.
    #[must_use]
    pub fn are_cut(&self) -> bool {
        self.are_cut
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// A value that cannot be read as what belongs there. Nothing that hangs on it is judged any
    /// more: an unreadable weight shall not also be called a missing one.
    pub(super) fn unreadable(
        &mut self,
        path: &Path<'_>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        if self.is_full() {
            return;
        }
        let path = path.to_string();
        for above in enclosing(&path) {
            self.judge_no_more(above);
        }
        self.unjudged.insert(path.as_bytes().into(), true);
        self.found.push(Violation {
            path,
            wrong: wrong.into(),
            allowed: allowed.into(),
        });
    }

    /// Whether no more are told. There is no need to look for any then.
    pub(super) fn is_full(&mut self) -> bool {
        let is_full = self.found.len() >= MOST;
        self.are_cut |= is_full;
        is_full
    }

    /// A field of the object at `path` that nobody knows. The object is not judged as a whole any
    /// more: with `exactly` for `exact` it shall not also be called empty.
    pub(super) fn unknown_field(&mut self, path: &Path<'_>, name: &str, allowed: String) {
        if self.is_full() {
            return;
        }
        self.judge_no_more(&path.to_string());
        let path = path.field(name).to_string();
        self.found.push(Violation {
            path,
            wrong: "is not a field here".into(),
            allowed,
        });
    }

    /// Something that is wrong with what was read.
    pub(super) fn add(
        &mut self,
        path: &Path<'_>,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        if self.is_full() {
            return;
        }
        let path = path.to_string();
        self.add_if_judged(Violation {
            path,
            wrong: wrong.into(),
            allowed: allowed.into(),
        });
    }

    fn add_if_judged(&mut self, violation: Violation) {
        let path = violation.path.as_str();
        let is_unreadable = |above: &str| self.unjudged.get(above.as_bytes()) == Some(&true);
        let hangs =
            self.unjudged.contains_key(path.as_bytes()) || enclosing(path).any(is_unreadable);
        if !hangs {
            self.found.push(violation);
        }
    }

    fn judge_no_more(&mut self, path: &str) {
        if !self.unjudged.contains_key(path.as_bytes()) {
            self.unjudged.insert(path.as_bytes().into(), false);
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, violation) in self.found.iter().enumerate() {
            if line > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{violation}")?;
        }
        if self.are_cut {
            f.write_str("\nand more")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// The places that enclose `path`, from the outermost on.
fn enclosing(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices(['.', '['])
        .filter_map(|(end, _)| path.get(..end))
}

/// A place in a configuration, which prints as `releases[0].canary.split`. Made on the stack on the
/// way down, so that it costs nothing where nothing is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Root,
    };

    // One body each: inlined into every step down they would be 2 KB of the filter.

    #[inline(never)]
    pub fn field(&'p self, name: &'p str) -> Self {
        Path {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    #[inline(never)]
    pub fn index(&'p self, index: usize) -> Self {
        Path {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    fn is_root(&self) -> bool {
        self.parent.is_none()
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent.filter(|parent| !parent.is_root()) {
            write!(f, "{parent}")?;
            if matches!(self.step, Step::Field(_)) {
                f.write_str(".")?;
            }
        }
        match self.step {
            Step::Root => f.write_str("configuration"),
            Step::Field(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}
