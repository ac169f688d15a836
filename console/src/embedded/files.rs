//! Configurations in files.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use halftone_resources::file::replace;
use halftone_resources::{configuration, discovery};

use crate::source::{Answer, Configurations, Document, NotWritten};
use crate::viewer::Viewer;

/// The most files of a folder that are read.
const MOST_FILES: usize = 1_000;

/// The size of the largest configuration, in bytes. A cluster stores at most 1.5 MB of a resource.
pub const LARGEST: u64 = 2 << 20;

/// The reason for which there are no files to serve.
#[derive(Debug, thiserror::Error)]
pub enum NoFiles {
    /// A file or folder cannot be read.
    #[error("{file}: cannot be read: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's error.
        error: io::Error,
    },
    /// The folder has no configuration.
    #[error(
        "{0}: has no file with a plugin configuration; give a folder that has one, or name the file with --file"
    )]
    None(String),
    /// One discovery resource cannot serve several configurations.
    #[error("--discovery needs exactly one configuration, and there are {0}; name one with --file")]
    Several(usize),
}

/// Configurations in files, and the discovery resource that follows the only one.
#[derive(Debug)]
pub struct Files {
    files: Vec<PathBuf>,
    discovery: Option<PathBuf>,
    /// Held while a file is compared and written.
    writing: Mutex<()>,
}

impl Files {
    /// The configuration in `file`.
    #[must_use]
    pub fn one(file: PathBuf) -> Self {
        Self::new(vec![file])
    }

    /// The files in `folder` that contain a configuration. If the folder has the one discovery resource of a filter, it
    /// follows the configuration.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or has no configuration.
    pub fn folder(folder: &Path) -> Result<Self, NoFiles> {
        let unreadable = |error| NoFiles::Unreadable {
            file: folder.display().to_string(),
            error,
        };
        let mut configurations = Vec::new();
        let mut resources = Vec::new();
        let entries = fs::read_dir(folder).map_err(unreadable)?;
        for entry in entries.take(MOST_FILES) {
            let file = entry.map_err(unreadable)?.path();
            let kind = file.extension().and_then(|kind| kind.to_str());
            if !matches!(kind, Some("yaml" | "yml" | "json")) {
                continue;
            }
            let Ok(text) = text(&file) else { continue };
            if is_resource(&text) {
                resources.push(file);
            } else if configuration(&text).is_ok_and(|found| found.get("releases").is_some()) {
                configurations.push(file);
            }
        }
        if configurations.is_empty() {
            return Err(NoFiles::None(folder.display().to_string()));
        }
        configurations.sort();
        let mut files = Self::new(configurations);
        if let ([resource], 1) = (resources.as_slice(), files.files.len()) {
            files.discovery = Some(resource.clone());
        }
        Ok(files)
    }

    fn new(files: Vec<PathBuf>) -> Self {
        Self {
            files,
            discovery: None,
            writing: Mutex::new(()),
        }
    }

    /// Keeps the discovery resource `file` in step with the configuration.
    ///
    /// # Errors
    ///
    /// There are several configurations.
    pub fn with_discovery(mut self, file: PathBuf) -> Result<Self, NoFiles> {
        if self.files.len() != 1 {
            return Err(NoFiles::Several(self.files.len()));
        }
        self.discovery = Some(file);
        Ok(self)
    }

    /// The discovery resource that follows the configuration.
    #[must_use]
    pub fn discovery(&self) -> Option<&Path> {
        self.discovery.as_deref()
    }

    fn read_all(&self) -> Result<Vec<Document>, String> {
        let documents = self.files.iter().map(|file| document(file));
        documents.collect()
    }

    fn replace(&self, id: &str, text: &str, revision: &str) -> Result<(), NotWritten> {
        let name = |file: &&PathBuf| file.display().to_string() == id;
        let file = self.files.iter().find(name);
        let file = file.ok_or_else(|| NotWritten::Unknown(id.into()))?;
        let failed = |file: &Path, error: &dyn std::fmt::Display| {
            NotWritten::Failed(format!("{}: {error}", file.display()))
        };
        // A thread that panicked holds nothing that matters.
        let _held = self.writing.lock().unwrap_or_else(|held| held.into_inner());
        let before = document(file).map_err(NotWritten::Failed)?;
        if before.revision != revision {
            return Err(NotWritten::Conflict(before.name));
        }
        replace(file, text).map_err(|error| failed(file, &error))?;
        if let Some(resource) = &self.discovery {
            let config = configuration(text).map_err(|error| failed(file, &error))?;
            let followed = discovery::configure(resource, &config);
            if let Err(error) = followed {
                let back = replace(file, &before.text);
                let back = back.map_or_else(
                    |error| format!("; {} cannot be put back: {error}", file.display()),
                    |_| String::new(),
                );
                return Err(NotWritten::Failed(format!(
                    "{}: {error}{back}",
                    resource.display()
                )));
            }
        }
        Ok(())
    }
}

/// Whether `text` is a discovery resource.
fn is_resource(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|value| value.pointer("/resources/0/typed_config/config").is_some())
}

fn text(file: &Path) -> io::Result<String> {
    if fs::metadata(file)?.len() > LARGEST {
        let wrong = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, wrong));
    }
    fs::read_to_string(file)
}

fn document(file: &Path) -> Result<Document, String> {
    let name = file.display().to_string();
    let text = text(file).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Ok(Document {
        id: name.clone(),
        name,
        revision: format!("{:016x}", hasher.finish()),
        text,
    })
}

impl Configurations for Files {
    fn read(&self) -> Answer<'_, Result<Vec<Document>, String>> {
        Box::pin(async { self.read_all() })
    }

    fn write<'a>(
        &'a self,
        _: &'a Viewer,
        id: &'a str,
        text: &'a str,
        revision: &'a str,
    ) -> Answer<'a, Result<(), NotWritten>> {
        Box::pin(async move { self.replace(id, text, revision) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "releases:\n- { name: web, hosts: [web], principal: v1 }\n";
    const RESOURCE: &str =
        r#"{"resources": [{"name": "halftone", "typed_config": {"config": {"root_id": "a"}}}]}"#;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("releases.yaml"), CONFIG).unwrap();
        fs::write(folder.path().join("other.yaml"), "a: 1").unwrap();
        fs::write(folder.path().join("resource.json"), RESOURCE).unwrap();
        folder
    }

    #[test]
    fn a_folder_has_its_configuration_and_the_discovery_resource() {
        let folder = folder();
        let files = Files::folder(folder.path()).unwrap();
        assert_eq!(files.files, [folder.path().join("releases.yaml")]);
        assert_eq!(
            files.discovery(),
            Some(&*folder.path().join("resource.json"))
        );
    }

    #[test]
    fn a_write_reaches_the_discovery_resource() {
        let folder = folder();
        let files = Files::folder(folder.path()).unwrap();
        let [before] = files.read_all().unwrap().try_into().unwrap();
        let text = CONFIG.replace("v1", "v2");
        files.replace(&before.id, &text, &before.revision).unwrap();
        let resource = fs::read_to_string(folder.path().join("resource.json")).unwrap();
        assert!(resource.contains(r#"\"principal\":\"v2\""#), "{resource}");
        assert!(resource.contains("root_id"), "{resource}");
        assert_eq!(files.read_all().unwrap().first().unwrap().text, text);
    }

    #[test]
    fn a_write_of_an_old_revision_is_a_conflict() {
        let folder = folder();
        let files = Files::folder(folder.path()).unwrap();
        let [before] = files.read_all().unwrap().try_into().unwrap();
        fs::write(folder.path().join("releases.yaml"), "releases: []").unwrap();
        let wrong = files.replace(&before.id, CONFIG, &before.revision);
        assert_eq!(wrong, Err(NotWritten::Conflict(before.name)));
        assert!(matches!(
            files.replace("../etc/passwd", CONFIG, ""),
            Err(NotWritten::Unknown(_))
        ));
    }

    #[test]
    fn a_write_that_no_proxy_would_get_is_undone() {
        let folder = folder();
        let files = Files::folder(folder.path()).unwrap();
        let [before] = files.read_all().unwrap().try_into().unwrap();
        fs::write(folder.path().join("resource.json"), "{}").unwrap();
        let wrong = files.replace(&before.id, "releases: []", &before.revision);
        assert!(matches!(wrong, Err(NotWritten::Failed(_))), "{wrong:?}");
        assert_eq!(files.read_all().unwrap(), [before]);
    }
}
