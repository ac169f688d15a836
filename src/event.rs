//! The names of the metrics and of their labels.
//!
//! Envoy's custom metrics have a name and no labels. Halftone writes labels into the name, in the
//! form `label=.=value;.;`. Istio's `extraStatTags` take them out again, so that Prometheus shows them
//! as labels. Plain Envoy does the same with the rules in `manifests/envoy-stats-tags.yaml`. All label
//! values come from the configuration, none from a request.

use std::fmt;

use crate::mirror::{ComparisonResult, MirrorOutcome};
use crate::release::Reason;

/// An event that a metric counts or measures.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A request was decided.
    Request {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
        /// The reason for the version.
        reason: &'a Reason,
    },
    /// A response ended.
    Response {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
        /// Its class.
        class: ResponseClass,
    },
    /// The time from the head of a request to the end of its response, in milliseconds.
    RequestDuration {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
    },
    /// An earlier plugin of the same proxy had decided a request whose host this release claims.
    Conflict {
        /// The release's name.
        release: &'a str,
    },
    /// A request that a mirror selected came to its outcome.
    Mirror {
        /// The release's name.
        release: &'a str,
        /// The mirror's name.
        mirror: &'a str,
        /// The outcome.
        outcome: MirrorOutcome,
    },
    /// The time in which a mirror answered, in milliseconds.
    MirrorDuration {
        /// The release's name.
        release: &'a str,
        /// The mirror's name.
        mirror: &'a str,
    },
    /// A mirror's answer was compared with production's.
    Comparison {
        /// The release's name.
        release: &'a str,
        /// The mirror's name.
        mirror: &'a str,
        /// The result.
        result: ComparisonResult,
    },
    /// The number of plugins of this proxy that refused their latest configuration.
    ConfigRejected,
    /// The number of plugins of this proxy.
    Plugins,
    /// The number of releases that this proxy serves.
    Releases,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseClass {
    /// It was complete, and its status divided by 100 is this number, 1 to 5.
    Status(u8),
    /// It was not complete: the client or the version broke it off, or there was no response.
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

    /// The class of a response with `status`, 0 if there was none. `details` is Envoy's reason for the
    /// response and for its end. Either side ends a tunnel by breaking it off, so the status alone
    /// decides for one.
    #[must_use]
    pub fn of(status: u64, details: &[u8], is_tunnel: bool) -> Self {
        if !is_tunnel && broke_off(status, details) {
            return Self::Reset;
        }
        Self::of_whole(status)
    }

    /// The class of a complete response with `status`.
    #[must_use]
    pub fn of_whole(status: u64) -> Self {
        match u8::try_from(status / 100) {
            Ok(hundred @ 1..=5) => Self::Status(hundred),
            _ => Self::Reset,
        }
    }

    /// Its index in [`ResponseClass::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Status(hundred) => usize::from(hundred.saturating_sub(1)),
            Self::Reset => 5,
        }
    }
}

/// Whether a response was broken off after it had begun. Envoy 1.40 was made to give each of these
/// details.
fn broke_off(status: u64, details: &[u8]) -> bool {
    const BROKEN_OFF: [&[u8]; 5] = [
        b"upstream_reset_after_response_started",
        b"downstream_",
        b"http1.",
        b"http2.",
        b"http3.",
    ];
    const TIMED_OUT: [&[u8]; 4] = [
        b"response_timeout",
        b"stream_idle_timeout",
        b"max_duration_timeout",
        b"upstream_per_try_idle_timeout",
    ];
    const TIMEOUTS_OF_ENVOY: [u64; 2] = [408, 504];
    let begins = |words: &[&[u8]]| words.iter().any(|word| details.starts_with(word));
    // A timeout before the response begins gives a complete response of Envoy's own.
    begins(&BROKEN_OFF) || (begins(&TIMED_OUT) && !TIMEOUTS_OF_ENVOY.contains(&status))
}

impl fmt::Display for ResponseClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(hundred) => write!(f, "{hundred}xx"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

/// Prints the name of the metric with its labels: `release=.=reviews;.;halftone_conflicts_total`.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request {
                release,
                version,
                reason,
            } => {
                labels(
                    f,
                    &[
                        ("release", release),
                        ("version", version),
                        ("reason", reason),
                    ],
                )?;
                f.write_str("halftone_requests_total")
            }
            Self::Response {
                release,
                version,
                class,
            } => {
                labels(
                    f,
                    &[("release", release), ("version", version), ("class", class)],
                )?;
                f.write_str("halftone_responses_total")
            }
            Self::RequestDuration { release, version } => {
                labels(f, &[("release", release), ("version", version)])?;
                f.write_str("halftone_request_duration_milliseconds")
            }
            Self::Conflict { release } => {
                labels(f, &[("release", release)])?;
                f.write_str("halftone_conflicts_total")
            }
            Self::Mirror {
                release,
                mirror,
                outcome,
            } => {
                labels(
                    f,
                    &[
                        ("release", release),
                        ("mirror", mirror),
                        ("outcome", outcome),
                    ],
                )?;
                f.write_str("halftone_mirrors_total")
            }
            Self::MirrorDuration { release, mirror } => {
                labels(f, &[("release", release), ("mirror", mirror)])?;
                f.write_str("halftone_mirror_duration_milliseconds")
            }
            Self::Comparison {
                release,
                mirror,
                result,
            } => {
                labels(
                    f,
                    &[("release", release), ("mirror", mirror), ("result", result)],
                )?;
                f.write_str("halftone_comparisons_total")
            }
            Self::ConfigRejected => f.write_str("halftone_config_rejected"),
            Self::Plugins => f.write_str("halftone_plugins"),
            Self::Releases => f.write_str("halftone_releases"),
        }
    }
}

fn labels(f: &mut fmt::Formatter<'_>, labels: &[(&str, &dyn fmt::Display)]) -> fmt::Result {
    let mut labels = labels.iter();
    labels.try_for_each(|(label, value)| write!(f, "{label}=.={value};.;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_contain_their_labels_in_the_form_that_istio_takes_out() {
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
            (
                Event::Mirror {
                    release,
                    mirror: "v3",
                    outcome: MirrorOutcome::TooLarge,
                },
                "release=.=reviews;.;mirror=.=v3;.;outcome=.=too_large;.;halftone_mirrors_total",
            ),
            (
                Event::MirrorDuration {
                    release,
                    mirror: "v3",
                },
                "release=.=reviews;.;mirror=.=v3;.;halftone_mirror_duration_milliseconds",
            ),
            (
                Event::Comparison {
                    release,
                    mirror: "v3",
                    result: ComparisonResult::NotCompared,
                },
                "release=.=reviews;.;mirror=.=v3;.;result=.=not_compared;.;halftone_comparisons_total",
            ),
            (Event::ConfigRejected, "halftone_config_rejected"),
            (Event::Plugins, "halftone_plugins"),
            (Event::Releases, "halftone_releases"),
        ];
        for (event, name) in table {
            assert_eq!(event.to_string(), name);
        }
    }

    #[test]
    fn the_index_of_a_class_is_its_position() {
        for (index, class) in ResponseClass::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), index);
        }
    }

    #[test]
    fn the_class_of_a_complete_response_is_that_of_its_status() {
        let table = [
            (200, "via_upstream", "2xx"),
            (404, "via_upstream", "4xx"),
            (599, "via_upstream", "5xx"),
            (301, "direct_response", "3xx"),
            (
                503,
                "upstream_reset_before_response_started{connection_termination}",
                "5xx",
            ),
            (504, "response_timeout", "5xx"),
            (408, "stream_idle_timeout", "4xx"),
            (504, "max_duration_timeout", "5xx"),
            (200, "", "2xx"),
            (0, "", "reset"),
            (600, "via_upstream", "reset"),
        ];
        for (status, details, class) in table {
            let got = ResponseClass::of(status, details.as_bytes(), false);
            assert_eq!(got.to_string(), class, "{status} {details}");
        }
    }

    #[test]
    fn a_response_that_broke_off_is_a_reset() {
        let table = [
            (200, "upstream_reset_after_response_started{protocol_error}"),
            (404, "upstream_reset_after_response_started"),
            (200, "downstream_remote_disconnect"),
            (200, "http2.remote_reset"),
            (200, "response_timeout"),
            (200, "stream_idle_timeout"),
            (200, "max_duration_timeout"),
            (200, "upstream_per_try_idle_timeout"),
            (0, "downstream_remote_disconnect"),
        ];
        for (status, details) in table {
            let got = ResponseClass::of(status, details.as_bytes(), false);
            assert_eq!(got, ResponseClass::Reset, "{status} {details}");
        }
    }

    #[test]
    fn the_class_of_a_tunnel_is_that_of_its_status() {
        for (status, class) in [(101, "1xx"), (200, "2xx"), (503, "5xx"), (0, "reset")] {
            let got = ResponseClass::of(status, b"downstream_remote_disconnect", true);
            assert_eq!(got.to_string(), class, "{status}");
        }
    }
}
