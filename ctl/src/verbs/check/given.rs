//! What a call names, read: files, and folders of files.

use std::collections::BTreeSet;
use std::path::Path;

use halftone_resources::{Resource, Unreadable};
use serde_json::Value;

use crate::files;
use crate::outcome::{Failure, Finding};
use crate::source;

/// Everything that a call names.
#[derive(Debug, Default)]
pub struct Given {
    /// All that could be read and is looked at, in order.
    pub resources: Vec<Placed>,
    /// What was wrong on the way.
    pub told: Vec<Told>,
    /// The files that could not be opened.
    pub failures: Vec<Failure>,
    /// How many files were opened.
    pub files: usize,
}

/// Where something stands: which file, and which document of it, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    file: usize,
    document: usize,
}

/// A resource, and where it stands.
#[derive(Debug)]
pub struct Placed {
    /// As it was named, or found.
    pub file: String,
    /// Among all.
    pub place: Place,
    /// What stands there.
    pub resource: Resource,
}

/// A finding, and where it belongs in the report.
#[derive(Debug)]
pub struct Told {
    /// Of what it is about.
    pub place: Place,
    /// What is said.
    pub finding: Finding,
}

impl Told {
    /// About all files, the first of which is `file`.
    pub fn about_all(file: String, message: String) -> Self {
        Self {
            place: Place {
                file: 0,
                document: 0,
            },
            finding: Finding {
                file,
                resource: None,
                path: String::new(),
                message,
            },
        }
    }
}

impl Placed {
    /// A finding on this resource.
    pub fn told(&self, finding: Finding) -> Told {
        Told {
            place: self.place,
            finding,
        }
    }

    /// Says `message` of what stands at `path` of this resource.
    pub fn say(&self, path: impl Into<String>, message: String) -> Told {
        let has_a_name = !matches!(self.resource, Resource::Configuration(_));
        self.told(Finding {
            file: self.file.clone(),
            resource: has_a_name.then(|| self.resource.to_string()),
            path: path.into(),
            message,
        })
    }
}

impl Given {
    /// Those that hold a plugin configuration, or are a plugin without one.
    pub fn configurations(&self) -> impl Iterator<Item = &Placed> {
        self.resources.iter().filter(|placed| {
            placed.resource.plugin().is_some() || placed.resource.configuration().is_some()
        })
    }
}

/// Those of one kind, with their places.
pub fn all<'g, T>(
    resources: &'g [Placed],
    of_kind: impl Fn(&'g Resource) -> Option<&'g T>,
) -> Vec<(&'g Placed, &'g T)> {
    let with_place = |placed: &'g Placed| Some((placed, of_kind(&placed.resource)?));
    resources.iter().filter_map(with_place).collect()
}

/// Reads files and folders, each once.
pub fn read(names: &[String]) -> Given {
    let mut given = Given::default();
    let mut known = BTreeSet::new();
    for name in names {
        if !Path::new(name).is_dir() {
            given.read_new(name, &mut known, Asked::ByName);
            continue;
        }
        match files::below(name) {
            Ok(files) => {
                for file in &files {
                    given.read_new(file, &mut known, Asked::WithFolder);
                }
            }
            Err(failure) => given.failures.push(failure),
        }
    }
    given
}

/// How a file came to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    ByName,
    /// What is for something else is left out.
    WithFolder,
}

impl Given {
    fn read_new(&mut self, file: &str, known: &mut BTreeSet<String>, asked: Asked) {
        if known.insert(file.into()) {
            self.read_file(file, known.len(), asked);
        }
    }

    fn read_file(&mut self, file: &str, number: usize, asked: Asked) {
        let place = |document| Place {
            file: number,
            document,
        };
        let text = match source::text(file) {
            Ok(text) => text,
            Err(Failure::Refused(findings)) => {
                self.files += 1;
                let place = place(0);
                let told = |finding| Told { place, finding };
                self.told.extend(findings.into_iter().map(told));
                return;
            }
            Err(failure) => return self.failures.push(failure),
        };
        self.files += 1;
        let documents = match halftone_resources::read_each(&text) {
            Ok(documents) => documents,
            Err(Unreadable::Empty) if asked == Asked::WithFolder => return,
            Err(error) => vec![Err(error)],
        };
        for (document, read) in documents.into_iter().enumerate() {
            let place = place(document);
            match read {
                Err(Unreadable::NoObject { .. }) if asked == Asked::WithFolder => {}
                Err(error) => self.told.push(Told {
                    place,
                    finding: source::unreadable(file, &error),
                }),
                Ok(resource) => self.take(
                    Placed {
                        file: file.into(),
                        place,
                        resource,
                    },
                    asked,
                ),
            }
        }
    }

    fn take(&mut self, placed: Placed, asked: Asked) {
        let is_in_folder = asked == Asked::WithFolder;
        match &placed.resource {
            Resource::Other { .. } => return,
            Resource::Plugin(plugin) if !plugin.is_halftone() => return,
            Resource::Configuration(value) if is_in_folder && value.get("releases").is_none() => {
                return;
            }
            Resource::Configuration(value) if is_case_file(value) => {
                let message = "is a case file; run it with `halftonectl test`";
                self.told.push(placed.say("", message.into()));
                return;
            }
            _ => {}
        }
        self.resources.push(placed);
    }
}

fn is_case_file(value: &Value) -> bool {
    let has = |name| value.get(name).is_some();
    has("cases") && (has("config") || has("configFile"))
}
