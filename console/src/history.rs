//! The history in a file, so that it survives a restart.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use halftone_resources::file::replace;

use crate::journal::{Kept, MOST};

/// The size of the largest file that is read, in bytes.
pub const LARGEST: u64 = 96 << 20;

/// Where the history is kept, and who changes something on this machine.
#[derive(Clone, Debug, Default)]
pub struct History {
    file: Option<PathBuf>,
    person: String,
    /// The lines of the file.
    lines: usize,
    /// Whether the last line has no end, because its writer was killed.
    is_torn: bool,
}

impl History {
    /// A history that ends with the process. Changes from this machine are those of `person`.
    #[must_use]
    pub fn of(person: String) -> Self {
        Self {
            person,
            ..Self::default()
        }
    }

    /// Keeps the history in `file`, one JSON object per line. The file need not exist.
    #[must_use]
    pub fn with_file(mut self, file: PathBuf) -> Self {
        self.file = Some(file);
        self
    }

    /// The person who started the console.
    #[must_use]
    pub fn person(&self) -> &str {
        &self.person
    }

    /// The entries of the file, the oldest first. Lines that are no entries are skipped.
    ///
    /// # Errors
    ///
    /// The file exists and cannot be read, or is larger than [`LARGEST`]. It is not written then. The error is a sentence.
    pub fn read(&mut self) -> Result<Vec<Kept>, String> {
        let Some(path) = &self.file else {
            return Ok(Vec::new());
        };
        match bytes(path) {
            Ok(bytes) => {
                let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                self.lines = lines.len();
                self.is_torn = lines.last().is_some_and(|last| !last.is_empty());
                let entries = lines.iter().map(|line| serde_json::from_slice(line));
                Ok(entries.filter_map(Result::ok).collect())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => {
                let wrong = format!("{}: the history cannot be read: {error}", path.display());
                self.file = None;
                Err(wrong)
            }
        }
    }

    /// Whether the file has so much that it must be written again before `new` entries fit.
    #[must_use]
    pub fn is_full(&self, new: usize) -> bool {
        let is_large = |path: &PathBuf| fs::metadata(path).is_ok_and(|it| it.len() > LARGEST / 2);
        self.lines + new > 2 * MOST || self.file.as_ref().is_some_and(is_large)
    }

    /// Adds entries to the file.
    ///
    /// # Errors
    ///
    /// The file cannot be written. The error is a sentence.
    pub fn add(&mut self, new: &[Kept]) -> Result<(), String> {
        self.write(|path, is_torn| append(path, &text(new), is_torn))?;
        self.lines += new.len();
        self.is_torn = false;
        Ok(())
    }

    /// Replaces the file by the entries that are still in memory.
    ///
    /// # Errors
    ///
    /// The file cannot be written. The error is a sentence.
    pub fn replace(&mut self, all: &[Kept]) -> Result<(), String> {
        self.write(|path, _| replace(path, &text(all)).map(|_| ()))?;
        self.lines = all.len();
        self.is_torn = false;
        Ok(())
    }

    fn write(&self, write: impl FnOnce(&Path, bool) -> io::Result<()>) -> Result<(), String> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        write(path, self.is_torn)
            .map_err(|error| format!("{}: the history cannot be written: {error}", path.display()))
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > LARGEST {
        let wrong = format!(
            "expected at most {} MiB, got {} MiB; name another file with --history",
            LARGEST >> 20,
            size >> 20
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, wrong));
    }
    fs::read(path)
}

fn text(entries: &[Kept]) -> String {
    let lines = entries
        .iter()
        .filter_map(|entry| serde_json::to_string(entry).ok());
    lines.map(|line| line + "\n").collect()
}

fn append(path: &Path, text: &str, is_torn: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // It has former configurations, which not everybody may read.
        options.mode(0o600);
    }
    let begin = if is_torn { "\n" } else { "" };
    let mut file = options.open(path)?;
    file.write_all(format!("{begin}{text}").as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Changed, Event, Journal};

    fn changed(journal: &mut Journal, time: u64, before: &str) {
        let changed = Changed {
            document: "a.yaml",
            release: "web",
            action: "edit",
            who: "ada",
            before,
            after: "after\n",
        };
        journal.changed(time, Event::Changed, &changed);
    }

    /// A journal that has read the file, and its history.
    fn opened(file: &Path) -> (Journal, History) {
        let mut history = History::default().with_file(file.into());
        let mut journal = Journal::default();
        journal.restore(history.read().unwrap());
        (journal, history)
    }

    #[test]
    fn an_entry_survives_a_restart_with_its_number_its_text_and_its_author() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        let (mut journal, mut history) = opened(&file);
        changed(&mut journal, 1, "one\n");
        journal.happened(
            2,
            Event::Guard {
                version: "v2".into(),
            },
            "web",
        );
        history.add(&journal.unkept()).unwrap();
        journal.kept();
        assert_eq!(journal.unkept(), []);

        let (mut again, mut history) = opened(&file);
        assert!(again.entries().eq(journal.entries()));
        assert_eq!(again.before(1), Some(("a.yaml", "one\n")));
        assert_eq!(again.unkept(), []);
        changed(&mut again, 3, "two\n");
        assert_eq!(again.entries().next().map(|entry| entry.number), Some(3));
        history.add(&again.unkept()).unwrap();
        assert_eq!(opened(&file).0.count(), 3);
    }

    #[test]
    fn a_damaged_line_is_skipped_and_the_next_entry_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        let (mut journal, mut history) = opened(&file);
        changed(&mut journal, 1, "one\n");
        history.add(&journal.unkept()).unwrap();
        let whole = fs::read_to_string(&file).unwrap();
        let (torn, _) = whole.split_at(whole.len() / 2);
        fs::write(&file, format!("[]\n\u{0}\n{whole}{torn}")).unwrap();

        let (mut journal, mut history) = opened(&file);
        assert_eq!(journal.count(), 1);
        changed(&mut journal, 2, "two\n");
        history.add(&journal.unkept()).unwrap();
        assert_eq!(opened(&file).0.count(), 2);
    }

    #[test]
    fn the_file_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        let (mut journal, mut history) = opened(&file);
        for time in 0..3 * MOST as u64 {
            changed(&mut journal, time, "x\n");
            let new = journal.unkept();
            if history.is_full(new.len()) {
                history.replace(&journal.all()).unwrap();
            } else {
                history.add(&new).unwrap();
            }
            journal.kept();
            assert!(history.lines <= 2 * MOST);
        }
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), history.lines);
        let (again, _) = opened(&file);
        assert!(again.entries().eq(journal.entries()));
    }

    #[test]
    fn a_file_that_is_too_large_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let file = fs::File::create(&path).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        let mut history = History::default().with_file(path.clone());
        let wrong = history.read().unwrap_err();
        assert!(
            wrong
                .ends_with("expected at most 96 MiB, got 96 MiB; name another file with --history"),
            "{wrong}"
        );
        let mut journal = Journal::default();
        changed(&mut journal, 1, "one\n");
        history.add(&journal.unkept()).unwrap();
        assert_eq!(fs::metadata(path).unwrap().len(), LARGEST + 1);
    }
}
