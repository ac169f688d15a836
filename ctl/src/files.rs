//! Files in folders.

use std::path::{Path, PathBuf};

use crate::outcome::Failure;

/// The file name extensions of configurations, resources and case files.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The YAML and JSON files in `folder` and its subfolders, in the order of their names. Names that begin
/// with a dot are ignored. A symbolic link to a file is followed, as in a mounted ConfigMap. A link to a
/// folder is not, because it could lead in circles.
///
/// # Errors
///
/// A folder cannot be read.
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
    let extension = path.extension().and_then(|extension| extension.to_str());
    path.is_file() && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}
