//! Files in folders.

use std::path::{Path, PathBuf};

use crate::outcome::Failure;

/// What a configuration, a resource or a case file may end with.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Every YAML and JSON file below `folder`, in the order of their names. What begins with a dot is
/// passed over. A link to a file is followed, as in a mounted ConfigMap; one to a folder is not, for
/// it could lead in circles.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn below(folder: &str) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let failure = |error| Failure::File {
            file: folder.display().to_string(),
            error,
        };
        for entry in std::fs::read_dir(&folder).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type().map_err(failure)?.is_dir() {
                folders.push(path);
            } else if is_readable(&path) {
                files.push(path);
            }
        }
    }
    files.sort_unstable();
    Ok(files
        .iter()
        .map(|file| file.display().to_string())
        .collect())
}

fn is_readable(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}
