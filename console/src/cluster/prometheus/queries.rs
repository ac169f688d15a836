//! What Prometheus is asked.

/// The queries over one window.
#[derive(Clone, Debug)]
pub struct Queries {
    window: String,
}

/// The queries for what happens now, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// Requests a second by reason.
    Requests,
    /// Responses a second by class.
    Responses,
    /// The median in milliseconds.
    P50,
    /// The 99th percentile in milliseconds.
    P99,
    /// 1 for a version that the guard returned.
    Guard,
    /// 1 for a version without an endpoint.
    Unreachable,
    /// The configured share in parts per million.
    Share,
    /// Copies by outcome.
    Mirrors,
    /// Comparisons by result.
    Comparisons,
}

impl Query {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Requests,
        Self::Responses,
        Self::P50,
        Self::P99,
        Self::Guard,
        Self::Unreachable,
        Self::Share,
        Self::Mirrors,
        Self::Comparisons,
    ];
}

/// The proxies whose numbers are asked for.
#[derive(Clone, Debug)]
pub enum Namespaces<'n> {
    /// Those of one namespace.
    One(&'n str),
    /// Those of all namespaces but these.
    AllBut(Vec<String>),
}

/// A histogram of durations.
const DURATIONS: &str = "halftone_request_duration_milliseconds_bucket";

impl Queries {
    /// Rates over `window`.
    ///
    /// # Errors
    ///
    /// It is not a duration of Prometheus. The error is a sentence.
    pub fn over(window: &str) -> Result<Self, String> {
        let digits = window.trim_end_matches(|unit: char| unit.is_ascii_lowercase());
        let unit = window.get(digits.len()..).unwrap_or_default();
        let is_number = digits.parse::<u32>().is_ok_and(|number| number > 0);
        if !(is_number && ["s", "m", "h"].contains(&unit)) {
            return Err(format!("expected a time such as 1m or 30s, got {window:?}"));
        }
        Ok(Self {
            window: window.into(),
        })
    }

    /// The queries for now, in the order of [`Query::ALL`].
    pub fn now(&self) -> impl Iterator<Item = String> {
        Query::ALL.into_iter().map(|query| self.one(query))
    }

    fn one(&self, query: Query) -> String {
        let window = &self.window;
        let by = "namespace, release, version";
        let quantile = |of: &str| {
            format!("histogram_quantile({of}, sum by ({by}, le) (rate({DURATIONS}[{window}])))")
        };
        match query {
            Query::Requests => {
                format!("sum by ({by}, reason) (rate(halftone_requests_total[{window}]))")
            }
            Query::Responses => {
                format!("sum by ({by}, class) (rate(halftone_responses_total[{window}]))")
            }
            Query::P50 => quantile("0.5"),
            Query::P99 => quantile("0.99"),
            Query::Guard => format!("max by ({by}) (halftone_guard) > 0"),
            Query::Unreachable => format!("max by ({by}) (halftone_unreachable) > 0"),
            Query::Share => format!("avg by ({by}) (halftone_share_ppm)"),
            Query::Mirrors => {
                "sum by (namespace, release, mirror, outcome) (halftone_mirrors_total)".into()
            }
            Query::Comparisons => {
                "sum by (namespace, release, mirror, result) (halftone_comparisons_total)".into()
            }
        }
    }

    /// The queries for the past of a release: requests and the part that did not fail, p50 and p99.
    pub fn past(&self, namespaces: &Namespaces<'_>, release: &str) -> [String; 4] {
        let window = &self.window;
        let release = quoted(release);
        let mut of = format!("release={release}");
        match namespaces {
            Namespaces::One(namespace) => of += &format!(",namespace={}", quoted(namespace)),
            Namespaces::AllBut(others) if others.is_empty() => {}
            // The name of a namespace has letters, digits and hyphens only.
            Namespaces::AllBut(others) => {
                of += &format!(",namespace!~{}", quoted(&others.join("|")));
            }
        }
        let quantile = |part: &str| {
            format!(
                "histogram_quantile({part}, sum by (version, le) (rate({DURATIONS}{{{of}}}[{window}])))"
            )
        };
        [
            format!("sum by (version) (rate(halftone_requests_total{{{of}}}[{window}]))"),
            format!(
                "1 - sum by (version) (rate(halftone_responses_total{{{of},class=~\"5xx|reset|grpc_error\"}}[{window}])) \
                 / (sum by (version) (rate(halftone_responses_total{{{of},class!=\"aborted\"}}[{window}])) > 0) \
                 or 1 + 0 * (sum by (version) (rate(halftone_responses_total{{{of},class!=\"aborted\"}}[{window}])) > 0)"
            ),
            quantile("0.5"),
            quantile("0.99"),
        ]
    }
}

/// A string of a query.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_number_with_a_unit() {
        for (window, is_good) in [
            ("1m", true),
            ("90s", true),
            ("0s", false),
            ("1", false),
            ("m", false),
            ("1d]) or up", false),
            ("1m2s", false),
        ] {
            assert_eq!(Queries::over(window).is_ok(), is_good, "{window}");
        }
    }

    #[test]
    fn a_name_cannot_change_a_query() {
        let queries = Queries::over("1m").unwrap();
        for query in queries.past(&Namespaces::One("a\"} or up{b=\""), "c\"} or up\\") {
            let has = |text: &str| query.contains(text);
            assert!(has(r#"release="c\"} or up\\""#), "{query}");
            assert!(has(r#"namespace="a\"} or up{b=\"""#), "{query}");
        }
    }
}
