//! The history of changes.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The most entries.
pub const MOST: usize = 500;

/// The most bytes of former texts and diffs. Older entries lose theirs, and cannot be put back then.
const MOST_TEXT: usize = 32 << 20;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Event {
    /// Somebody changed a configuration on the page.
    Changed,
    /// A file changed outside of the console.
    Outside,
    /// A configuration is new.
    Added,
    /// A configuration was deleted.
    Removed,
    /// The guard returned a version to the principal.
    Guard {
        /// The version.
        version: String,
    },
    /// The guard gave a version its traffic back.
    GuardEnded {
        /// The version.
        version: String,
    },
    /// A version has no endpoint.
    Unreachable {
        /// The version.
        version: String,
    },
    /// A version has endpoints again.
    Reachable {
        /// The version.
        version: String,
    },
    /// A proxy rejected a configuration.
    Rejected {
        /// The proxy.
        proxy: String,
    },
}

/// An entry of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// The configuration. Empty: none.
    pub document: String,
    /// The release. Empty: none, or several.
    pub release: String,
    /// The action, as a person reads it. Empty: none.
    pub action: String,
    /// Who changed it: a user, or the address of another machine. Empty: not known.
    #[serde(default)]
    pub who: String,
    /// The changed lines, as a unified diff.
    pub diff: String,
    /// Whether the text before this entry is kept.
    pub can_be_put_back: bool,
    #[serde(skip)]
    before: String,
}

/// An entry with the text before it, as a file keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    #[serde(flatten)]
    entry: Entry,
    #[serde(default)]
    before: String,
}

/// The latest entries.
#[derive(Debug, Default)]
pub struct Journal {
    entries: VecDeque<Entry>,
    count: u64,
    /// The number of the last entry that is in the file.
    kept: u64,
}

/// A change of a configuration.
#[derive(Clone, Debug)]
pub struct Changed<'c> {
    /// The configuration.
    pub document: &'c str,
    /// The release. Empty: several.
    pub release: &'c str,
    /// The action.
    pub action: &'c str,
    /// Who changed it. Empty: not known.
    pub who: &'c str,
    /// The text before.
    pub before: &'c str,
    /// The text after.
    pub after: &'c str,
}

impl Journal {
    /// Adds a change.
    pub fn changed(&mut self, time: u64, event: Event, changed: &Changed<'_>) {
        let diff = crate::change::diff(changed.before, changed.after);
        self.add(Entry {
            number: 0,
            time,
            event,
            document: changed.document.into(),
            release: changed.release.into(),
            action: changed.action.into(),
            who: changed.who.into(),
            diff,
            can_be_put_back: true,
            before: changed.before.into(),
        });
    }

    /// Adds something that happened to a configuration as a whole.
    pub fn came_or_went(&mut self, time: u64, event: Event, document: &str) {
        self.happened(time, event, "");
        if let Some(entry) = self.entries.front_mut() {
            entry.document = document.into();
        }
    }

    /// Adds something that happened to a release. It is not added again if it is what the history says already, because a
    /// console that starts again finds the same guard at work.
    pub fn happened(&mut self, time: u64, event: Event, release: &str) {
        let about = event.about();
        let mut entries = self.entries.iter();
        let latest = entries.find(|entry| {
            about.is_some() && entry.release == release && entry.event.about() == about
        });
        if latest.is_some_and(|latest| latest.event == event) {
            return;
        }
        self.add(Entry {
            number: 0,
            time,
            event,
            document: String::new(),
            release: release.into(),
            action: String::new(),
            who: String::new(),
            diff: String::new(),
            can_be_put_back: false,
            before: String::new(),
        });
    }

    fn add(&mut self, mut entry: Entry) {
        self.count += 1;
        entry.number = self.count;
        self.entries.push_front(entry);
        self.entries.truncate(MOST);
        let mut bytes = 0;
        for entry in &mut self.entries {
            bytes += entry.before.len() + entry.diff.len();
            if bytes > MOST_TEXT {
                entry.before = String::new();
                entry.diff = String::new();
                entry.can_be_put_back = false;
            }
        }
    }

    /// The entries, the latest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Adds the entries of a file, the oldest first.
    pub fn restore(&mut self, entries: Vec<Kept>) {
        for Kept { mut entry, before } in entries {
            entry.before = before;
            self.count = self.count.max(entry.number.saturating_sub(1));
            self.add(entry);
        }
        self.kept();
    }

    /// The entries that are not in the file yet, the oldest first.
    #[must_use]
    pub fn unkept(&self) -> Vec<Kept> {
        let new = self.entries.iter().filter(|entry| entry.number > self.kept);
        new.rev().map(Kept::of).collect()
    }

    /// All entries, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Kept> {
        self.entries.iter().rev().map(Kept::of).collect()
    }

    /// Notes that all entries are in the file.
    pub fn kept(&mut self) {
        self.kept = self.count;
    }

    /// The number of entries, also of those that are no longer kept.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The configuration of the entry `number`, and its text before. None: it is not kept.
    #[must_use]
    pub fn before(&self, number: u64) -> Option<(&str, &str)> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.number == number && entry.can_be_put_back)?;
        Some((&entry.document, &entry.before))
    }
}

impl Kept {
    fn of(entry: &Entry) -> Self {
        Self {
            before: entry.before.clone(),
            entry: entry.clone(),
        }
    }
}

impl Event {
    /// What a state is about: its kind and the version. None: it is no state.
    fn about(&self) -> Option<(bool, &str)> {
        match self {
            Self::Guard { version } | Self::GuardEnded { version } => Some((true, version)),
            Self::Unreachable { version } | Self::Reachable { version } => Some((false, version)),
            Self::Changed | Self::Outside | Self::Added | Self::Removed | Self::Rejected { .. } => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_old_entries_lose_their_text_first() {
        let mut journal = Journal::default();
        let text = "x".repeat(100 << 10);
        for time in 0..600 {
            let changed = Changed {
                document: "a.yaml",
                release: "web",
                action: "",
                who: "",
                before: &text,
                after: &text,
            };
            journal.changed(time, Event::Changed, &changed);
        }
        assert_eq!(journal.entries().count(), MOST);
        assert_eq!(journal.before(600), Some(("a.yaml", &*text)));
        assert_eq!(journal.before(250), None);
        let bytes: usize = journal.entries().map(|entry| entry.before.len()).sum();
        assert!(bytes <= MOST_TEXT);
    }

    #[test]
    fn a_state_that_the_history_has_is_not_added_again() {
        let version = || "v2".to_owned();
        let mut journal = Journal::default();
        for (event, release, expected) in [
            (Event::Guard { version: version() }, "web", 1),
            (Event::Guard { version: version() }, "web", 1),
            (Event::Guard { version: version() }, "shop", 2),
            (Event::Unreachable { version: version() }, "web", 3),
            (Event::Guard { version: version() }, "web", 3),
            (Event::GuardEnded { version: version() }, "web", 4),
            (Event::Guard { version: version() }, "web", 5),
            (Event::Rejected { proxy: version() }, "", 6),
            (Event::Rejected { proxy: version() }, "", 7),
        ] {
            journal.happened(1, event.clone(), release);
            assert_eq!(journal.count(), expected, "{event:?} of {release}");
        }
    }
}
