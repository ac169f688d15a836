use super::*;
use crate::request::Header;

fn session(keys: Vec<SessionKey>, cookie: bool) -> Session {
    let cookie = cookie.then(|| SessionCookie {
        name: "halftone-session".into(),
        attributes: "; Path=/".into(),
        keep: false,
    });
    Session::new("reviews", keys, cookie)
}

#[test]
fn a_cookie_that_is_kept_comes_before_the_keys() {
    let both: [Header<'_>; 1] = [(b"cookie", b"sid=carla; halftone-session=0123456789abcdef")];
    let only_key: [Header<'_>; 1] = [(b"cookie", b"sid=carla")];
    let table: [(bool, &[Header<'_>], &[u8]); 4] = [
        (false, &both, b"carla"),
        (true, &both, b"0123456789abcdef"),
        (false, &only_key, b"carla"),
        (true, &only_key, b"carla"),
    ];
    for (keep, headers, key) in table {
        let cookie = SessionCookie {
            name: "halftone-session".into(),
            attributes: "; Path=/".into(),
            keep,
        };
        let session = Session::new(
            "reviews",
            vec![SessionKey::Cookie("sid".into())],
            Some(cookie),
        );
        assert_eq!(
            session.find(&RequestHead::new(headers), 1),
            Found::Carried(session.number(key)),
            "keep: {keep}"
        );
    }
}

#[test]
fn the_first_key_that_is_not_empty_counts() {
    let session = session(
        vec![
            SessionKey::Header("x-user".into()),
            SessionKey::Cookie("uid".into()),
        ],
        false,
    );
    let table: [(&[Header<'_>], Option<&[u8]>); 6] = [
        (&[(b"x-user", b"a"), (b"cookie", b"uid=b")], Some(b"a")),
        (&[(b"x-user", b""), (b"cookie", b"uid=b")], Some(b"b")),
        (&[(b"x-user", b""), (b"x-user", b"c")], Some(b"c")),
        (&[(b"cookie", b"uid=; uid=d")], Some(b"d")),
        (&[(b"x-user", b"\xff\xfe")], Some(b"\xff\xfe")),
        (&[], None),
    ];
    for (headers, key) in table {
        let expected = key.map_or(Found::None, |key| Found::Carried(session.number(key)));
        assert_eq!(
            session.find(&RequestHead::new(headers), 1),
            expected,
            "{headers:?}"
        );
    }
}

#[test]
fn an_id_is_issued_where_no_key_is_and_decides_from_then_on() {
    let session = session(vec![SessionKey::Header("x-user".into())], true);
    let Found::Issued(number, id) = session.find(&RequestHead::new(&[]), 99) else {
        panic!("nothing was issued");
    };
    let cookie = [b"halftone-session=".as_slice(), &id.text()].concat();
    let next: [Header<'_>; 1] = [(b"cookie", &cookie)];
    assert_eq!(
        session.find(&RequestHead::new(&next), 100),
        Found::Carried(number)
    );
}

#[test]
fn an_id_is_sixteen_hexadecimal_digits() {
    assert_eq!(SessionId(0).text(), *b"0000000000000000");
    assert_eq!(
        SessionId(0x0123_4567_89ab_cdef).text(),
        *b"0123456789abcdef"
    );
    assert_eq!(SessionId(u64::MAX).text(), *b"ffffffffffffffff");
}

#[test]
fn two_releases_do_not_pick_the_same_people() {
    let [reviews, ratings] = ["reviews", "ratings"].map(|name| Session::new(name, vec![], None));
    let both_low = (0..10_000_u32).filter(|key| {
        let low = |session: &Session| session.number(&key.to_le_bytes()) < u64::MAX / 10;
        low(&reviews) && low(&ratings)
    });
    let share = both_low.count() as f64 / 10_000.0;
    assert!((share - 0.01).abs() < 0.005, "{share}");
}
