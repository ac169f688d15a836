use std::fmt::Write as _;

use super::*;

fn ignored(pointers: &[&str]) -> Ignored {
    let parsed = pointers.iter().map(|text| Pointer::parse(text).unwrap());
    Ignored::new(parsed.collect()).unwrap()
}

/// The differences as text: `/a: 1 | 2`, with `-` for a missing value.
fn described(left: &str, right: &str, pointers: &[&str]) -> String {
    match diff(left.as_bytes(), right.as_bytes(), &ignored(pointers)) {
        Diff::Same => "same".to_owned(),
        Diff::NotJson(side) => format!("not JSON: {side:?}"),
        Diff::TooDeep => "too deep".to_owned(),
        Diff::TooCostly => "too costly".to_owned(),
        Diff::Different(differences) => {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let described = differences.iter().map(|one| {
                format!(
                    "{}: {} | {}",
                    one.pointer,
                    shown(&one.left),
                    shown(&one.right)
                )
            });
            described.collect::<Vec<_>>().join("; ")
        }
    }
}

#[test]
fn documents_of_the_same_value_are_the_same() {
    let table = [
        (r#"{"a":1,"b":2}"#, " {\n\"b\" : 2 ,\t\"a\":1\r} "),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1,"a":2}"#, r#"{"\u0061":3,"a":2}"#),
        (r#"{"a":[],"b":{},"a":{}}"#, r#"{"a":{},"b":{}}"#),
        (r#""a\/ä\ud83d\ude00""#, r#""\u0061/\u00E4😀""#),
        (r#"["\ud83d"]"#, r#"["\uD83D"]"#),
        ("[1,1.0,-0,10]", "[1e0,10e-1,0,1e+1]"),
        ("null", " null"),
        (r#"{"":[[],{}]}"#, r#"{"": [ [ ], { } ]}"#),
    ];
    for (left, right) in table {
        assert_eq!(described(left, right, &[]), "same", "{left} {right}");
        assert_eq!(described(right, left, &[]), "same", "{right} {left}");
    }
}

#[test]
fn differences_are_reported_with_their_place() {
    let table = [
        ("1", "2", ": 1 | 2"),
        (
            "0.1",
            "0.10000000000000000001",
            ": 0.1 | 0.10000000000000000001",
        ),
        (r#""1""#, "1", r#": "1" | 1"#),
        ("true", "false", ": true | false"),
        ("null", "[]", ": null | [0 items]"),
        (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, "/b: - | null"),
        (r#"{"a":1,"a":2}"#, r#"{"a":1}"#, "/a: 2 | 1"),
        ("[1,2,3]", "[1,3]", "/1: 2 | 3; /2: 3 | -"),
        (
            r#"{"a":{"b":[0,{"c":"x"}]}}"#,
            r#"{"a":{"b":[0,{"c":"y"}]}}"#,
            r#"/a/b/1/c: "x" | "y""#,
        ),
        (
            r#"{"a/b":1,"c~d":1,"":1,"\u0065":1}"#,
            r#"{"a/b":2,"c~d":2,"":2,"e":2}"#,
            "/: 1 | 2; /a~1b: 1 | 2; /c~0d: 1 | 2; /e: 1 | 2",
        ),
        (
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"b":2}"#,
            "/a: 2 | 1; /b: 1 | 2",
        ),
        (
            r#"[{"a":1,"a":2},[1]]"#,
            "[1,2]",
            "/0: {1 member} | 1; /1: [1 item] | 2",
        ),
        (
            r#"["say \"hi\"\n"]"#,
            r#"["\ud83d"]"#,
            "/0: \"say \"hi\"\n\" | \"\u{fffd}\u{fffd}\u{fffd}\"",
        ),
        (
            r#"["\ud83d"]"#,
            r#"["\ud83e"]"#,
            "/0: \"\u{fffd}\u{fffd}\u{fffd}\" | \"\u{fffd}\u{fffd}\u{fffd}\"",
        ),
        ("[[1,2],[1,2]]", "[[1, 2],[1,3]]", "/1/1: 2 | 3"),
        (
            r#"{"a":1,"a":2,"b":3}"#,
            r#"{"a":1,"a":2,"b":4,"a":1}"#,
            "/a: 2 | 1; /b: 3 | 4",
        ),
        ("[1,12]", "[12,1]", "/0: 1 | 12; /1: 12 | 1"),
    ];
    for (left, right, expected) in table {
        assert_eq!(described(left, right, &[]), expected, "{left} {right}");
    }
}

#[test]
fn ignored_places_do_not_differ() {
    let (left, right) = (
        r#"{"id":1,"items":[{"id":1,"n":1},{"id":2,"n":2}],"a/b":{"*":1}}"#,
        r#"{"items":[{"id":3,"n":1},{"id":4,"n":3},{"id":5}],"a/b":{"*":2},"new":1}"#,
    );
    let rest =
        "/a~1b/*: 1 | 2; /id: 1 | -; /items/1/n: 2 | 3; /items/2: - | {1 member}; /new: - | 1";
    let table: [(&[&str], &str); 9] = [
        (&["/items/*/id"], rest),
        (&["/items/0/id", "/*/1/id", "/nowhere"], rest),
        (&["/items", "/id", "/new", "/a~1b"], "same"),
        (&["/*"], "same"),
        (
            &["/items/*/*", "/id", "/new", "/a~1b/*"],
            "/items/2: - | {1 member}",
        ),
        (&["/items/*", "/id", "/new", "/a~1b/*/*"], "/a~1b/*: 1 | 2"),
        (
            &["/items/00/id", "/items/-", "/items/01", "/items/1"],
            "/a~1b/*: 1 | 2; /id: 1 | -; /items/0/id: 1 | 3; /items/2: - | {1 member}; /new: - | 1",
        ),
        (
            &["/items/1", "/items/0", "/items/2", "/id", "/new", "/a~1b/*"],
            "same",
        ),
        (&["/*/*"], "/id: 1 | -; /new: - | 1"),
    ];
    for (pointers, expected) in table {
        assert_eq!(described(left, right, pointers), expected, "{pointers:?}");
    }
}

#[test]
fn text_that_rfc_8259_does_not_allow_is_not_json() {
    let table = [
        "",
        " ",
        "[",
        "]",
        "{",
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u123\"",
        "\"\n\"",
        "\"\0\"",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "-a",
        "NaN",
        "tru",
        "truee",
        "True",
        "nul",
        "1 1",
        "[] []",
        "\u{feff}1",
        "\u{a0}1",
        "\u{b}1",
        "//",
        "[1]//",
        "\\u0031",
        "{\"a\":1}}",
        "[\"a\":1]",
        "{\"a\",\"b\"}",
    ];
    for text in table {
        assert_eq!(described(text, "1", &[]), "not JSON: Left", "{text:?}");
        assert_eq!(described("1", text, &[]), "not JSON: Right", "{text:?}");
        assert_eq!(described(text, "[1,", &[]), "not JSON: Both", "{text:?}");
        assert!(
            serde_json::from_str::<serde_json::Value>(text).is_err(),
            "{text:?}"
        );
    }
    let bytes: [&[u8]; 3] = [b"\"\xff\"", b"\"\xed\xa0\x80\"", b"[1]\xc3"];
    for text in bytes {
        assert_eq!(
            diff(text, b"1", &Ignored::default()),
            Diff::NotJson(Side::Left)
        );
    }
}

#[test]
fn texts_of_the_same_bytes_are_the_same_even_if_they_are_not_json() {
    assert_eq!(described("no JSON", "no JSON", &[]), "same");
}

#[test]
fn depth_is_bounded_and_no_stack_overflows() {
    let nested =
        |depth: usize, inner: &str| format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
    let place = format!("{}: 1 | 2", "/0".repeat(DEEPEST));
    assert_eq!(
        described(&nested(DEEPEST, "1"), &nested(DEEPEST, "2"), &[]),
        place
    );
    assert_eq!(described(&nested(DEEPEST + 1, ""), "1", &[]), "too deep");
    assert_eq!(described("1", &nested(1_000_000, ""), &[]), "too deep");
    assert_eq!(
        described(&r#"{"a":"#.repeat(500_000), "[", &[]),
        "not JSON: Right"
    );
}

#[test]
fn differences_are_bounded() {
    let list = |first: u32| format!("{:?}", (first..first + 100).collect::<Vec<_>>());
    let Diff::Different(found) = diff(list(0).as_bytes(), list(1).as_bytes(), &Ignored::default())
    else {
        panic!("they differ");
    };
    assert_eq!(found.len(), MOST_DIFFERENCES);

    // A long name is reported a few times, not sixteen.
    let name = "n".repeat(100_000);
    let deep = |value: u32| format!("{{\"{name}\":{:?}}}", [value; 100]);
    let Diff::Different(found) = diff(deep(1).as_bytes(), deep(2).as_bytes(), &Ignored::default())
    else {
        panic!("they differ");
    };
    assert!(found.len() < 4, "{}", found.len());
}

/// Pairs of documents of about `size` bytes that are made to be slow, with their names.
fn slow(size: usize) -> Vec<(&'static str, String, String)> {
    let object = |count: usize, member: &dyn Fn(usize) -> String| {
        let members: Vec<String> = (0..count).map(member).collect();
        format!("{{{}}}", members.join(","))
    };
    let reversed = |count: usize, member: &dyn Fn(usize) -> String| {
        object(count, &|place| member(count - place))
    };
    let members = size / 12;
    let plain = |place: usize| format!("\"{place:06}\":1");
    let escaped = |place: usize| format!("\"\\u0061{place:06}\":1");
    let unescaped = |place: usize| format!("\"a{place:06}\":1.0");
    let prefix = "p".repeat(100);
    let prefixed = |place: usize| format!("\"{prefix}{place:06}\":1");
    let equal = |place: usize| format!("\"a\":{}", place % 7);
    let blob = "b".repeat(size / 2);
    // The same number, written differently at the same length.
    let chain = |one: &str| {
        let mut text = format!("[\"{blob}\",{one}]");
        for _ in 1..DEEPEST {
            text = format!("{{\"b\":{text},\"a\":{one}}}");
        }
        text
    };
    let nested_arrays = |last: u32| {
        let nested = format!(
            "{}{last}{}",
            "[".repeat(DEEPEST - 1),
            "]".repeat(DEEPEST - 1)
        );
        format!("[{}]", vec![nested; size / 256].join(","))
    };
    let number = |digit: char| format!("[1{}{digit}]", "0".repeat(size));
    let exponent = |digit: char| format!("[1e{}{digit}]", "9".repeat(size));
    let strings = |last: &str| {
        format!(
            "[{}]",
            vec![format!("\"{}{last}\"", "s".repeat(90)); size / 100].join(",")
        )
    };
    let doubled = |last: u32| {
        let mut text = last.to_string();
        while text.len() < size {
            text = format!("{{\"k\":{text},\"k\":{text},\"j\":{last}}}");
        }
        text
    };
    vec![
        (
            "reversed members",
            object(members, &plain),
            reversed(members, &plain),
        ),
        (
            "escaped names",
            object(members, &escaped),
            reversed(members, &unescaped),
        ),
        (
            "names of one beginning",
            object(size / 110, &prefixed),
            reversed(size / 110, &prefixed),
        ),
        (
            "one name",
            object(members, &equal),
            reversed(members, &equal),
        ),
        ("a blob in every level", chain("1e0"), chain("1.0")),
        ("many deep arrays", nested_arrays(1), nested_arrays(2)),
        ("a long number", number('1'), number('2')),
        ("a long exponent", exponent('1'), exponent('2')),
        ("long strings", strings("a"), strings("\\u0062")),
        ("documents in documents", doubled(1), doubled(2)),
        (
            "many empty things",
            format!("[{}1]", "[],".repeat(size / 3)),
            format!("[{}2]", "{},".repeat(size / 3)),
        ),
        (
            "many items",
            format!("[{}1]", "1,".repeat(size / 2)),
            format!("[{}2]", "2,".repeat(size / 2)),
        ),
    ]
}

/// The most pointers, which all stay live for long. The innermost values are ignored.
fn most_ignored() -> Ignored {
    let mut pointers: Vec<String> = (1..Ignored::MOST)
        .map(|level| format!("{}/zz", "/*".repeat(level)))
        .collect();
    pointers.push("/*".repeat(DEEPEST));
    let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
    ignored(&pointers)
}

#[test]
fn time_is_not_quadratic() {
    // If all values are ignored, no comparison ends early.
    for ignored in [Ignored::default(), ignored(&["/*/*", "/*"]), most_ignored()] {
        let mut report = String::new();
        for ((what, left, right), (_, large_left, large_right)) in
            slow(20_000).into_iter().zip(slow(160_000))
        {
            let work = |left: &str, right: &str| {
                steps::taken();
                let _ = diff(left.as_bytes(), right.as_bytes(), &ignored);
                steps::taken() as f64 / (left.len() + right.len()) as f64
            };
            let (small, large) = (work(&left, &right), work(&large_left, &large_right));
            writeln!(report, "{what}: {small:.1}, {large:.1} steps a byte").unwrap();
            // With n log n, eight times the length is at most 1.3 times the work for a byte here.
            assert!(large < 1.6 * small + 1.0, "{report}");
            assert!(large < 30.0, "{report}");
        }
        println!("{report}");
    }
}

#[test]
fn a_comparison_pays_for_all_that_it_reads() {
    for ignored in [Ignored::default(), ignored(&["/*/*", "/*"]), most_ignored()] {
        for (what, left, right) in slow(20_000) {
            steps::paid();
            steps::taken();
            let _ = diff(left.as_bytes(), right.as_bytes(), &ignored);
            let (paid, taken) = (steps::paid(), steps::taken());
            assert!(taken <= paid, "{what}: {taken} steps, {paid} paid");
        }
    }
}

#[test]
fn a_comparison_that_takes_too_much_work_ends() {
    let mut costly = 0;
    for (what, left, right) in slow(100_000) {
        let within = |steps| diff_within(left.as_bytes(), right.as_bytes(), &most_ignored(), steps);
        steps::taken();
        costly += u32::from(within(MOST_STEPS) == Diff::TooCostly);
        let taken = steps::taken();
        assert!(taken <= MOST_STEPS, "{what}: {taken} steps");
        assert_ne!(within(usize::MAX), Diff::TooCostly, "{what}");
    }
    assert!(costly > 5, "{costly} pairs");

    let (left, right) = ([b' '; 128 << 10], [b'\n'; 128 << 10]);
    let found = diff_within(&left, &right, &Ignored::default(), MOST_STEPS);
    assert_eq!(found, Diff::TooCostly, "too long to be read");

    let list = |last: u32| format!("[{}{last}]", "0,".repeat(10_000));
    let (left, right) = (list(1), list(2));
    let found = diff_within(
        left.as_bytes(),
        right.as_bytes(),
        &Ignored::default(),
        MOST_STEPS,
    );
    assert!(matches!(found, Diff::Different(_)), "{found:?}");
}

#[test]
fn memory_is_a_small_multiple_of_the_text() {
    for (what, left, right) in slow(160_000) {
        let documents = (
            Document::parse(left.as_bytes()).unwrap(),
            Document::parse(right.as_bytes()).unwrap(),
        );
        let walk = Walk::new(
            &documents.0,
            &documents.1,
            &Ignored::default(),
            Steps::new(usize::MAX),
        )
        .memory();
        let memory = documents.0.memory() + documents.1.memory() + walk;
        // Six bytes for each byte of the text, twice that while a list grows.
        let most = 13 * (left.len() + right.len());
        assert!(
            memory < most,
            "{what}: {memory} for {}",
            left.len() + right.len()
        );
    }
}
