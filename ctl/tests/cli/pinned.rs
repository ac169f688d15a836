//! Whole outputs, pinned in files beside the tests.
//!
//! `UPDATE=1 cargo test -p halftonectl --test cli` writes them anew, to be read before they are
//! kept.

use crate::root;

/// Holds `text` against the file `name` of `ctl/tests/cli`. Gives back what differs.
pub fn difference(name: &str, text: &str) -> Option<String> {
    let path = root().join("ctl/tests/cli").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    (expected != text).then(|| format!("{name}:\n{text}"))
}
