//! No request can make a decision fail: random bytes in every part of it.

use halftone::draw::Draw;
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};
use proptest::prelude::*;

/// A configuration that looks at everything there is.
fn everything() -> Releases {
    let config = r#"
releases:
- name: everything
  hosts: ["*", "*.example.com", reviews]
  principal: v1
  canary:
    rules:
    - name: all-conditions
      match:
      - headers: { x: { regex: "(a|b)*c" }, y: { semver: "^1" } }
      - cookies: { c: { contains: needle } }
      - queryParams: { q: { suffix: fix } }
      - withoutHeaders: { x: { in: [a, b] } }
        path: { regex: "/[a-z]+/[0-9]*" }
        method: { prefix: P }
        clientOs: [ios, android, windows, macos, linux]
        percentage: 50
      split: [ { version: v2, weight: 0.1 }, { version: v3, weight: 7 } ]
    split: [ { version: v2, weight: 1 }, { version: v1, weight: 2 } ]
    session:
      key: [ { header: x }, { cookie: c }, { queryParam: q }, { jwtClaim: sub }, { sourceAddress: true } ]
      cookie: { name: s }
"#;
    halftone::config::load_value(&serde_saphyr::from_str(config).unwrap()).unwrap()
}

const NAMES: [&[u8]; 9] = [
    b":authority",
    b":path",
    b":method",
    b"x",
    b"y",
    b"cookie",
    b"user-agent",
    b"authorization",
    b"z",
];

/// Bytes that look like something, and bytes that do not.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "[a-c=;?&%/ .:0-9\\[\\]]{0,60}".prop_map(String::into_bytes),
        "(Bearer )?[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_=-]{0,40}(\\.x?)?".prop_map(String::into_bytes),
        Just(b"Bearer e30.eyJzdWIiOiI3In0.".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn any_request_gets_a_decision_and_the_same_one_again(
        fields in prop::collection::vec((0..NAMES.len(), value()), 0..12),
        address in prop::option::of(value()), chance in any::<u64>(),
    ) {
        thread_local!(static EVERYTHING: Releases = everything());
        let headers: Vec<Header<'_>> =
            fields.iter().map(|(name, value)| (NAMES[*name], value.as_slice())).collect();
        let mut head = RequestHead::new(&headers);
        if let Some(address) = &address {
            head = head.with_source_address(address);
        }
        EVERYTHING.with(|releases| {
            let release = releases.claiming(&head).unwrap();
            let decision = release.decide(&head, Draw { chance, now: 0 }, &mut ());
            prop_assert_eq!(decision.outcome, release.decide(&head, Draw { chance, now: 0 }, &mut ()).outcome);
            prop_assert!(release.outcomes.contains(&decision.outcome));
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_a_configuration_or_is_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = halftone::config::load(&text);
    }
}

#[test]
fn every_outcome_stands_at_its_index() {
    let releases = everything();
    for (index, outcome) in releases.all()[0].outcomes.iter().enumerate() {
        assert_eq!(outcome.index(), index);
    }
    for (index, version) in releases.all()[0].versions.iter().enumerate() {
        assert_eq!(version.index(), index);
    }
}
