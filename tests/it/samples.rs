//! The contents of a sample, and the secrets that it must hide.

use std::sync::Arc;

use halftone::mirror::limits::Budget;
use halftone::mirror::pairing::{Pairing, TimedAnswer};
use halftone::mirror::{
    BodyMode, Compare, Comparison, ComparisonResult, Difference, Place, Pointer, Redact, Sample,
    Secrets,
};
use halftone::request::Header;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::compare::{answer, compare, json as json_answer};

fn line(sample: &Sample<'_>) -> Value {
    let text = sample.to_string();
    assert!(!text.contains('\n'));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_sample_is_a_line_of_json() {
    let compare = compare(BodyMode::Auto);
    let production = answer(&compare, &json_answer(r#"{"a":"x","b":1}"#));
    let mirror = answer(
        &compare,
        &json_answer(&format!(r#"{{"a":"{}","c":[1]}}"#, "ä".repeat(70))),
    );
    let comparison = compare.compare(Some(&production), Some(&mirror));
    let sample = Sample {
        release: "reviews",
        mirror: "next",
        request_id: Some(b"346ccd7a"),
        method: b"GET",
        path: b"/\"\\\n\xff",
        production_answer: Some(&production),
        mirror_answer: Some(&mirror),
        production_milliseconds: Some(12),
        mirror_milliseconds: Some(34),
        comparison: &comparison,
        redact: &Redact::default(),
        secrets: &Secrets::default(),
    };
    assert_eq!(
        sample.to_string(),
        format!(
            concat!(
                r#"{{"release":"reviews","mirror":"next","requestId":"346ccd7a","method":"GET","#,
                r#""path":"/\"\\\u000a{}","result":"body","productionStatus":200,"mirrorStatus":200,"#,
                r#""productionMilliseconds":12,"mirrorMilliseconds":34,"differences":["#,
                r#"{{"pointer":"/a","production":"\"x\"","mirror":"\"{}…"}},"#,
                r#"{{"pointer":"/b","production":"1","mirror":null}},"#,
                r#"{{"pointer":"/c","production":null,"mirror":"[1 item]"}}]}}"#
            ),
            '\u{fffd}',
            "ä".repeat(63),
        )
    );

    let grpc = answer(&compare, "200\ngrpc-status: 5");
    let comparison = compare.compare(Some(&grpc), None);
    let sample = Sample {
        request_id: None,
        production_answer: Some(&grpc),
        mirror_answer: None,
        mirror_milliseconds: None,
        comparison: &comparison,
        ..sample
    };
    let expected = json!({
        "release": "reviews", "mirror": "next", "requestId": null, "method": "GET", "path": "/\"\\\n\u{fffd}",
        "result": "not_compared", "productionStatus": 200, "mirrorStatus": null, "productionGrpcStatus": 5,
        "productionMilliseconds": 12, "mirrorMilliseconds": null, "differences": [],
        "note": "the mirror did not answer",
    });
    assert_eq!(line(&sample), expected);
}

#[test]
fn a_secret_is_hidden_in_every_field() {
    let compare = compare(BodyMode::Auto);
    let request: [Header<'_>; 4] = [
        (b"authorization", b"Bearer to/k~en"),
        (b"proxy-authorization", b"Basic cHJveHk="),
        (b"cookie", b"a=\"s3cr3t\"; b=xy; c=per%20cent"),
        (b"x-other", b"visible"),
    ];
    let production = answer(&compare, "200\nset-cookie: session=f00ba4; Secure");
    let secrets = Secrets::of(&request, [Some(&production), None], &Redact::default());
    let long = "x".repeat(60);
    let table = [
        ("visible", "visible"),
        ("is to/k~en here", "(hidden)"),
        ("Bearer to/k~en", "(hidden)"),
        ("to/k~e", "to/k~e"),
        ("cHJveHk=", "(hidden)"),
        ("Basic cHJv", "Basic cHJv"),
        ("s3cr3t", "(hidden)"),
        ("%733cr3t", "(hidden)"),
        ("a=xy", "a=xy"),
        ("per%20cent", "(hidden)"),
        ("per cent", "(hidden)"),
        ("f00ba4", "(hidden)"),
        (&format!("{long}f00ba4"), "(hidden)"),
    ];
    for (value, shown) in table {
        let difference = |place: Place| Difference {
            place,
            production: Some(value.as_bytes().to_vec()),
            mirror: None,
        };
        let pointer = format!("/{}", value.replace('~', "~0").replace('/', "~1"));
        let comparison = Comparison {
            result: ComparisonResult::Headers,
            differences: vec![
                difference(Place::Header("x-total".into())),
                difference(Place::Pointer(pointer.clone())),
                difference(Place::Header("set-cookie".into())),
            ],
            note: Some(value.to_owned().into()),
        };
        let sample = Sample {
            release: "reviews",
            mirror: "next",
            request_id: Some(value.as_bytes()),
            method: value.as_bytes(),
            path: value.as_bytes(),
            production_answer: None,
            mirror_answer: None,
            production_milliseconds: None,
            mirror_milliseconds: None,
            comparison: &comparison,
            redact: &Redact::default(),
            secrets: &secrets,
        };
        let line = line(&sample);
        for field in ["requestId", "method", "path", "note"] {
            assert_eq!(line[field], shown, "{field}");
        }
        assert_eq!(line["differences"][0]["production"], shown);
        assert_eq!(line["differences"][1]["production"], shown);
        let pointer = if shown == "(hidden)" { shown } else { &pointer };
        assert_eq!(line["differences"][1]["pointer"], pointer);
        assert_eq!(line["differences"][2]["production"], "(hidden)");
        assert_eq!(line["differences"][2]["mirror"], Value::Null);
    }
}

/// The sample of two answers that differ, to a request with a key in a header and a token in the query.
fn redacted(redact: Redact, query: bool, [production, mirror]: [&str; 2]) -> Value {
    let compare = Arc::new(Compare {
        redact,
        query,
        ..compare(BodyMode::Auto)
    });
    let request: [Header<'_>; 3] = [
        (b":method", b"GET"),
        (b":path", b"/orders?page=2&access_token=t0k3n"),
        (b"x-api-key", b"k3y-of-a-client"),
    ];
    let budget = Budget::default().with_limit(100);
    let timed = |text: &str| {
        Some(TimedAnswer {
            answer: answer(&compare, text),
            milliseconds: 1,
            held: budget.hold(1).unwrap(),
        })
    };
    let mut pairing = Pairing::new(Arc::clone(&compare));
    assert!(pairing.production_ended(timed(production)).is_none());
    let pair = pairing.mirror_ended(timed(mirror)).unwrap();
    serde_json::from_str(&pair.sample("reviews", "next", &request)).unwrap()
}

#[test]
fn a_sample_hides_what_the_configuration_redacts() {
    let pointers = ["/access_token", "/user/email", "/codes"];
    let redact = || Redact {
        headers: vec!["x-api-key".into(), "x-total".into()],
        pointers: pointers.into_iter().filter_map(Pointer::parse).collect(),
    };
    let production = json_answer(
        r#"{"access_token":"a11","user":{"email":"ann@example.com","name":"Ann"},"codes":{"c0de":[1]},"text":"for ann@example.com"}"#,
    );
    let mirror = json_answer(
        r#"{"access_token":"a22","user":{"email":"ann@example.com","name":"Bob"},"codes":{"c0de":[2]},"text":"k3y-of-a-client"}"#,
    );
    let shown = |line: &Value| -> Vec<String> {
        let differences = line["differences"].as_array().unwrap().iter();
        let fields = differences.map(|one| [&one["pointer"], &one["production"], &one["mirror"]]);
        fields
            .map(|fields| {
                fields
                    .map(|field| field.as_str().unwrap_or("null").to_owned())
                    .join(" ")
            })
            .collect()
    };
    let line = redacted(redact(), false, [&production, &mirror]);
    assert_eq!(
        shown(&line),
        [
            "/access_token (hidden) (hidden)",
            "/codes (hidden) (hidden)",
            "/text (hidden) (hidden)",
            "/user/name \"Ann\" \"Bob\"",
        ]
    );
    let line = redacted(Redact::default(), false, [&production, &mirror]);
    assert_eq!(shown(&line)[0], "/access_token \"a11\" \"a22\"");
    assert_eq!(shown(&line)[1], "/codes/c0de/0 1 2");

    let answers = ["200\nx-total: 1234\n\n", "200\nx-total: 5678\n\n"];
    let header = &redacted(redact(), false, answers)["differences"][0];
    assert_eq!(
        *header,
        json!({"header": "x-total", "production": "(hidden)", "mirror": "(hidden)"})
    );
}

#[test]
fn a_sample_shows_the_query_without_secrets_if_that_is_configured() {
    let answers = [json_answer(r#"["t0k3n"]"#), json_answer(r#"["page 2"]"#)];
    let answers = answers.each_ref().map(String::as_str);
    let table = [
        (false, "/orders", "\"t0k3n\""),
        (true, "/orders?page=2&access_token=(hidden)", "(hidden)"),
    ];
    for (query, path, production) in table {
        let line = redacted(Redact::default(), query, answers);
        assert_eq!(line["path"], path);
        assert_eq!(line["differences"][0]["production"], production, "{query}");
        assert_eq!(line["differences"][0]["mirror"], "\"page 2\"");
    }
}

/// A form in which a service can repeat a secret.
fn repeated(secret: &str, way: u8) -> String {
    match way % 4 {
        0 => secret.to_owned(),
        1 => format!("you sent {secret}"),
        2 => format!("{}{secret}", "-".repeat(usize::from(way))),
        _ => secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_sample_contains_a_secret(
        token in "[a-zA-Z0-9/~+=._%\"\\\\ä-]{4,80}",
        cookies in prop::collection::vec("[a-zA-Z0-9/~+=._%{}-]{0,12}", 0..4),
        set_cookies in prop::collection::vec("[a-z0-9]{0,3}[a-zA-Z0-9/~+._%-]{0,90}", 0..3),
        chosen in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 8),
        is_json in any::<bool>(),
    ) {
        let authorization = format!("Bearer {token}");
        let cookie: Vec<String> = cookies.iter().enumerate().map(|(name, value)| format!("c{name}={value}")).collect();
        let cookie = cookie.join("; ");
        let mut all: Vec<&str> = vec![&token, &authorization, &cookie];
        all.extend(cookies.iter().chain(&set_cookies).map(String::as_str));
        let echo = |place: usize| {
            let (secret, way) = chosen[place];
            repeated(all[secret.index(all.len())], way)
        };

        let compare = compare(BodyMode::Auto);
        let read = |first: usize| {
            let mut headers: Vec<(Vec<u8>, Vec<u8>)> = vec![(b":status".to_vec(), b"200".to_vec())];
            headers.extend(set_cookies.iter().map(|value| (b"set-cookie".to_vec(), format!("s{first}={value}; Secure").into_bytes())));
            headers.push((b"content-type".to_vec(), b"application/json".to_vec()));
            if !is_json {
                headers.push((b"content-encoding".to_vec(), echo(first).into_bytes()));
                headers.push((b"x-total".to_vec(), echo(first + 1).into_bytes()));
            }
            let headers: Vec<Header<'_>> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let mut reading = compare.read(&headers, false);
            reading.push(json!({"a": echo(first), echo(first + 1): [echo(first)]}).to_string().as_bytes());
            reading.end()
        };
        let (production, mirror) = (read(0), read(2));
        let comparison = compare.compare(Some(&production), Some(&mirror));
        let request: [Header<'_>; 2] = [(b"authorization", authorization.as_bytes()), (b"cookie", cookie.as_bytes())];
        let secrets = Secrets::of(&request, [Some(&production), Some(&mirror)], &Redact::default());
        let (id, path) = (echo(4), format!("/{}?{}", echo(5), echo(6)));
        let line = line(&Sample {
            release: "reviews",
            mirror: "next",
            request_id: Some(id.as_bytes()),
            method: b"GET",
            path: path.as_bytes(),
            production_answer: Some(&production),
            mirror_answer: Some(&mirror),
            production_milliseconds: None,
            mirror_milliseconds: None,
            comparison: &comparison,
            redact: &Redact::default(),
            secrets: &secrets,
        });
        let mut shown: Vec<String> = ["requestId", "path", "note"].map(|name| line[name].to_string()).into();
        for difference in line["differences"].as_array().unwrap() {
            shown.extend(["pointer", "production", "mirror"].map(|name| difference[name].to_string()));
        }
        for text in shown {
            let text: Option<String> = serde_json::from_str(&text).unwrap();
            let text = text.unwrap_or_default();
            let unescaped = text.replace("~1", "/").replace("~0", "~");
            for secret in all.iter().filter(|secret| secret.len() >= 4) {
                let encoded = repeated(secret, 3);
                for form in [*secret, encoded.as_str()] {
                    prop_assert!(!text.contains(form) && !unescaped.contains(form), "{} in {}", form, line);
                }
            }
        }
    }
}
