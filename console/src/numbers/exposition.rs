//! The text format of Prometheus.
//!
//! Crates that read it split labels at commas and equals signs inside of values, or are no longer kept. The name of a
//! rule may have both.

/// A line of the text format.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'p> {
    /// The name of the metric.
    pub name: &'p str,
    /// The labels, in their order.
    pub labels: Vec<(&'p str, String)>,
    /// The value.
    pub value: f64,
}

impl Sample<'_> {
    /// The value of a label. Empty: the sample has no such label.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        let mut labels = self.labels.iter();
        let label = labels.find(|(label, _)| *label == name);
        label.map_or("", |(_, value)| value)
    }
}

/// The samples of `page`. Lines that have another format are ignored.
pub fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    let lines = page.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at_checked(end)?;
    let mut labels = Vec::new();
    let mut rest = rest.trim_start();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(behind) = rest.strip_prefix('}') {
                rest = behind;
                break;
            }
            let (label, quoted) = rest.split_once("=\"")?;
            let (value, behind) = unquoted(quoted)?;
            labels.push((label.trim(), value));
            rest = behind;
        }
    }
    // A time may follow the value.
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample {
        name,
        labels,
        value,
    })
}

/// A value up to its closing quote, and the text behind the quote.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_may_have_any_character() {
        let table = [
            ("up 1", ("up", vec![], 1.0)),
            ("up{} 1 1764000000", ("up", vec![], 1.0)),
            (
                r#"a_total{release="r",reason="rule:a=b,\"c\"}"} 3"#,
                (
                    "a_total",
                    vec![("release", "r"), ("reason", "rule:a=b,\"c\"}")],
                    3.0,
                ),
            ),
            (
                r#"a_bucket{le="+Inf", x="a\nb\\"} 1e3"#,
                ("a_bucket", vec![("le", "+Inf"), ("x", "a\nb\\")], 1000.0),
            ),
        ];
        for (line, (name, labels, value)) in table {
            let labels = labels
                .into_iter()
                .map(|(name, value)| (name, value.to_owned()));
            let expected = Sample {
                name,
                labels: labels.collect(),
                value,
            };
            assert_eq!(samples(line).collect::<Vec<_>>(), [expected], "{line}");
        }
    }

    #[test]
    fn a_line_of_another_format_is_ignored() {
        for line in [
            "",
            "# HELP a b",
            "a",
            "a{",
            "a{b=\"",
            "a{b} 1",
            "a{b=\"c\"} x",
            "a{b=\"c\"}",
        ] {
            assert_eq!(samples(line).count(), 0, "{line}");
        }
    }
}
