//! How a mirror's answers are compared.

use super::{mirrors, names, numbers};
use crate::config::path::Path;
use crate::config::quoted::quoted;
use crate::config::violation::Violations;
use crate::config::{BodyConfig, CompareConfig, RedactConfig, SizeConfig};
use crate::mirror::{BodyMode, Compare, Ignored, Pointer, Redact};

const DEFAULT_PERCENTAGE: f64 = 100.0;
const DEFAULT_STATUS: bool = true;
const DEFAULT_BODY: BodyConfig = BodyConfig::Auto;
const DEFAULT_SAMPLES: f64 = 10.0;
const DEFAULT_QUERY: bool = false;

/// The upper bound of `maxBody`. Comparing takes a worker's time, and for JSON a dozen bytes of its
/// memory per byte of each body.
const MOST_BODY: usize = 1 << 20;
const MOST_BODY_TEXT: &str = "1MiB";

/// The comparison of the mirror named `mirror`, whose copies share a budget of `budget` bytes.
#[inline(never)]
pub fn compile(
    compare: &CompareConfig,
    mirror: &str,
    budget: usize,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Compare {
    let headers = compile_headers(compare.headers.as_deref(), path, violations);
    Compare {
        percentage: numbers::percentage(
            compare.percentage.unwrap_or(DEFAULT_PERCENTAGE),
            &format!("compare:{mirror}"),
            &path.field("percentage"),
            violations,
        ),
        status: compare.status.unwrap_or(DEFAULT_STATUS),
        headers,
        body: match compare.body.unwrap_or(DEFAULT_BODY) {
            BodyConfig::Auto => BodyMode::Auto,
            BodyConfig::Json => BodyMode::Json,
            BodyConfig::Bytes => BodyMode::Bytes,
            BodyConfig::None => BodyMode::None,
        },
        ignored: compile_ignored(
            compare.ignore.as_deref().unwrap_or_default(),
            &path.field("ignore"),
            violations,
        ),
        max_body: compile_max_body(compare.max_body.as_ref(), budget, path, violations),
        samples: numbers::whole(
            compare.samples.unwrap_or(DEFAULT_SAMPLES),
            (0, 10_000),
            &path.field("samples"),
            violations,
        ),
        redact: compare
            .redact
            .as_ref()
            .map_or_else(Redact::default, |redact| {
                compile_redact(redact, &path.field("redact"), violations)
            }),
        query: compare.query.unwrap_or(DEFAULT_QUERY),
    }
}

fn compile_redact(redact: &RedactConfig, path: &Path<'_>, violations: &mut Violations) -> Redact {
    let pointers = redact.pointers.as_deref().unwrap_or_default();
    Redact {
        headers: compile_headers(redact.headers.as_deref(), path, violations),
        pointers: compile_pointers(pointers, &path.field("pointers"), violations),
    }
}

/// The field `headers` of the object at `path`.
fn compile_headers(
    headers: Option<&[String]>,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Box<str>> {
    let path = path.field("headers");
    let headers = headers.unwrap_or_default().iter().enumerate();
    headers
        .map(|(index, name)| names::header(name, &path.index(index), violations))
        .collect()
}

fn compile_max_body(
    text: Option<&SizeConfig>,
    budget: usize,
    path: &Path<'_>,
    violations: &mut Violations,
) -> usize {
    let size = mirrors::max_body(text, budget, path, violations);
    if let Some(SizeConfig(text)) = text.filter(|_| size > MOST_BODY) {
        let path = path.field("maxBody");
        let message = numbers::beyond("at most", MOST_BODY_TEXT, text, &path);
        violations.add(&path, message);
    }
    size
}

fn compile_ignored(pointers: &[String], path: &Path<'_>, violations: &mut Violations) -> Ignored {
    Ignored::new(compile_pointers(pointers, path, violations)).unwrap_or_default()
}

/// At most [`Ignored::MOST`] pointers.
fn compile_pointers(
    pointers: &[String],
    path: &Path<'_>,
    violations: &mut Violations,
) -> Vec<Pointer> {
    let mut compiled = Vec::with_capacity(pointers.len());
    for (index, text) in pointers.iter().enumerate() {
        let pointer = Pointer::parse(text);
        if pointer.is_none() {
            violations.add(&path.index(index), not_a_pointer(text));
        }
        compiled.extend(pointer);
    }
    let (most, count) = (Ignored::MOST, pointers.len());
    if count > most {
        let message = format!("expected at most {most} pointers, got {count}");
        violations.add(path, message);
    }
    compiled
}

fn not_a_pointer(text: &str) -> String {
    let expected = r#"a JSON pointer to a part of the body, such as "/items/*/id", with "~1" for "/" and "~0" for "~" in a name"#;
    let message = names::expected_got(expected, text);
    let with_slash = format!("/{}", text.trim_start_matches('/'));
    let meant = [with_slash.replace('~', "~0"), with_slash];
    let meant = meant
        .iter()
        .rev()
        .find(|meant| Pointer::parse(meant).is_some());
    match meant {
        Some(meant) if !text.is_empty() => format!("{message}; write {}", quoted(meant)),
        _ => message,
    }
}
