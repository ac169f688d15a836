//! The files of a call, read.

use std::collections::BTreeSet;
use std::path::Path;

use halftone_resources::{Resource, Unreadable};
use serde_json::Value;

use crate::files;
use crate::outcome::{Failure, Finding};
use crate::source;

/// The contents of all files of a call.
#[derive(Debug, Default)]
pub struct Given {
    /// The resources to check, in order.
    pub resources: Vec<Placed>,
    /// The findings on documents that cannot be read.
    pub findings: Vec<PlacedFinding>,
    /// The files that cannot be opened.
    pub failures: Vec<Failure>,
    /// The number of files that were opened.
    pub files: usize,
}

/// The place of a document: the number of the file, and the index of the document in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    file: usize,
    document: usize,
}

/// A resource and its place.
#[derive(Debug)]
pub struct Placed {
    /// The file, as the command line names it or as it was found in a folder.
    pub file: String,
    /// The place.
    pub place: Place,
    /// The resource.
    pub resource: Resource,
}

/// A finding, and the place that orders it in the report.
#[derive(Debug)]
pub struct PlacedFinding {
    /// The place of its resource.
    pub place: Place,
    /// The finding.
    pub finding: Finding,
}

impl PlacedFinding {
    /// A finding on all files, of which `file` is the first.
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
    /// The finding, with the place of this resource.
    pub fn locate(&self, finding: Finding) -> PlacedFinding {
        PlacedFinding {
            place: self.place,
            finding,
        }
    }

    /// A finding at `path` of this resource.
    pub fn finding(&self, path: impl Into<String>, message: String) -> PlacedFinding {
        let has_a_name = !matches!(self.resource, Resource::Configuration(_));
        self.locate(Finding {
            file: self.file.clone(),
            resource: has_a_name.then(|| self.resource.to_string()),
            path: path.into(),
            message,
        })
    }
}

impl Given {
    /// The resources that contain a plugin configuration, and plugins without one.
    pub fn configurations(&self) -> impl Iterator<Item = &Placed> {
        self.resources.iter().filter(|placed| {
            placed.resource.plugin().is_some() || placed.resource.configuration().is_some()
        })
    }
}

/// The resources of one kind, with their places.
pub fn all<'g, T>(
    resources: &'g [Placed],
    of_kind: impl Fn(&'g Resource) -> Option<&'g T>,
) -> Vec<(&'g Placed, &'g T)> {
    let with_place = |placed: &'g Placed| Some((placed, of_kind(&placed.resource)?));
    resources.iter().filter_map(with_place).collect()
}

/// Reads files and folders, each file once.
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

/// The way in which the call names a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    ByName,
    /// Documents that do not concern Halftone are ignored.
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
                let located = |finding| PlacedFinding { place, finding };
                self.findings.extend(findings.into_iter().map(located));
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
                Err(error) => self.findings.push(PlacedFinding {
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
                self.findings.push(placed.finding("", message.into()));
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
