use super::*;

#[track_caller]
fn check(test: &StringMatch, passing: &[&[u8]], failing: &[&[u8]]) {
    for value in passing {
        assert!(
            test.any([*value].into_iter(), &Budget::default()),
            "{test} should pass {value:?}"
        );
    }
    for value in failing {
        assert!(
            !test.any([*value].into_iter(), &Budget::default()),
            "{test} should not pass {value:?}"
        );
    }
}

#[test]
fn texts_are_compared_as_bytes() {
    check(
        &StringMatch::exact("jason"),
        &[b"jason"],
        &[b"", b"Jason", b"jason ", b"\xff\xfe"],
    );
    check(&StringMatch::exact(""), &[b""], &[b" "]);
    check(
        &StringMatch::prefix("pre"),
        &[b"pre", b"pre\xff\xfe"],
        &[b"", b"pr", b"Pre", b"xpre"],
    );
    check(
        &StringMatch::suffix("fix"),
        &[b"fix", b"\xff\xfefix"],
        &[b"", b"ix", b"fixx"],
    );
    check(
        &StringMatch::contains("in"),
        &[b"in", b"x in x", b"\xffin\xfe"],
        &[b"", b"i n", b"IN"],
    );
    check(
        &StringMatch::is_in(["a", "b"]),
        &[b"a", b"b"],
        &[b"", b"ab", b"A", b"\xff\xfe"],
    );
}

#[test]
fn a_regex_matches_the_whole_value() {
    let regex = |pattern| StringMatch::regex(pattern).unwrap();
    check(&regex("a|ab"), &[b"a", b"ab"], &[b"", b"abc", b"ba"]);
    check(&regex("a+"), &[b"a", b"aaa"], &[b"aab", b"a\n"]);
    check(&regex("^a$"), &[b"a"], &[b"ab"]);
    check(&regex("(?i)jason"), &[b"JASON"], &[b"jasons"]);
    check(
        &regex("(?s).*"),
        &[b"", b"a\nb", "für".as_bytes()],
        &[b"\xff\xfe"],
    );
    check(&regex("(?m)a$"), &[b"a"], &[b"a\nb"]);
    check(&regex("f.r"), &["für".as_bytes()], &[b"f\xffr"]);
}

#[test]
fn a_regex_that_would_escape_its_anchors_is_refused() {
    for pattern in ["a)(b", "(", "[a", "a{2,1}", "\\p{Greek}", "(?x) a # b"] {
        assert!(StringMatch::regex(pattern).is_err(), "{pattern}");
    }
    assert!(StringMatch::regex(&"(a{1000}){1000}".repeat(10)).is_err());
}

#[test]
fn a_value_too_long_for_a_regex_does_not_match() {
    let test = StringMatch::regex("a*").unwrap();
    let longest = vec![b'a'; StringMatch::LONGEST_REGEX_VALUE];
    let longer = vec![b'a'; StringMatch::LONGEST_REGEX_VALUE + 1];
    check(&test, &[&longest], &[&longer]);
}

#[test]
fn versions_are_compared_as_cargo_compares_them() {
    let test = StringMatch::semver(">=2.3.0, <3").unwrap();
    check(
        &test,
        &[
            b"2.3.0",
            b"2.10.1",
            b"2.3.0+build.5",
            b"2.3",
            b"v2.3.0",
            b"v2.3",
            b"2.3+build.5",
        ],
        &[
            b"2.2.9",
            b"3.0.0",
            b"2.4.0-beta",
            b"2.4-beta",
            b"2.2",
            b"v2.2.9",
            b"v3.0",
            b"2",
            b"v2",
            b"V2.3.0",
            b"vv2.3.0",
            b"v 2.3.0",
            b"2.3.",
            b".3",
            b"2.3.0.0",
            b"v",
            b"",
            b"\xff\xfe",
        ],
    );
}

#[test]
fn a_version_without_a_patch_number_has_the_patch_number_0() {
    check(
        &StringMatch::semver("=2.3.0").unwrap(),
        &[b"2.3", b"v2.3"],
        &[b"2.3.1", b"2.3-beta"],
    );
    check(
        &StringMatch::semver("=2.3.0-beta.1").unwrap(),
        &[b"2.3-beta.1", b"v2.3.0-beta.1"],
        &[b"2.3", b"2.3-beta.2"],
    );
}

#[test]
fn presence_is_of_any_value() {
    let none = || std::iter::empty::<&[u8]>();
    for (present, values, expected) in [
        (true, 0, false),
        (true, 2, true),
        (false, 0, true),
        (false, 2, false),
    ] {
        let test = StringMatch::present(present);
        let found = if values == 0 {
            test.any(none(), &Budget::default())
        } else {
            test.any([&b""[..], b"\xff"].into_iter(), &Budget::default())
        };
        assert_eq!(found, expected, "{test} of {values} values");
    }
}

#[test]
fn one_value_of_several_is_enough() {
    let test = StringMatch::exact("beta");
    assert!(test.any([&b"alpha"[..], b"beta"].into_iter(), &Budget::default()));
    assert!(!test.any([&b"alpha"[..], b"gamma"].into_iter(), &Budget::default()));
}
