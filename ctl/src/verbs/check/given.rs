//! The files of a call, read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use halftone_resources::{Position, Positions, Resource, Unreadable};
use serde::Serialize;
use serde_json::Value;

use crate::files;
use crate::outcome::{Failure, Finding};
use crate::source;

/// The check of a file or a document that cannot be read, or contains nothing to check.
pub const UNREADABLE: &str = "unreadable";
/// The check of a configuration by itself.
pub const VIOLATION: &str = "violation";

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
    /// The texts of the files with findings or resources to check, by the number of the file.
    texts: BTreeMap<usize, String>,
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
    /// The name of the check that found it.
    pub check: &'static str,
    /// The position. None: that of the path in the resource.
    pub at: Option<Position>,
    /// The finding.
    pub finding: Finding,
}

/// A finding and its position in the file.
#[derive(Debug, Serialize)]
pub struct Located {
    /// The name of the check that found it.
    pub check: &'static str,
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// The position.
    #[serde(flatten)]
    pub at: Position,
}

impl PlacedFinding {
    /// The same finding of the check of this name.
    pub fn of(self, check: &'static str) -> Self {
        Self { check, ..self }
    }

    /// A finding on all files, of which `file` is the first.
    pub fn about_all(file: String, message: String) -> Self {
        Self {
            place: Place {
                file: 0,
                document: 0,
            },
            check: UNREADABLE,
            at: Some(Position::START),
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
            check: VIOLATION,
            at: None,
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

    /// The findings in the order of the files, each with its position.
    pub fn locate(&self, mut findings: Vec<PlacedFinding>) -> Vec<Located> {
        findings.sort_by_key(|one| one.place);
        let mut known = (0, Positions::default());
        let mut position = |place: Place, path: &str| {
            if known.0 != place.file {
                let text = self.texts.get(&place.file);
                known = (
                    place.file,
                    text.map(|text| Positions::of(text)).unwrap_or_default(),
                );
            }
            known
                .1
                .find(place.document, path)
                .unwrap_or(Position::START)
        };
        let locate = |one: PlacedFinding| Located {
            check: one.check,
            at: one
                .at
                .unwrap_or_else(|| position(one.place, &one.finding.path)),
            finding: one.finding,
        };
        findings.into_iter().map(locate).collect()
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
        let bytes = match source::bytes(file) {
            Ok(bytes) => bytes,
            Err(failure) => return self.failures.push(failure),
        };
        self.files += 1;
        let (resources, findings) = (self.resources.len(), self.findings.len());
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let readable = String::from_utf8_lossy(error.as_bytes());
                let at = Position::of_byte(&readable, error.utf8_error().valid_up_to());
                let finding = source::not_utf8(file, &error);
                let (place, at) = (place(0), Some(at));
                return self.findings.push(PlacedFinding {
                    place,
                    check: UNREADABLE,
                    at,
                    finding,
                });
            }
        };
        let documents = match halftone_resources::read_each(&text) {
            Ok(documents) => documents,
            Err(Unreadable::Empty) if asked == Asked::WithFolder => return,
            Err(error) => vec![Err(error)],
        };
        for (document, read) in documents.into_iter().enumerate() {
            let place = place(document);
            match read {
                Err(Unreadable::NoObject { .. }) if asked == Asked::WithFolder => {}
                Err(error) => {
                    let mut finding = source::unreadable(file, &error);
                    let at = error.at();
                    if at.is_some() {
                        finding.path.clear();
                    }
                    self.findings.push(PlacedFinding {
                        place,
                        check: UNREADABLE,
                        at,
                        finding,
                    });
                }
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
        if resources < self.resources.len() || findings < self.findings.len() {
            self.texts.insert(number, text);
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
                let finding = placed.finding("", message.into());
                self.findings.push(finding.of(UNREADABLE));
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
