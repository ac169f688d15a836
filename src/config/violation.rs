//! What is wrong with a configuration.

use std::collections::BTreeMap;
use std::fmt;

use super::path::{Path, Step};

/// The most violations that are reported. An array of a million wrong items must not fill a proxy's
/// memory and its log.
const MOST: usize = 1_000;

/// The most text of all violations together, in bytes. Long names make long paths and messages.
const MOST_TEXT: usize = 256 << 10;

/// The most that all compiled regexes of a configuration may take together, in bytes. Each
/// thread of a proxy compiles them and keeps them in memory.
const MOST_REGEXES: usize = 32 << 20;

/// One thing that is wrong. It prints as `path: message`, on one line of bounded length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: `releases[0].canary.split`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Everything that is wrong with one configuration, at most 1,000 violations and 256 KiB of text. It
/// prints one violation a line, and a last line if there are more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations {
    found: Vec<Violation>,
    /// The length of all paths and messages, in bytes.
    text: usize,
    are_cut: bool,
    /// The size of all compiled regexes of the configuration so far, in bytes.
    regexes: usize,
    root: Place,
}

/// A place in the configuration, and how far its value can be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    judged: Judged,
    below: BTreeMap<Step<Box<str>>, Place>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Judged {
    /// The value and all its parts.
    #[default]
    Whole,
    /// Its parts, but not the value: one of its parts is unreadable, or it has an unknown field.
    Parts,
    /// Nothing: the value is unreadable.
    Nothing,
}

impl Violations {
    /// In the order in which they were found.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Violation> {
        self.found.iter()
    }

    /// Whether there may be more than these.
    #[must_use]
    pub fn are_cut(&self) -> bool {
        self.are_cut
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The size of all compiled regexes of the configuration so far, in bytes.
    pub(super) fn regexes(&self) -> usize {
        self.regexes
    }

    /// Adds compiled regexes of `bytes`. False: together they are too large, which is a
    /// violation of the whole configuration.
    pub(super) fn add_regexes(&mut self, bytes: usize) -> bool {
        self.regexes = self.regexes.saturating_add(bytes);
        self.regexes <= MOST_REGEXES
    }

    /// Whether no more regexes are compiled.
    pub(super) fn has_too_many_regexes(&self) -> bool {
        self.regexes > MOST_REGEXES
    }

    /// Whether no more violations are taken, so that looking for more is useless.
    pub(super) fn is_full(&mut self) -> bool {
        self.are_cut |= self.found.len() >= MOST;
        self.are_cut
    }

    /// Reports a value of a wrong type. [`Violations::add`] ignores the value and its parts from now
    /// on, so that one mistake is reported once: a weight of a wrong type is not missing too.
    pub(super) fn unreadable(&mut self, path: &Path<'_>, message: String) {
        if self.is_full() {
            return;
        }
        let mut place = &mut self.root;
        for step in path.steps() {
            place.judge_no_more_than(Judged::Parts);
            place = place.below.entry(step).or_default();
        }
        place.judge_no_more_than(Judged::Nothing);
        self.push(path, message);
    }

    /// Reports an unknown field of the object at `path`. [`Violations::add`] ignores the object as a
    /// whole from now on: with `exactly` for `exact` it is not empty too.
    pub(super) fn unknown_field(&mut self, path: &Path<'_>, field: &str, message: String) {
        if self.is_full() {
            return;
        }
        let mut place = &mut self.root;
        for step in path.steps() {
            place = place.below.entry(step).or_default();
        }
        place.judge_no_more_than(Judged::Parts);
        self.push(&path.field(field), message);
    }

    /// Reports what is wrong with a value that was read.
    pub(super) fn add(&mut self, path: &Path<'_>, message: impl Into<String>) {
        if !self.is_full() && self.judges(path) {
            self.push(path, message.into());
        }
    }

    fn push(&mut self, path: &Path<'_>, message: String) {
        let path = path.to_string();
        let text = self.text + path.len() + message.len();
        if text > MOST_TEXT {
            self.are_cut = true;
            return;
        }
        self.text = text;
        self.found.push(Violation { path, message });
    }

    fn judges(&self, path: &Path<'_>) -> bool {
        let mut place = &self.root;
        for step in path.steps() {
            if place.judged == Judged::Nothing {
                return false;
            }
            match place.below.get(&step) {
                Some(below) => place = below,
                None => return true,
            }
        }
        place.judged == Judged::Whole
    }
}

impl Place {
    fn judge_no_more_than(&mut self, judged: Judged) {
        if self.judged != Judged::Nothing {
            self.judged = judged;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_wrong_type_hides_what_depends_on_it_alone() {
        let versions = Path::ROOT.field("authority");
        let unreadable = versions.field("v1");
        let mut violations = Violations::default();
        violations.unreadable(&unreadable, "unreadable".into());
        let table = [
            (versions, false),
            (versions.field("v1"), false),
            (unreadable.field("host"), false),
            (unreadable.index(0), false),
            (versions.field("v1.2"), true),
            (versions.field("v1[0]"), true),
            (versions.field("v2"), true),
            (Path::ROOT.field("authority.v1"), true),
        ];
        for (path, is_judged) in table {
            assert_eq!(violations.judges(&path), is_judged, "{path}");
        }
    }

    #[test]
    fn an_unknown_field_hides_only_what_is_said_of_its_object() {
        let release = Path::ROOT.field("release");
        let mut violations = Violations::default();
        violations.unknown_field(&release, "host", "unknown field".into());
        let table = [
            (Path::ROOT, true),
            (release, false),
            (release.field("host"), true),
            (release.field("hosts"), true),
        ];
        for (path, is_judged) in table {
            assert_eq!(violations.judges(&path), is_judged, "{path}");
        }
    }
}
