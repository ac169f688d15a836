//! The history of changes.

use std::collections::VecDeque;

use serde::Serialize;

/// The most entries.
const MOST: usize = 500;

/// The most bytes of former texts. Older entries lose theirs, and cannot be put back then.
const MOST_TEXT: usize = 32 << 20;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// The changed lines, as a unified diff.
    pub diff: String,
    /// Whether the text before this entry is kept.
    pub can_be_put_back: bool,
    #[serde(skip)]
    before: String,
}

/// The latest entries.
#[derive(Debug, Default)]
pub struct Journal {
    entries: VecDeque<Entry>,
    count: u64,
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

    /// Adds something that happened to a release.
    pub fn happened(&mut self, time: u64, event: Event, release: &str) {
        self.add(Entry {
            number: 0,
            time,
            event,
            document: String::new(),
            release: release.into(),
            action: String::new(),
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
            bytes += entry.before.len();
            if bytes > MOST_TEXT {
                entry.before = String::new();
                entry.can_be_put_back = false;
            }
        }
    }

    /// The entries, the latest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The number of entries since the start.
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
}
