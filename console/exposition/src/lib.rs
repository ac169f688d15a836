//! Metrics in the text format of Prometheus, as Envoy prints them.
//!
//! No crate fits: `prometheus-parse` 0.2 drops samples with a comma or a brace in a label, `prom_text_format_parser` 0.1
//! rejects Envoy's `name{} 1`, and the licence of `openmetrics-parser` is the LGPL.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'p> {
    /// The name of the metric.
    pub name: &'p str,
    /// The labels, in their order.
    pub labels: Vec<(&'p str, Cow<'p, str>)>,
    /// The value.
    pub value: f64,
}

impl Sample<'_> {
    /// The value of a label. None: the sample has no such label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        let label = labels.find(|(label, _)| *label == name);
        label.map(|(_, value)| &**value)
    }
}

/// A line that is no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASample<'p>(pub &'p str);

impl fmt::Display for NotASample<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "expected a metric such as `up 1`, got {:?}",
            self.0
        )
    }
}

impl Error for NotASample<'_> {}

/// The samples of `page`, in their order. Comments and empty lines are skipped.
///
/// # Errors
///
/// An item is a line that is no sample. The next item is the next line.
pub fn samples(page: &str) -> impl Iterator<Item = Result<Sample<'_>, NotASample<'_>>> {
    let lines = page.lines().map(str::trim);
    lines
        .filter(|line| !(line.is_empty() || line.starts_with('#')))
        .map(|line| sample(line).ok_or(NotASample(line)))
}

/// `name{label="value",…} number`. The braces may be empty or missing, and a time may follow the number.
fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at_checked(end)?;
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample {
        name,
        labels,
        value,
    })
}

type Labels<'p> = Vec<(&'p str, Cow<'p, str>)>;

/// The labels up to the closing brace, and the text behind the brace.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, behind) = unquoted(quoted)?;
        labels.push((name.trim(), value));
        rest = behind;
    }
}

/// A value up to its closing quote, and the text behind the quote.
fn unquoted(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = quoted.find(['"', '\\'])?;
    let (plain, rest) = quoted.split_at_checked(end)?;
    if let Some(behind) = rest.strip_prefix('"') {
        return Some((plain.into(), behind));
    }
    let mut value = plain.to_owned();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value.into(), chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                escaped => escaped,
            }),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Expected = (&'static str, &'static [(&'static str, &'static str)], f64);

    #[test]
    fn a_label_may_have_any_character() {
        let table: [(&str, Expected); 8] = [
            ("up 1", ("up", &[], 1.0)),
            ("up{} 1 1764000000", ("up", &[], 1.0)),
            (
                r#"a_total{release="r",reason="rule:a=b,\"c\"}"} 3"#,
                (
                    "a_total",
                    &[("release", "r"), ("reason", "rule:a=b,\"c\"}")],
                    3.0,
                ),
            ),
            (
                r#"a_bucket{le="+Inf", x="a\nb\\"} 1e3"#,
                ("a_bucket", &[("le", "+Inf"), ("x", "a\nb\\")], 1000.0),
            ),
            (
                r#"a{x="\\",y="é \" # {",} -0.5"#,
                ("a", &[("x", "\\"), ("y", "é \" # {")], -0.5),
            ),
            (
                r#"a{x="<script>alert(1)</script>"} 0"#,
                ("a", &[("x", "<script>alert(1)</script>")], 0.0),
            ),
            (r#"a{x=""} +Inf"#, ("a", &[("x", "")], f64::INFINITY)),
            ("  a {}  2", ("a", &[], 2.0)),
        ];
        for (line, (name, labels, value)) in table {
            let labels = labels.iter().map(|(name, value)| (*name, (*value).into()));
            let expected = Sample {
                name,
                labels: labels.collect(),
                value,
            };
            assert_eq!(samples(line).collect::<Vec<_>>(), [Ok(expected)], "{line}");
        }
    }

    #[test]
    fn a_line_of_another_format_is_an_error_and_the_next_one_is_read() {
        for line in [
            "a",
            "a{",
            "a{b=\"",
            "a{b=\"\\",
            "a{b} 1",
            "a{b=\"c\"} x",
            "a{b=\"c\"}",
        ] {
            let page = format!("# TYPE a counter\n\n{line}\nup 1\n");
            let read: Vec<_> = samples(&page).map(|one| one.map(|one| one.name)).collect();
            assert_eq!(read, [Err(NotASample(line)), Ok("up")], "{line}");
        }
    }

    #[test]
    fn a_label_that_is_missing_is_not_empty() {
        let read: Vec<_> = samples("a{b=\"\"} 1").flatten().collect();
        let [sample] = read.as_slice() else {
            panic!("one sample");
        };
        assert_eq!((sample.label("b"), sample.label("c")), (Some(""), None));
    }
}
