//! The log of an Envoy, as a file that grows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::source::{Answer, Samples};

/// The most that is read at once, in bytes. What a busy log has more is skipped.
const MOST: u64 = 2 << 20;

/// The log of an Envoy.
#[derive(Debug)]
pub struct Log {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The bytes that were read.
    read: u64,
    /// The begin of a line whose end is not written yet.
    open: Vec<u8>,
}

impl Log {
    /// The log in `file`.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            state: Mutex::default(),
        }
    }

    fn new_lines(&self) -> io::Result<Vec<String>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = File::open(&self.file)?;
        let length = file.metadata()?.len();
        if length < state.read {
            // The log was rotated.
            *state = State::default();
        }
        if length - state.read > MOST {
            state.read = length - MOST;
            state.open.clear();
        }
        file.seek(SeekFrom::Start(state.read))?;
        let mut bytes = std::mem::take(&mut state.open);
        state.read += file.take(MOST).read_to_end(&mut bytes)? as u64;
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let open = bytes.split_off(end.map_or(0, |end| end + 1));
        if open.len() as u64 <= MOST {
            state.open = open;
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().map(str::to_owned).collect())
    }
}

impl Samples for Log {
    fn read(&self) -> Answer<'_, Result<Vec<String>, String>> {
        Box::pin(async {
            self.new_lines()
                .map_err(|error| format!("{}: cannot be read: {error}", self.file.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_line_is_read_once_and_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = Log::new(file.path().into());
        for (text, expected) in [
            ("one\ntw", vec!["one"]),
            ("one\ntwo\n", vec!["two"]),
            ("one\ntwo\n", vec![]),
            ("three\n", vec!["three"]),
        ] {
            fs::write(file.path(), text).unwrap();
            assert_eq!(log.new_lines().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn of_a_large_log_the_end_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "x".repeat(3 << 20) + "\nlast\n").unwrap();
        let lines = Log::new(file.path().into()).new_lines().unwrap();
        assert_eq!(lines.last().map(String::as_str), Some("last"));
        assert!(lines.iter().map(String::len).sum::<usize>() as u64 <= MOST);
    }
}
