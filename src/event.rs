//! The names of the metrics and of their labels.
//!
//! Envoy's custom metrics have a name and no labels. Halftone writes labels into the name, in the
//! form `label=.=value;.;`. Istio's `extraStatTags` take them out again, so that Prometheus shows them
//! as labels. Plain Envoy does the same with the rules in `manifests/envoy-stats-tags.yaml`. All label
//! values come from the configuration, none from a request.

mod response;

use std::fmt;

pub use response::{Call, Response, ResponseClass};

use crate::guard::FailureKind;
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
    /// The configured share of a version, in parts per million.
    Share {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
    },
    /// A response of a guarded release failed, and counts as evidence.
    Failure {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
        /// How it failed.
        kind: FailureKind,
    },
    /// A response of a guarded release failed, and does not count as evidence.
    IgnoredFailure {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
    },
    /// Whether the guard has taken the traffic from a version.
    Guard {
        /// The release's name.
        release: &'a str,
        /// The version's name.
        version: &'a str,
    },
    /// Whether a version of a release with a fallback has no endpoint.
    Unreachable {
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
    /// The budget of a request left a value unread.
    BudgetExceeded {
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
    /// A mirror answered.
    MirrorResponse {
        /// The release's name.
        release: &'a str,
        /// The mirror's name.
        mirror: &'a str,
        /// The class of the answer.
        class: ResponseClass,
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
    /// The number of keys that sign and verify invitations.
    SigningKeys,
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
            Self::Share { release, version } => {
                labels(f, &[("release", release), ("version", version)])?;
                f.write_str("halftone_share_ppm")
            }
            Self::Failure {
                release,
                version,
                kind,
            } => {
                labels(
                    f,
                    &[("release", release), ("version", version), ("kind", kind)],
                )?;
                f.write_str("halftone_failures_total")
            }
            Self::IgnoredFailure { release, version } => {
                labels(f, &[("release", release), ("version", version)])?;
                f.write_str("halftone_failures_ignored_total")
            }
            Self::Guard { release, version } => {
                labels(f, &[("release", release), ("version", version)])?;
                f.write_str("halftone_guard")
            }
            Self::Unreachable { release, version } => {
                labels(f, &[("release", release), ("version", version)])?;
                f.write_str("halftone_unreachable")
            }
            Self::Conflict { release } => {
                labels(f, &[("release", release)])?;
                f.write_str("halftone_conflicts_total")
            }
            Self::BudgetExceeded { release } => {
                labels(f, &[("release", release)])?;
                f.write_str("halftone_budget_exceeded_total")
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
            Self::MirrorResponse {
                release,
                mirror,
                class,
            } => {
                labels(
                    f,
                    &[("release", release), ("mirror", mirror), ("class", class)],
                )?;
                f.write_str("halftone_mirror_responses_total")
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
            Self::SigningKeys => f.write_str("halftone_signing_keys"),
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
                Event::Share { release, version },
                "release=.=reviews;.;version=.=v2;.;halftone_share_ppm",
            ),
            (
                Event::Failure {
                    release,
                    version,
                    kind: FailureKind::Status5xx,
                },
                "release=.=reviews;.;version=.=v2;.;kind=.=5xx;.;halftone_failures_total",
            ),
            (
                Event::IgnoredFailure { release, version },
                "release=.=reviews;.;version=.=v2;.;halftone_failures_ignored_total",
            ),
            (
                Event::Guard { release, version },
                "release=.=reviews;.;version=.=v2;.;halftone_guard",
            ),
            (
                Event::Unreachable { release, version },
                "release=.=reviews;.;version=.=v2;.;halftone_unreachable",
            ),
            (
                Event::Conflict { release },
                "release=.=reviews;.;halftone_conflicts_total",
            ),
            (
                Event::BudgetExceeded { release },
                "release=.=reviews;.;halftone_budget_exceeded_total",
            ),
            (
                Event::MirrorResponse {
                    release,
                    mirror: "v3",
                    class: ResponseClass::GrpcError,
                },
                "release=.=reviews;.;mirror=.=v3;.;class=.=grpc_error;.;halftone_mirror_responses_total",
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
            (Event::SigningKeys, "halftone_signing_keys"),
        ];
        for (event, name) in table {
            assert_eq!(event.to_string(), name);
        }
    }
}
