//! The dearest requests that Envoy's defaults let through, under the dearest conditions.

use std::time::Duration;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use halftone_lab::client::Protocol;
use halftone_lab::cpu;
use serde_json::{Value, json};

use crate::scene::Scene;

/// The most processor time that a request may add to that of Envoy.
const MOST: Duration = Duration::from_millis(5);

/// Envoy's defaults let 100 headers and 60 KiB through, with its own and those of the client.
const HEADERS: usize = 90;
const BYTES: usize = 58 << 10;

/// The rounds of each request, and the repeats in a round. The cheapest round counts: a busy machine slows others down.
const ROUNDS: usize = 3;
const REPEATS: u32 = 5;

/// A kind of condition: its host, matches that do not hold, and a request.
struct Dearest {
    kind: &'static str,
    matches: Vec<Value>,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
}

fn dearest(kind: &'static str, matches: Vec<Value>) -> Dearest {
    Dearest {
        kind,
        matches,
        path: "/".to_owned(),
        headers: Vec::new(),
    }
}

impl Dearest {
    fn path(mut self, part: &str) -> Self {
        self.path = format!("/{}", part.repeat(BYTES / part.len()));
        self
    }

    /// One value of the header `name`.
    fn one(mut self, name: &'static str, before: &str, part: &str) -> Self {
        let value = format!("{before}{}", part.repeat(BYTES / part.len()));
        self.headers.push((name, value.into_bytes()));
        self
    }

    /// Many values of `length` bytes of the header `name`.
    fn many(self, name: &'static str, length: usize) -> Self {
        self.each(name, &vec![b'a'; length])
    }

    /// The header `name` with this value, as often as it fits.
    fn each(mut self, name: &'static str, value: &[u8]) -> Self {
        let count = HEADERS.min(BYTES / (value.len() + name.len()));
        self.headers = vec![(name, value.to_vec()); count];
        self
    }

    /// A token with as many claims as fit.
    fn token(mut self) -> Self {
        let claims = (0..).map(|n| format!("\"{n:x}\":0"));
        let claims: Vec<String> = claims.take(BYTES * 3 / 4 / 8).collect();
        let payload = URL_SAFE_NO_PAD.encode(format!("{{{}}}", claims.join(",")));
        let value = format!("Bearer a.{payload}.c");
        self.headers.push(("authorization", value.into_bytes()));
        self
    }

    fn release(&self) -> Value {
        let kind = self.kind;
        json!({
            "name": kind, "hosts": [kind], "principal": "v1",
            "canary": {
                "rules": [{"name": "dear", "match": self.matches, "version": "v2"}],
                "split": [{"version": "v1", "weight": 1}],
                "session": {"key": [{"jwtClaim": "sub"}, {"header": "x-none"}]},
            },
        })
    }
}

fn repeated(count: usize, one: Value) -> Vec<Value> {
    vec![one; count]
}

fn kinds() -> Vec<Dearest> {
    let on = |test: Value| json!({"headers": {"x": test}});
    let needle = format!("{}b", "a".repeat(200));
    let part = format!("1.2.3-{}1", "a.1.".repeat(70));
    let parts = [vec![format!(">={part}"); 31], vec![format!("<{part}")]];
    let requirement = parts.concat().join(", ");
    let periods = "Android".repeat(128) + &">=1.2.3-".repeat(4);
    let listed: Vec<String> = (0..1_000).map(|n| format!("{n}")).collect();
    let names = |place: &str| {
        let name = |n: usize| format!("n{n:05}");
        (0..10_000)
            .map(|n| json!({place: {name(n): {"exact": "b"}}}))
            .collect()
    };
    let os = json!({"clientOs": ["ios"]});
    vec![
        dearest(
            "regex",
            repeated(100, on(json!({"regex": "(?:a{0,20}){0,20}b"}))),
        )
        .many("x", 2_000),
        dearest(
            "long-regex",
            repeated(100, on(json!({"regex": "(?:a{0,20}){0,20}b"}))),
        )
        .many("x", 190),
        dearest(
            "short-regex",
            repeated(100, on(json!({"regex": "(a|aa)*(a?){9}b"}))),
        )
        .many("x", 2_000),
        dearest(
            "regexes",
            repeated(100, on(json!({"regex": "(?:[a-z]{0,8}){0,8}0"}))),
        )
        .many("x", 600),
        dearest("contains", repeated(1_000, on(json!({"contains": needle})))).one("x", "", "a"),
        dearest(
            "contains-pairs",
            repeated(1_000, on(json!({"contains": "aab"}))),
        )
        .one("x", "", "aaab".split_at(2).0),
        dearest(
            "contains-periods",
            repeated(1_000, json!({"path": {"contains": periods}})),
        )
        .path("Android"),
        dearest("in", repeated(100, on(json!({"in": listed})))).one("x", "", "a"),
        dearest("semver", repeated(1_000, on(json!({"semver": ">=1.2.3"}))))
            .one("x", "1.2.3-", "a.1."),
        dearest("exact", repeated(10_000, on(json!({"exact": "a"})))).many("x", 500),
        dearest("prefix", repeated(10_000, on(json!({"prefix": "ab"})))).many("x", 500),
        dearest(
            "without",
            repeated(10_000, json!({"withoutHeaders": {"x": {"suffix": "a"}}})),
        )
        .many("x", 500),
        dearest("headers", names("headers")).many("x", 500),
        dearest("cookies", names("cookies")).one("cookie", "", "a=;"),
        dearest(
            "one-cookie",
            repeated(1_000, json!({"cookies": {"a": {"exact": "b"}}})),
        )
        .one("cookie", "", "a=;"),
        dearest("parameters", names("queryParams")).path("?&a&%61"),
        dearest(
            "path",
            repeated(1_000, json!({"path": {"contains": needle}})),
        )
        .path("a"),
        dearest("client", repeated(10_000, os)).one("user-agent", "", "Androi"),
        dearest("token", repeated(1, on(json!({"present": true})))).one(
            "authorization",
            "Bearer a.",
            "eyJz",
        ),
        dearest(
            "requirements",
            repeated(100, on(json!({"semver": requirement}))),
        )
        .each(
            "x",
            format!("1.2.3-{}", "a.1.".repeat(140) + "1").as_bytes(),
        ),
        dearest("claims", repeated(1, on(json!({"present": true})))).token(),
        dearest("percentage", repeated(10_000, json!({"percentage": 0}))).one(
            "authorization",
            "Bearer a.",
            "eyJz",
        ),
    ]
}

#[tokio::test]
async fn no_request_holds_a_worker_for_long() -> Result<()> {
    let kinds = kinds();
    let releases: Vec<Value> = kinds.iter().map(Dearest::release).collect();
    let scene = Scene::new(&json!({"releases": releases})).await?;
    let client = scene.client(Protocol::Http1);
    let mut report = Vec::new();
    for kind in &kinds {
        let headers: Vec<(&str, &[u8])> = kind
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
            .collect();
        let mut cheapest = [Duration::MAX; 2];
        for _ in 0..ROUNDS {
            for (cheapest, host) in cheapest.iter_mut().zip([kind.kind, "nobody"]) {
                let before = cpu::rest(scene.envoy.pid()).await?;
                for _ in 0..REPEATS {
                    let answer = client.get(host, &kind.path, &headers).await?;
                    assert_eq!(answer.status, 200, "{host}");
                }
                let spent = cpu::rest(scene.envoy.pid()).await? - before;
                *cheapest = (spent / REPEATS).min(*cheapest);
            }
        }
        let adds = cheapest[0].saturating_sub(cheapest[1]);
        report.push((adds, kind.kind, cheapest));
    }
    report.sort_unstable();
    assert!(report.iter().all(|(adds, ..)| *adds < MOST), "{report:#?}");
    scene.end().await
}
