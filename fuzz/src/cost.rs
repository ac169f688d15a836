//! Fuzzes the cost of a request, in executed basic blocks. The input is a release with its conditions, session keys and
//! mirrors, and a request. It is short: each part has a number of repeats, so that few bytes make a long list.
//!
//! A decision that executes more blocks than [`MOST`] is a finding. The configuration has at most a mebibyte, and the
//! request has what Envoy lets through by default: 100 headers and 60 KiB. Copying a request to the selected mirrors is
//! not part of it: the configuration says how many copies there are.

use halftone::config;
use halftone::draw::Draw;
use halftone::effects::effects;
use halftone::request::{Budget, Header, RequestHead};
use serde_json::{Value, json};

use super::{costs, executed};

/// The most basic blocks that a decision may execute: two for each step of its budget. A search among 100 headers
/// executes that many.
const MOST: u64 = 2 * Budget::STEPS as u64;

const LONGEST_CONFIGURATION: usize = 1 << 20;
const LONGEST_REQUEST: usize = 60 << 10;
const MOST_HEADERS: usize = 100;

/// The parts of names, values and patterns. A text is a few of them, each repeated.
const PIECES: [&str; 32] = [
    "a",
    "b",
    "ab",
    "a,",
    "a=;",
    "a=b; ",
    "a=b&",
    "&",
    "%61",
    "?",
    "1",
    "0.",
    "1.2.3",
    "1.2.3-",
    "v1.2",
    "a.1.",
    ">=1.2.3-",
    ", ",
    "(?:a{0,9}){0,9}b",
    "(a|aa)*",
    "[a-z]{0,8}",
    ".*",
    "a?",
    "(?i)",
    "Bearer a.",
    "eyJz",
    "eyJhIjoxfQ",
    ".c",
    "Android",
    "Mozilla/5.0 (iPhone; ",
    "\u{e4}",
    "",
];

const NAMES: [&str; 6] = ["x", "cookie", "authorization", "user-agent", "a", "x-a"];

/// Reads the bytes of an input, and zeros after its end.
struct Input<'d>(std::slice::Iter<'d, u8>);

impl Input<'_> {
    fn byte(&mut self) -> usize {
        self.0.next().copied().unwrap_or_default().into()
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.byte() % items.len()]
    }

    /// A power of two, at most `bound`.
    fn repeats(&mut self, bound: usize) -> usize {
        (1 << (self.byte() % 17)).min(bound)
    }

    fn text(&mut self, longest: usize) -> String {
        let mut text = String::new();
        for _ in 0..=self.byte() % 4 {
            let piece = self.one_of(&PIECES);
            let fitting = (longest - text.len().min(longest)) / piece.len().max(1);
            text.push_str(&piece.repeat(self.repeats(1 << 16).min(fitting)));
        }
        text
    }

    fn test(&mut self, longest: usize) -> Value {
        let kind = self.byte() % 9;
        let text = self.text(longest);
        match kind {
            0 => json!({"exact": text}),
            1 => json!({"prefix": text}),
            2 => json!({"suffix": text}),
            3 => json!({"contains": text}),
            4 => json!({"regex": text}),
            5 => {
                let last = self.text(longest);
                let texts = [vec![text; self.repeats(32) - 1], vec![last]].concat();
                json!({"semver": texts.join(", ")})
            }
            6 => json!({"present": self.byte().is_multiple_of(2)}),
            7 => json!({"in": [text]}),
            _ => json!({"in": (0..self.repeats(4096)).map(|n| n.to_string()).collect::<Vec<_>>()}),
        }
    }

    fn one_match(&mut self, longest: usize) -> Value {
        let mut one = json!({});
        for _ in 0..=self.byte() % 2 {
            let kind = self.byte() % 10;
            let name = self.one_of(&NAMES);
            let test = self.test(longest);
            match kind {
                0 => one["headers"] = json!({name: test}),
                1 => one["withoutHeaders"] = json!({name: test}),
                2 => one["cookies"] = json!({name: test}),
                3 => one["queryParams"] = json!({name: test}),
                4 => one["jwtClaims"] = json!({name: test}),
                5 => one["path"] = test,
                6 => one["method"] = test,
                7 => one["clientOs"] = json!(["ios"]),
                8 => one["withoutClientOs"] = json!(["ios"]),
                _ => one["percentage"] = json!(50),
            }
        }
        one
    }

    /// A few matches, each repeated, of about `longest` bytes together.
    fn matches(&mut self, longest: usize) -> Vec<Value> {
        let mut matches = Vec::new();
        let kinds = 1 + self.byte() % 3;
        for _ in 0..kinds {
            let one = self.one_match(longest / 4);
            let fitting = longest / kinds / (one.to_string().len() + 1);
            matches.extend(vec![one; self.repeats(1 << 15).min(fitting).max(1)]);
        }
        matches
    }

    fn release(&mut self) -> Value {
        let fields = ["header", "cookie", "queryParam", "jwtClaim"];
        let key = |input: &mut Self| json!({(input.one_of(&fields)): input.one_of(&NAMES)});
        let keys = vec![key(self); self.repeats(32)];
        let (first, rest) = match self.byte() % 3 {
            0 => (1 << 19, 1 << 18),
            1 => (1 << 10, 1 << 19),
            _ => (1 << 19, 1 << 10),
        };
        let rule = |name: String, matches: &Value| json!({"name": name, "version": "v2", "match": matches});
        let mut rules = vec![rule("first".to_owned(), &json!(self.matches(first)))];
        let longest = self.repeats(rest);
        let matches = json!(self.matches(longest));
        let count = self
            .repeats(1 << 15)
            .min(rest / (matches.to_string().len() + 50));
        rules.extend((0..count).map(|n| rule(format!("r{n}"), &matches)));
        let mut release = json!({
            "name": "reviews", "hosts": ["reviews", "*.a"], "principal": "v1",
            "canary": {"rules": rules, "split": [{"version": "v2", "weight": 1}], "session": {"key": keys, "cookie": {}}},
        });
        if self.byte() % 4 == 1 {
            let longest = self.repeats(1 << 14);
            let matches = json!(self.matches(longest));
            let count = self
                .repeats(1 << 10)
                .min((1 << 17) / (matches.to_string().len() + 50));
            let mirror = |n| json!({"name": format!("m{n}"), "cluster": "m", "match": matches});
            release["mirrors"] = (0..count).map(mirror).collect();
        }
        release
    }

    fn headers(&mut self) -> Vec<(String, Vec<u8>)> {
        let mut headers = vec![
            (
                ":authority".to_owned(),
                self.one_of(&["reviews", "b.a", "a.a.a.a.a.a"]).into(),
            ),
            (":method".to_owned(), b"GET".to_vec()),
            (
                ":path".to_owned(),
                format!("/{}", self.text(LONGEST_REQUEST)).into_bytes(),
            ),
        ];
        for _ in 0..self.byte() % 5 {
            let (name, value) = (self.one_of(&NAMES), self.text(LONGEST_REQUEST));
            let used: usize = headers
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum();
            let fitting = LONGEST_REQUEST.saturating_sub(used) / (name.len() + value.len());
            let count = self
                .repeats(MOST_HEADERS)
                .min(fitting)
                .min(MOST_HEADERS - headers.len().min(MOST_HEADERS));
            headers.extend(vec![(name.to_owned(), value.into_bytes()); count]);
        }
        headers
    }
}

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input(data.iter());
    let headers = input.headers();
    let text =
        json!({"releases": [input.release()], "explain": {"header": "x-explain"}}).to_string();
    if text.len() > LONGEST_CONFIGURATION {
        return;
    }
    let Ok(releases) = config::load(text.as_bytes()) else {
        return;
    };
    let headers: Vec<Header<'_>> = headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_slice()))
        .collect();

    let before = executed();
    let head = RequestHead::new(&headers);
    let claiming = releases.claiming(&head).map(|release| &**release);
    let draw = Draw { chance: 7, now: 0 };
    let effects = effects(releases.settings(), claiming, &head, || None, draw, &mut ());
    let decision = effects.decision.as_ref();
    let mirrors = decision.map_or(0, |decision| decision.mirrors(&head).count());
    let cost = executed() - before;
    costs(cost, MOST);

    let budget = head.budget();
    assert!(
        cost <= MOST,
        "{cost} blocks for {mirrors} mirrors, with {} steps left and {} values unread, of {}",
        budget.left(),
        budget.unread(),
        text.get(..2_000).unwrap_or(&text),
    );
}
