//! Files in folders.

use std::path::PathBuf;

use crate::outcome::Failure;

/// What a configuration, a resource or a case file may end with.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Every YAML and JSON file below `folder`, in the order of their names. What begins with a dot is
/// passed over, and so are links, which could lead in circles.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn below(folder: &str) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let failure = |error| Failure::File {
            file: folder.to_string_lossy().into(),
            error,
        };
        for entry in std::fs::read_dir(&folder).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let kind = entry.file_type().map_err(failure)?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
                files.push(path.to_string_lossy().into());
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
