//! Invitations: the golden vectors, which another implementation computed (`docs/invitation.py`), what the
//! response keeps, and that nobody imitates one.

use std::sync::Arc;

use halftone::config::{self, Known, Proxy};
use halftone::draw::{Draw, Random};
use halftone::effects::effects;
use halftone::invitation::{Invited, Key, Keys, LAST_EXPIRY, LONGEST, Refusal, Token, Unusable};
use halftone::release::{Decision, Releases};
use halftone::request::{Budget, Header, RequestHead};
use proptest::prelude::*;
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../docs/invitation-vectors.json");

const KEY: &[u8] = b"0123456789abcdefghijklmnopqrstuv";
const OLD_KEY: &[u8] = b"the key before it, which is longer than the block of SHA-256: 64 bytes";

/// The time of all requests, in milliseconds since 1970-01-01T00:00:00Z.
const NOW: u64 = 1_796_115_600_000;

/// An hour later, in seconds.
const LATER: u64 = 1_796_119_200;

fn environment(variables: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    let owned = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
    variables.iter().map(owned).collect()
}

/// A release `shop` with a rule `testers` for those who are invited.
fn shop(invited: &Value, keys: &[&str]) -> Value {
    json!({
        "signing": {"keys": keys},
        "releases": [{
            "name": "shop", "hosts": ["shop"], "principal": "v1",
            "canary": {"rules": [
                {"name": "testers", "match": [{"invited": invited}], "version": "v2"},
            ]},
        }],
    })
}

fn load(config: &Value, variables: &[(&str, &[u8])]) -> Releases {
    let environment = environment(variables);
    let proxy = Proxy {
        environment: &environment,
        ..Proxy::default()
    };
    config::load_value_for(config, proxy).unwrap()
}

fn invite(key: &[u8], rule: &str, expiry: u64) -> String {
    Key::new(key).unwrap().invite("shop", rule, expiry)
}

/// The decision for a request with this path and these cookies, at the time `now`.
fn decided<'r>(releases: &'r Releases, path: &str, cookies: &[String], now: u64) -> Decision<'r> {
    let mut headers: Vec<Header<'_>> = vec![(b":authority", b"shop"), (b":path", path.as_bytes())];
    headers.extend(cookies.iter().map(|one| (&b"cookie"[..], one.as_bytes())));
    let head = RequestHead::new(&headers);
    releases.all()[0].decide(&head, Draw { chance: 0, now }, &mut ())
}

fn reason(releases: &Releases, path: &str, cookies: &[String], now: u64) -> String {
    let decision = decided(releases, path, cookies, now);
    decision.outcome.reason().to_string()
}

fn invited(keys: Keys, release: &str, rule: &str) -> Invited {
    Invited {
        query_param: "halftone".into(),
        cookie: "halftone-invitation".into(),
        release: release.into(),
        rule: rule.into(),
        keys: Arc::new(keys),
    }
}

/// The result by which the golden vectors name a refusal.
fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotAnInvitation => "not an invitation",
        Refusal::UnknownVersion => "unknown version",
        Refusal::Damaged => "damaged",
        Refusal::Elsewhere { .. } => "elsewhere",
        Refusal::Expired(_) => "expired",
        Refusal::NotSigned | Refusal::NoKey => "not signed",
    }
}

#[test]
fn invitations_are_those_of_the_golden_vectors() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = |named: &Value| vectors["keys"][named.as_str().unwrap()].as_str().unwrap();
    let rows = vectors["invitations"].as_array().unwrap();
    assert!(rows.len() > 20);
    for row in rows {
        let signing = Key::new(key(&row["key"]).as_bytes()).unwrap();
        let expiry = row["expiry"].as_u64().unwrap();
        let token = signing.invite(&text(&row["release"]), &text(&row["rule"]), expiry);
        assert_eq!(token, text(&row["token"]));
        assert!(token.len() <= LONGEST, "{token}");
    }
    let checks = &vectors["checks"];
    let names: Vec<String> = checks["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();
    let keys = Keys::new(names.iter().map(String::as_str), |name| {
        Some(key(&name.into()).as_bytes())
    });
    let invited = invited(keys, &text(&checks["release"]), &text(&checks["rule"]));
    let tokens = checks["tokens"].as_array().unwrap();
    assert!(tokens.len() > 30);
    for row in tokens {
        let token = text(&row["token"]);
        let result = invited.check(token.as_bytes(), checks["now"].as_u64().unwrap());
        let result = result.map_or_else(|refusal| name(&refusal), |_| "valid");
        assert_eq!(result, text(&row["result"]), "{token}");
    }
}

#[test]
fn an_invitation_is_valid_until_it_expires_in_the_query_and_in_the_cookie() {
    let releases = load(&shop(&json!({}), &["KEY"]), &[("KEY", KEY)]);
    let token = invite(KEY, "testers", LATER);
    let cookie = [format!("a=1; halftone-invitation={token}; b=2")];
    let query = format!("/cart?x=1&halftone={token}");
    let expiry = LATER * 1_000;
    for (path, cookies) in [(query.as_str(), &[][..]), ("/cart", &cookie)] {
        assert_eq!(reason(&releases, path, cookies, NOW), "rule:testers");
        assert_eq!(reason(&releases, path, cookies, expiry - 1), "rule:testers");
        assert_eq!(reason(&releases, path, cookies, expiry), "principal");
        assert_eq!(reason(&releases, path, cookies, u64::MAX), "principal");
    }
    let encoded = format!("/?halftone={}", token.replace('.', "%2E"));
    assert_eq!(reason(&releases, &encoded, &[], NOW), "rule:testers");
    for elsewhere in [format!("/{token}"), format!("/?Halftone={token}")] {
        assert_eq!(reason(&releases, &elsewhere, &[], NOW), "principal");
    }
}

#[test]
fn an_invitation_from_the_query_is_kept_in_the_cookie_until_it_expires() {
    let names = json!({"queryParam": "in", "cookie": "__Host-in"});
    let releases = load(&shop(&names, &["KEY"]), &[("KEY", KEY)]);
    let token = invite(KEY, "testers", LATER);
    let path = format!("/?in={token}");
    let later = NOW + 600_500;
    let decision = decided(&releases, &path, &[], later);
    let text = decision.set_invitation().unwrap();
    let cookie = cookie::Cookie::parse(text).unwrap();
    assert_eq!(cookie.name(), "__Host-in");
    assert_eq!(cookie.value(), token);
    assert_eq!(cookie.max_age().unwrap().whole_seconds(), 3_000);
    assert_eq!((cookie.path(), cookie.domain()), (Some("/"), None));
    assert_eq!(
        (cookie.secure(), cookie.http_only()),
        (Some(true), Some(true))
    );
    assert_eq!(cookie.same_site(), Some(cookie::SameSite::Lax));

    let kept = [format!("__Host-in={token}")];
    let by_cookie = decided(&releases, "/", &kept, later);
    assert_eq!(by_cookie.outcome.reason().to_string(), "rule:testers");
    assert_eq!(by_cookie.set_invitation(), None, "the cookie has it");
    let refused = decided(&releases, "/?in=i1.shop.testers.1.A", &[], later);
    assert_eq!(refused.set_invitation(), None);

    // The latest invitation replaces an earlier one.
    let longer = invite(KEY, "testers", LATER + 60);
    let both = decided(&releases, &format!("/?in={longer}"), &kept, later);
    assert!(both.set_invitation().unwrap().contains(&longer));
    // An invitation that has expired does not hide one that is valid.
    let expired = format!("/?in={}", invite(KEY, "testers", NOW / 1_000));
    assert_eq!(reason(&releases, &expired, &kept, later), "rule:testers");
}

#[test]
fn a_response_can_bring_a_session_and_an_invitation() {
    let mut config = shop(&json!({}), &["KEY"]);
    config["releases"][0]["canary"]["rules"][0]["match"][0]["percentage"] = json!(100);
    config["releases"][0]["canary"]["session"] = json!({"cookie": {}});
    let releases = load(&config, &[("KEY", KEY)]);
    let path = format!("/?halftone={}", invite(KEY, "testers", LATER));
    let headers: [Header<'_>; 2] = [(b":authority", b"shop"), (b":path", path.as_bytes())];
    let head = RequestHead::new(&headers);
    let draw = Draw {
        chance: 7,
        now: NOW,
    };
    let claiming = releases.claiming(&head).map(|release| &**release);
    let effects = effects(releases.settings(), claiming, &head, || None, draw, &mut ());
    assert!(effects.set_cookie.unwrap().starts_with("halftone-session="));
    let invitation = effects.set_invitation.unwrap();
    assert!(invitation.starts_with("halftone-invitation=i1.shop."));
}

#[test]
fn every_usable_key_verifies_and_a_missing_or_short_one_never_opens() {
    let config = shop(&json!({}), &["KEY", "OLD"]);
    let short = &KEY[..31];
    type Variables<'v> = &'v [(&'v str, &'v [u8])];
    let table: [(&str, Variables<'_>, bool, bool, usize); 8] = [
        ("both", &[("KEY", KEY), ("OLD", OLD_KEY)], true, true, 2),
        ("only the first", &[("KEY", KEY)], true, false, 1),
        ("only the second", &[("OLD", OLD_KEY)], false, true, 1),
        ("none", &[], false, false, 0),
        ("another name", &[("Key", KEY)], false, false, 0),
        ("empty", &[("KEY", b""), ("OLD", b" \n")], false, false, 0),
        ("short", &[("KEY", short), ("OLD", OLD_KEY)], false, true, 1),
        ("swapped", &[("KEY", OLD_KEY), ("OLD", KEY)], true, true, 2),
    ];
    for (what, variables, by_new, by_old, usable) in table {
        let releases = load(&config, variables);
        let signing = &releases.settings().signing;
        assert_eq!(signing.usable().count(), usable, "{what}");
        assert_eq!(signing.unusable().count(), 2 - usable, "{what}");
        for (key, holds) in [(KEY, by_new), (OLD_KEY, by_old)] {
            let path = format!("/?halftone={}", invite(key, "testers", LATER));
            let expected = if holds { "rule:testers" } else { "principal" };
            assert_eq!(reason(&releases, &path, &[], NOW), expected, "{what}");
        }
    }
}

#[test]
fn an_empty_or_short_key_signs_nothing() {
    assert_eq!(Key::new(b"").unwrap_err(), Unusable::Missing);
    assert_eq!(Key::new(&KEY[..31]).unwrap_err(), Unusable::Short(31));
    let padded = [b"\n ", &KEY[..31], b"\n\n"].concat();
    assert_eq!(Key::new(&padded).unwrap_err(), Unusable::Short(31));
    let with_line_end = Key::new(&[KEY, b"\n"].concat()).unwrap();
    let token = with_line_end.invite("shop", "testers", LATER);
    assert_eq!(token, invite(KEY, "testers", LATER));
    assert_eq!(format!("{with_line_end:?}"), "Key(hidden)");
}

#[test]
fn an_invitation_is_bound_to_one_release_and_one_rule() {
    let keys = || Keys::new(["KEY"], |_| Some(KEY));
    let token = invite(KEY, "testers", LATER);
    for (release, rule) in [
        ("shop", "tester"),
        ("shop", "testers2"),
        ("sho", "testers"),
        ("cart", "testers"),
        ("shop", "preview"),
    ] {
        let refusal = invited(keys(), release, rule).check(token.as_bytes(), NOW);
        let elsewhere = Refusal::Elsewhere {
            release: "shop".into(),
            rule: "testers".into(),
        };
        assert_eq!(refusal, Err(elsewhere), "{release} {rule}");
    }
}

#[test]
fn the_preview_of_a_blue_green_release_invites_by_the_name_preview() {
    let config = json!({
        "signing": {"keys": ["KEY"]},
        "releases": [{
            "name": "shop", "hosts": ["shop"], "principal": "v1",
            "blueGreen": {"active": "v1", "preview": {"version": "v2", "match": [{"invited": {}}]}},
        }],
    });
    let releases = load(&config, &[("KEY", KEY)]);
    for (rule, expected) in [("preview", "preview"), ("testers", "active")] {
        let path = format!("/?halftone={}", invite(KEY, rule, LATER));
        assert_eq!(reason(&releases, &path, &[], NOW), expected, "{rule}");
    }
}

#[test]
fn only_releases_that_invite_read_the_clock() {
    let mut config = shop(&json!({}), &["KEY"]);
    assert!(load(&config, &[]).all()[0].reads_clock());
    config["releases"][0]["canary"]["rules"][0]["match"] = json!([{"method": {"exact": "GET"}}]);
    assert!(!load(&config, &[]).all()[0].reads_clock());
}

#[test]
fn other_conditions_of_the_match_must_hold_before_a_cookie_is_set() {
    let mut config = shop(&json!({}), &["KEY"]);
    let rule = &mut config["releases"][0]["canary"]["rules"][0];
    rule["match"][0]["percentage"] = json!(0);
    rule["match"][0]["cookies"] = json!({"group": {"exact": "beta"}});
    let releases = load(&config, &[("KEY", KEY)]);
    let path = format!("/?halftone={}", invite(KEY, "testers", LATER));
    let decision = decided(&releases, &path, &["group=beta".into()], NOW);
    assert_eq!(decision.set_invitation(), None);
}

#[test]
fn the_budget_of_a_request_bounds_the_tokens_that_are_verified() {
    let releases = load(&shop(&json!({}), &["KEY"]), &[("KEY", KEY)]);
    let forged = invite(OLD_KEY, "testers", LATER);
    let cookie = |token: &str| format!("halftone-invitation={token}");
    let mut cookies = vec![cookie(&forged); 1_000];
    cookies.push(cookie(&invite(KEY, "testers", LATER)));
    assert_eq!(reason(&releases, "/", &cookies, NOW), "rule:testers");
    let most = usize::try_from(Budget::STEPS).unwrap() / 2_000;
    cookies.splice(0..0, vec![cookie(&forged); most]);
    assert_eq!(reason(&releases, "/", &cookies, NOW), "principal");
}

#[test]
fn an_update_with_other_keys_compiles_the_releases_again() {
    let environment = environment(&[("KEY", KEY), ("OLD", OLD_KEY)]);
    let proxy = Proxy {
        environment: &environment,
        ..Proxy::default()
    };
    let mut known = Known::default();
    let mut load = |keys: &[&str]| {
        let text = shop(&json!({}), keys).to_string();
        known.load(text.as_bytes(), proxy).unwrap()
    };
    let path = format!("/?halftone={}", invite(OLD_KEY, "testers", LATER));
    let (one, both, again) = (load(&["KEY"]), load(&["KEY", "OLD"]), load(&["KEY", "OLD"]));
    assert_eq!(reason(&one, &path, &[], NOW), "principal");
    assert_eq!(reason(&both, &path, &[], NOW), "rule:testers");
    assert!(Arc::ptr_eq(&both.all()[0], &again.all()[0]));
    assert_eq!(reason(&load(&["KEY"]), &path, &[], NOW), "principal");
}

#[test]
fn a_million_random_signatures_never_match() {
    let invited = invited(Keys::new(["KEY"], |_| Some(KEY)), "shop", "testers");
    let (mut random, mut not_signed) = (Random::new(2026), 0);
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut token = format!("i1.shop.testers.{LATER}.{}", "A".repeat(22)).into_bytes();
    let from = token.len() - 22;
    for _ in 0..1_000_000 {
        for (place, byte) in token[from..].iter_mut().enumerate() {
            // The last character has two bits of the signature.
            let bits = if place == 21 { 0b11_0000 } else { 0b11_1111 };
            *byte = ALPHABET[random.next_u64() as usize & bits];
        }
        match invited.check(&token, NOW) {
            Err(Refusal::NotSigned) => not_signed += 1,
            other => panic!("{other:?}: {}", String::from_utf8_lossy(&token)),
        }
    }
    assert_eq!(not_signed, 1_000_000);
}

prop_compose! {
    fn names()(release in "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", rule in "[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
        -> (String, String) {
        (release, rule)
    }
}

proptest! {
    #[test]
    fn what_a_key_signs_is_valid_for_its_rule_until_its_expiry(
        (release, rule) in names(), expiry in 1..=LAST_EXPIRY, key in prop::collection::vec(b'!'..=b'~', 32..100),
    ) {
        let signing = Key::new(&key).unwrap();
        let token = signing.invite(&release, &rule, expiry);
        let read = Token::read(token.as_bytes()).unwrap();
        prop_assert_eq!((read.release, read.rule), (release.as_bytes(), rule.as_bytes()));
        let invited = invited(Keys::new(["KEY"], |_| Some(&key)), &release, &rule);
        prop_assert_eq!(invited.check(token.as_bytes(), expiry * 1_000 - 1), Ok(expiry));
        prop_assert_eq!(invited.check(token.as_bytes(), expiry * 1_000), Err(Refusal::Expired(expiry)));
    }

    #[test]
    fn a_changed_token_is_not_valid(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let token = invite(KEY, "testers", LATER).into_bytes();
        let invited = invited(Keys::new(["KEY"], |_| Some(KEY)), "shop", "testers");
        let mut changed = token.clone();
        changed[at.index(token.len())] = byte;
        prop_assert_eq!(invited.check(&changed, NOW).is_ok(), changed == token);
        prop_assert!(invited.check(&token[..cut.index(token.len())], NOW).is_err());
        let mut longer = token.clone();
        longer.insert(at.index(token.len()), byte);
        prop_assert!(invited.check(&longer, NOW).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let invited = invited(Keys::new(["KEY"], |_| Some(KEY)), "shop", "testers");
        prop_assert!(invited.check(&bytes, NOW).is_err());
    }
}
