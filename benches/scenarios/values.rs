//! Tests of one value.

use std::hint::black_box;

use halftone::matching::StringMatch;
use halftone::request::Budget;

use super::{Run, Scenario};

/// Tests that are slower than a comparison.
pub const ALL: [Scenario; 4] = [
    Scenario::new("regex/path", regex),
    Scenario::new("regex/evil", evil).times(1),
    Scenario::new("in/10000", || among_10_000("user-000000007999", true)),
    Scenario::new("in/10000-not", || among_10_000("user-000000017999", false)),
];

fn test(test: StringMatch, value: Vec<u8>, passes: bool) -> Run {
    let run = move || test.any(std::iter::once(&**black_box(&value)), &Budget::default());
    assert_eq!(run(), passes);
    Box::new(move || {
        black_box(run());
    })
}

fn regex() -> Run {
    let pattern = "/reviews/[0-9]+(/(ratings|comments))?";
    let path = b"/reviews/7/comments".to_vec();
    test(StringMatch::regex(pattern).unwrap(), path, true)
}

/// A pattern that takes exponential time with backtracking, on the longest value that a condition tests.
fn evil() -> Run {
    let pattern = "(a*)*(a|b)*(a+)+c";
    let value = vec![b'a'; StringMatch::LONGEST_REGEX_VALUE];
    test(StringMatch::regex(pattern).unwrap(), value, false)
}

fn among_10_000(value: &str, passes: bool) -> Run {
    let values: Vec<_> = (0..10_000).map(|id| format!("user-{id:012}")).collect();
    let is_in = StringMatch::is_in(values.iter().map(String::as_str));
    test(is_in, value.into(), passes)
}
