//! Pairs of answers of production and of a mirror, with the results of comparing them.

use halftone::draw::Percentage;
use halftone::mirror::{
    Answer, BodyMode, Compare, Comparison, Ignored, Place, Pointer, Reading, Redact,
};
use halftone::request::Header;

pub const JSON: &str = "application/json";

/// Compares status, two headers and bodies up to 1,000 bytes, and ignores `/at`.
pub fn compare(body: BodyMode) -> Compare {
    let ignored = vec![Pointer::parse("/at").unwrap()];
    Compare {
        percentage: Percentage::new(100.0, "compare:next"),
        status: true,
        headers: vec!["x-total".into(), "set-cookie".into()],
        body,
        ignored: Ignored::new(ignored).unwrap(),
        max_body: 1_000,
        samples: 10,
        redact: Redact::default(),
        query: false,
    }
}

/// Reads an answer from a string: status, then headers, an empty line and the body, then trailers after
/// `~`. Without an empty line there is no body.
pub fn answer(compare: &Compare, text: &str) -> Answer {
    reading(compare, text, usize::MAX).end()
}

/// Like [`answer`], with the body in chunks of `chunk` bytes.
pub fn reading(compare: &Compare, text: &str, chunk: usize) -> Reading {
    let (text, trailers) = text.split_once('~').unwrap_or((text, ""));
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let (status, fields) = head.split_once('\n').unwrap_or((head, ""));
    let mut headers: Vec<Header<'_>> = vec![(b":status", status.as_bytes())];
    headers.extend(fields.lines().map(field));
    let mut reading = compare.read(&headers, !text.contains("\n\n"));
    for chunk in body.as_bytes().chunks(chunk.max(1)) {
        reading.push(chunk);
    }
    reading.trailers(&trailers.lines().map(field).collect::<Vec<_>>());
    reading
}

fn field(line: &str) -> Header<'_> {
    let (name, value) = line.split_once(": ").unwrap();
    (name.as_bytes(), value.as_bytes())
}

/// An answer with this JSON.
pub fn json(body: &str) -> String {
    format!("200\ncontent-type: {JSON}\n\n{body}")
}

/// The comparison as text: the result, the places, and the note.
pub fn described(comparison: &Comparison) -> String {
    let mut described = comparison.result.to_string();
    for difference in &comparison.differences {
        match &difference.place {
            Place::Header(name) => described.push_str(&format!(" {name}")),
            Place::Pointer(pointer) => described.push_str(&format!(" '{pointer}'")),
        }
    }
    if let Some(note) = &comparison.note {
        described.push_str(&format!("; {note}"));
    }
    described
}

/// Compares each pair in both directions. The result is the same in both.
fn check(compare: &Compare, table: &[(&str, &str, &str)]) {
    for (production, mirror, expected) in table {
        let (left, right) = (answer(compare, production), answer(compare, mirror));
        let got = described(&compare.compare(Some(&left), Some(&right)));
        assert_eq!(&got, expected, "{production:?} {mirror:?}");
        let back = compare.compare(Some(&right), Some(&left));
        assert_eq!(
            back.result.to_string(),
            expected.split([' ', ';']).next().unwrap()
        );
    }
}

#[test]
fn the_first_of_status_headers_and_body_that_differs_is_the_result() {
    check(
        &compare(BodyMode::Auto),
        &[
            ("200", "200", "same"),
            ("200", "500", "status"),
            ("200\nx-total: 1\n\na", "404\nx-total: 2\n\nb", "status"),
            (
                "200\nx-total: 1\n\na",
                "200\nx-total: 2\n\nb",
                "headers x-total",
            ),
            ("200\nx-other: 1\n\na", "200\nx-other: 2\n\na", "same"),
            ("200\nx-total: 1\n\na", "200\nx-total: 1\n\nb", "body ''"),
            ("200\nx-total: 1", "200", "headers x-total"),
            ("200\nx-total: ", "200", "headers x-total"),
            (
                "200\nx-total: 1\nx-total: 2",
                "200\nx-total: 1\nx-total: 2",
                "same",
            ),
            (
                "200\nx-total: 1\nx-total: 2",
                "200\nx-total: 2\nx-total: 1",
                "headers x-total",
            ),
            (
                "200\nx-total: 1\nx-total: 2",
                "200\nx-total: 1, 2",
                "headers x-total",
            ),
            (
                "200\nset-cookie: a=1",
                "200\nx-total: 1\nset-cookie: a=2",
                "headers x-total set-cookie",
            ),
        ],
    );
}

#[test]
fn bodies_are_compared_as_json_if_both_content_types_say_so() {
    let (one, reordered) = (json(r#"{"a":1,"b":2,"at":1}"#), json(r#"{"b":2,"a":1.0}"#));
    let other = json(r#"{"a":1,"b":3}"#);
    let as_type =
        |content_type: &str, body: &str| format!("200\ncontent-type: {content_type}\n\n{body}");
    check(
        &compare(BodyMode::Auto),
        &[
            (&one, &reordered, "same"),
            (&one, &other, "body '/b'"),
            (
                &one,
                &as_type("text/json; charset=utf-8", r#"{"b":2,"a":1}"#),
                "same",
            ),
            (
                &one,
                &as_type("Application/Problem+JSON ;x", r#"{"b":2,"a":1}"#),
                "same",
            ),
            (&one, &as_type("text/plain", r#"{"b":2,"a":1}"#), "body ''"),
            (
                &one,
                &as_type("text/plain", r#"{"a":1,"b":2,"at":1}"#),
                "same",
            ),
            (&one, &as_type("json", r#"{"b":2,"a":1}"#), "body ''"),
            (
                &as_type("text/plain", "1"),
                &as_type("text/plain", "1.0"),
                "body ''",
            ),
            (
                &as_type("text/plain", "1"),
                &as_type("text/html", "1"),
                "same",
            ),
            (&json(""), "200", "same"),
            (
                &json("[1]"),
                &json("[1"),
                "body ''; the mirror's body is not JSON",
            ),
            (
                &json("1}"),
                &json("1"),
                "body ''; production's body is not JSON",
            ),
            (
                &json("<a>"),
                &json("<b>"),
                "body ''; the bodies are not JSON",
            ),
            (&json("<a>"), &json("<a>"), "same"),
        ],
    );
}

#[test]
fn a_compressed_body_is_compared_as_bytes() {
    let encoded = |encoding: &str, body: &str| {
        format!("200\ncontent-type: {JSON}\ncontent-encoding: {encoding}\n\n{body}")
    };
    for mode in [BodyMode::Auto, BodyMode::Json] {
        check(
            &compare(mode),
            &[
                (
                    &encoded("gzip", "[1]"),
                    &encoded("gzip", "[1]"),
                    "same; compressed (gzip), compared as bytes",
                ),
                (
                    &encoded("gzip", "[1]"),
                    &encoded("gzip", "[1.0]"),
                    "body ''; compressed (gzip), compared as bytes",
                ),
                (
                    &encoded("gzip", "[1]"),
                    &json("[1]"),
                    "same; compressed (gzip), compared as bytes",
                ),
                (
                    &encoded("gzip", "[1]"),
                    &encoded("br", "[2]"),
                    "body ''; compressed (gzip, br), compared as bytes",
                ),
                (&encoded("Identity", "[1]"), &encoded("", "[1.0]"), "same"),
                (
                    &encoded("identity, br", "1"),
                    &encoded("br", "2"),
                    "body ''; compressed (identity, br, br), compared as bytes",
                ),
            ],
        );
    }
}

#[test]
fn streams_are_not_compared() {
    let events = "200\ncontent-type: text/event-stream; x\n\ndata: 1\n\n";
    check(
        &compare(BodyMode::Auto),
        &[
            (events, events, "not_compared; a body is a stream"),
            (events, "200", "not_compared; a body is a stream"),
            (events, "503", "status"),
            (events, "200\nx-total: 1", "headers x-total"),
            ("200\ncontent-type: text/event-stream", "200", "same"),
        ],
    );
    check(&compare(BodyMode::Bytes), &[(events, events, "same")]);
    check(&compare(BodyMode::None), &[(events, events, "same")]);
}

#[test]
fn unary_grpc_answers_are_compared() {
    let call = |body: &str, trailers: &str| {
        format!("200\ncontent-type: application/grpc\n\n{body}~{trailers}")
    };
    let hi = "\0\0\0\0\x02hi";
    let unary = call(hi, "grpc-status: 0");
    let stream = call(&hi.repeat(2), "grpc-status: 0");
    let at_once = "200\ncontent-type: application/grpc+proto\ngrpc-status: 5";
    let table = [
        (&*unary, &*unary, "same"),
        (&unary, &call("\0\0\0\0\x02ho", "grpc-status: 0"), "body ''"),
        (&unary, &call(hi, "grpc-status: 13"), "status"),
        (&unary, &call(hi, ""), "status"),
        (&unary, at_once, "status"),
        (at_once, &call("", "grpc-status: 5"), "same"),
        (
            &call(hi, "grpc-status: x"),
            &call(hi, "grpc-status: 2"),
            "same",
        ),
        (&stream, &stream, "not_compared; a body is a stream"),
        (
            &stream,
            &call(&hi.repeat(3), ""),
            "not_compared; a body is a stream",
        ),
        (&stream, &unary, "not_compared; a body is a stream"),
        (&stream, at_once, "status"),
        (
            &unary,
            &call("\0\0\0\0\x02h", "grpc-status: 0"),
            "not_compared; a gRPC message is not whole",
        ),
    ];
    check(&compare(BodyMode::Auto), &table);
    let web = "200\ncontent-type: application/grpc-web\n\n\0\0\0\0\0\u{80}\0\0\0\0";
    check(&compare(BodyMode::Auto), &[(web, web, "same")]);
}

#[test]
fn the_body_mode_overrides_the_content_type() {
    let plain = |body: &str| format!("200\ncontent-type: text/plain\n\n{body}");
    check(
        &compare(BodyMode::Json),
        &[
            (&plain("[1]"), &plain("[1.0]"), "same"),
            (&plain("[1]"), &json("[2]"), "body '/0'"),
        ],
    );
    check(
        &compare(BodyMode::Bytes),
        &[
            (&json("[1]"), &json("[1.0]"), "body ''"),
            (&json("[1]"), &json("[1]"), "same"),
        ],
    );
    check(
        &compare(BodyMode::None),
        &[
            (&json("[1]"), &json("[2]"), "same"),
            ("200", "201", "status"),
        ],
    );
    let no_status = Compare {
        status: false,
        ..compare(BodyMode::Auto)
    };
    check(
        &no_status,
        &[
            ("200\n\na", "500\n\na", "same"),
            ("200\n\na", "500\n\nb", "body ''"),
        ],
    );
}

#[test]
fn the_note_says_why_answers_are_not_compared() {
    let compare = compare(BodyMode::Auto);
    let large = json(&format!("[{}1]", "1,".repeat(500)));
    let deep = |inner: u32| json(&format!("{}{inner}{}", "[".repeat(129), "]".repeat(129)));
    check(
        &compare,
        &[
            (&large, &json("[]"), "not_compared; a body is too large"),
            (&large, "404", "status"),
            (
                &large.replace(JSON, "text/plain"),
                "200\n\na",
                "not_compared; a body is too large",
            ),
            (
                &deep(1),
                &deep(2),
                "not_compared; a body is nested deeper than 128 levels",
            ),
            (&deep(1), &deep(1), "same"),
            (
                &deep(1),
                &json("["),
                "body ''; the mirror's body is not JSON",
            ),
        ],
    );
    let roomy = Compare {
        max_body: 1 << 20,
        ..compare.clone()
    };
    let long = |last: u32| json(&format!("[{}{last}]", "1,".repeat(100_000)));
    check(
        &roomy,
        &[
            (
                &long(1),
                &long(2),
                "not_compared; the bodies are different bytes, and comparing them as JSON would take too long",
            ),
            (&long(1), &long(1), "same"),
        ],
    );
    let some = answer(&compare, "200");
    let missing = [
        (Some(&some), None, "not_compared; the mirror did not answer"),
        (None, Some(&some), "not_compared; production did not answer"),
        (None, None, "not_compared; production did not answer"),
    ];
    for (production, mirror, expected) in missing {
        assert_eq!(described(&compare.compare(production, mirror)), expected);
    }
}
