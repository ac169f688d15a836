//! Files that change in one step.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;

use halftone_resources::file::replace;

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("releases.json");
    assert!(replace(&file, "1").unwrap());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(replace(&file, "2").unwrap());
    assert!(!replace(&file, "2").unwrap());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "2");
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none/releases.json");
    assert!(replace(&file, "1").is_err());
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_and_its_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (
        folder.path().join("releases.json"),
        folder.path().join("link"),
    );
    fs::write(&file, "1").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(replace(&link, "2").unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "2");
}
