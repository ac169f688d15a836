//! What is counted: the names of the metrics and of their labels.
//!
//! Envoy's custom metrics have a name and no labels. The labels are written into the name in the
//! form that Istio's `extraStatTags` take out again, `label=.=value;.;`, so that Prometheus shows
//! them as labels; plain Envoy does the same with the rules in `manifests/envoy-stats-tags.yaml`.
//! All names come from the configuration, none from a request.

use std::fmt;

use crate::release::Reason;

/// Something that is counted or measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A request was decided.
    Request {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
        /// Why it was chosen.
        reason: &'a Reason,
    },
    /// A response ended.
    Response {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
        /// How it ended.
        class: ResponseClass,
    },
    /// The time from a request's head to the end of its response, in milliseconds.
    RequestDuration {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
    },
    /// An earlier plugin of the same proxy had decided a request that this release claims too.
    Conflict {
        /// The release's name.
        release: &'a str,
    },
    /// How many plugins of this proxy have refused their latest configuration.
    ConfigRejected,
    /// How many releases this proxy serves.
    Releases,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseClass {
    /// Whole, with a status of this hundred: 1 to 5.
    Status(u8),
    /// Not whole: the client or the version broke it off, or there was none.
    Reset,
}

impl ResponseClass {
    /// Every class, in the order of [`ResponseClass::index`].
    pub const ALL: [Self; 6] = [
        Self::Status(1),
        Self::Status(2),
        Self::Status(3),
        Self::Status(4),
        Self::Status(5),
        Self::Reset,
    ];

    /// The class of a whole response with this status; a status that HTTP does not know is as good
    /// as none.
    #[must_use]
    pub fn of_status(status: u64) -> Self {
        match u8::try_from(status / 100) {
            Ok(hundred @ 1..=5) => Self::Status(hundred),
            _ => Self::Reset,
        }
    }

    /// Its place in [`ResponseClass::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Status(hundred) => usize::from(hundred.saturating_sub(1)),
            Self::Reset => 5,
        }
    }
}

impl fmt::Display for ResponseClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(hundred) => write!(f, "{hundred}xx"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

/// The name of the metric, labels in it: `release=.=reviews;.;halftone_conflicts_total`.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request {
                release,
                version,
                reason,
            } => {
                write!(
                    f,
                    "release=.={release};.;version=.={version};.;reason=.={reason};.;halftone_requests_total"
                )
            }
            Self::Response {
                release,
                version,
                class,
            } => {
                write!(
                    f,
                    "release=.={release};.;version=.={version};.;class=.={class};.;halftone_responses_total"
                )
            }
            Self::RequestDuration { release, version } => {
                write!(
                    f,
                    "release=.={release};.;version=.={version};.;halftone_request_duration_milliseconds"
                )
            }
            Self::Conflict { release } => {
                write!(f, "release=.={release};.;halftone_conflicts_total")
            }
            Self::ConfigRejected => f.write_str("halftone_config_rejected"),
            Self::Releases => f.write_str("halftone_releases"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_labels_as_istio_takes_them_out() {
        let (release, version, reason) = ("reviews", "v2", &Reason::Rule("testers".into()));
        let table = [
            (
                Event::Request {
                    release,
                    version,
                    reason,
                },
                "release=.=reviews;.;version=.=v2;.;reason=.=rule:testers;.;halftone_requests_total",
            ),
            (
                Event::Response {
                    release,
                    version,
                    class: ResponseClass::Reset,
                },
                "release=.=reviews;.;version=.=v2;.;class=.=reset;.;halftone_responses_total",
            ),
            (
                Event::RequestDuration { release, version },
                "release=.=reviews;.;version=.=v2;.;halftone_request_duration_milliseconds",
            ),
            (
                Event::Conflict { release },
                "release=.=reviews;.;halftone_conflicts_total",
            ),
            (Event::ConfigRejected, "halftone_config_rejected"),
            (Event::Releases, "halftone_releases"),
        ];
        for (event, name) in table {
            assert_eq!(event.to_string(), name);
        }
    }

    #[test]
    fn every_class_stands_at_its_index() {
        for (index, class) in ResponseClass::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), index);
        }
    }

    #[test]
    fn a_status_belongs_to_its_hundred() {
        for (status, class) in [
            (101, "1xx"),
            (200, "2xx"),
            (404, "4xx"),
            (599, "5xx"),
            (0, "reset"),
            (600, "reset"),
        ] {
            assert_eq!(ResponseClass::of_status(status).to_string(), class);
        }
    }
}
