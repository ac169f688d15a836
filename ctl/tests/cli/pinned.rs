//! Expected outputs, in files next to the tests.
//!
//! `UPDATE=1 cargo test -p halftonectl --test cli` rewrites them. Read the changes before you commit them.

use crate::root;

/// Compares `text` with the file `name` of `ctl/tests/cli`. Returns the name and the text if they differ.
pub fn difference(name: &str, text: &str) -> Option<String> {
    let path = root().join("ctl/tests/cli").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    (expected != text).then(|| format!("{name}:\n{text}"))
}
