//! Cookies against another implementation: the `cookie` crate reads the cookies that the core sets, and
//! the core reads the same cookies as the crate.

use halftone::draw::Draw;
use halftone::release::Releases;
use halftone::request::{Header, RequestHead};
use proptest::prelude::*;
use serde_json::json;

fn release(cookie: serde_json::Value) -> Releases {
    let config = json!({"releases": [{
        "name": "reviews", "hosts": ["*"], "principal": "v1",
        "canary": {
            "split": [{"version": "v1", "weight": 1}, {"version": "v2", "weight": 1}],
            "session": {"cookie": cookie},
        },
    }]});
    halftone::config::load_value(&config).unwrap()
}

fn set_cookie(releases: &Releases) -> String {
    releases.all()[0]
        .decide(&RequestHead::new(&[]), Draw { chance: 1, now: 0 }, &mut ())
        .set_cookie()
        .unwrap()
}

#[test]
fn a_cookie_has_its_configured_attributes() {
    let everything = json!({
        "name": "sid", "maxAge": "1h30m", "path": "/shop", "domain": "example.com",
        "secure": true, "httpOnly": false, "sameSite": "None",
    });
    let text = set_cookie(&release(everything));
    let cookie = cookie::Cookie::parse(text).unwrap();
    assert_eq!(cookie.name(), "sid");
    assert_eq!(cookie.value().len(), 16);
    assert_eq!(cookie.max_age().unwrap().whole_seconds(), 5400);
    assert_eq!(
        (cookie.path(), cookie.domain()),
        (Some("/shop"), Some("example.com"))
    );
    assert_eq!((cookie.secure(), cookie.http_only()), (Some(true), None));
    assert_eq!(cookie.same_site(), Some(cookie::SameSite::None));
}

#[test]
fn a_cookie_has_the_default_attributes_of_the_reference() {
    let text = set_cookie(&release(json!({})));
    let (name, rest) = text.split_once('=').unwrap();
    assert_eq!(name, "halftone-session");
    assert_eq!(
        &rest[16..],
        "; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax"
    );
}

#[test]
fn a_cookie_with_a_prefix_follows_the_rules_of_the_prefix() {
    let table = [
        (json!({"name": "__Host-sid"}), true),
        (
            json!({"name": "__Host-sid", "path": "/", "secure": true}),
            true,
        ),
        (json!({"name": "__Host-sid", "secure": false}), false),
        (json!({"name": "__Host-sid", "path": "/shop"}), false),
        (
            json!({"name": "__host-sid", "domain": "example.com"}),
            false,
        ),
        (
            json!({"name": "__Secure-sid", "path": "/shop", "domain": "example.com"}),
            true,
        ),
        (json!({"name": "__Secure-sid", "secure": false}), false),
        (
            json!({"name": "__Hostsid", "secure": false, "domain": "example.com"}),
            true,
        ),
    ];
    for (cookie, is_valid) in table {
        let config = json!({"releases": [{
            "name": "reviews", "hosts": ["*"], "principal": "v1", "canary": {"session": {"cookie": cookie}},
        }]});
        let loaded = halftone::config::load_value(&config);
        assert_eq!(loaded.is_ok(), is_valid, "{cookie}: {loaded:?}");
    }
}

#[test]
fn no_cookie_is_set_if_the_request_has_a_key_or_needs_no_session() {
    let releases = release(json!({"name": "sid"}));
    let carried: [Header<'_>; 1] = [(b"cookie", b"sid=abc")];
    let decision = releases.all()[0].decide(
        &RequestHead::new(&carried),
        Draw { chance: 1, now: 0 },
        &mut (),
    );
    assert_eq!(decision.set_cookie(), None);

    let by_rule = halftone::config::load_value(&json!({"releases": [{
        "name": "reviews", "hosts": ["*"], "principal": "v1",
        "canary": {
            "rules": [{"name": "all", "match": [{"path": {"present": true}}], "version": "v2"}],
            "session": {"cookie": {}},
        },
    }]}));
    let decision = by_rule.as_ref().unwrap().all()[0].decide(
        &RequestHead::new(&[]),
        Draw { chance: 1, now: 0 },
        &mut (),
    );
    assert_eq!(decision.set_cookie(), None);
}

proptest! {
    #[test]
    fn cookies_are_read_like_the_cookie_crate_reads_them(header in "[a-c= ;\"%x]{0,40}") {
        let headers: [Header<'_>; 1] = [(b"cookie", header.as_bytes())];
        let head = RequestHead::new(&headers);
        for name in ["a", "b", "ab"] {
            let ours: Vec<&[u8]> = head.cookies(name).collect();
            let theirs: Vec<String> = cookie::Cookie::split_parse(header.as_str())
                .filter_map(Result::ok)
                .filter(|cookie| cookie.name() == name)
                .map(|cookie| cookie.value().to_owned())
                .collect();
            let theirs: Vec<&[u8]> = theirs.iter().map(String::as_bytes).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
