//! Files that change in one step.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Replaces the text of `file` in one step: a reader sees the whole old text or the whole new one. Returns whether the
/// text changed; if not, the file is not touched.
///
/// The file keeps its permissions. A symbolic link stays, and the file that it names is replaced. A file that does not
/// exist is created.
///
/// # Errors
///
/// The file cannot be read, or its folder cannot be written.
pub fn replace(file: &Path, text: &str) -> io::Result<bool> {
    let (file, before) = match file.canonicalize() {
        Ok(file) => {
            let before = fs::read(&file)?;
            (file, Some(before))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (file.to_owned(), None),
        Err(error) => return Err(error),
    };
    if before.as_deref() == Some(text.as_bytes()) {
        return Ok(false);
    }
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let mut new = readable().tempfile_in(folder.unwrap_or(Path::new(".")))?;
    new.write_all(text.as_bytes())?;
    if before.is_some() {
        let permissions = fs::metadata(&file)?.permissions();
        new.as_file().set_permissions(permissions)?;
    }
    // After a power failure the renamed file must not be empty.
    new.as_file().sync_all()?;
    new.persist(&file)?;
    Ok(true)
}

/// A builder of files with the permissions that new files have, which temporary files have not.
fn readable() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}
