use super::*;

/// The head of a request for `path` with `headers`.
fn read<T>(path: &str, headers: &[(&str, &[u8])], test: impl Fn(RequestHead<'_>) -> T) -> T {
    let mut all: Vec<Header<'_>> = vec![(b":path", path.as_bytes())];
    all.extend(
        headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), *value)),
    );
    test(RequestHead::new(&all))
}

#[test]
fn what_is_absent_is_empty() {
    let head = RequestHead::new(&[]);
    assert_eq!(
        (head.authority(), head.method(), head.path()),
        (&b""[..], &b""[..], &b""[..])
    );
    assert_eq!(head.headers("x").count() + head.cookies("x").count(), 0);
    assert_eq!(head.query_params("x").count(), 0);
    assert_eq!(
        (
            head.client_os(),
            head.jwt_claim("sub"),
            head.source_address()
        ),
        (None, None, None)
    );
}

#[test]
fn the_query_is_not_part_of_the_path() {
    let table = [
        ("/a", "/a"),
        ("/a?b", "/a"),
        ("/a?b?c", "/a"),
        ("?b", ""),
        ("", ""),
        ("*", "*"),
        ("/%61?", "/%61"),
    ];
    for (target, path) in table {
        assert_eq!(
            read(target, &[], |head| head.path().to_vec()),
            path.as_bytes(),
            "{target}"
        );
    }
}

#[test]
fn cookies_are_pairs_of_any_cookie_header() {
    type Values = &'static [&'static [u8]];
    let table: [(Values, Values); 12] = [
        (&[b"a=1"], &[b"1"]),
        (&[b"x=0; a=1; y=2"], &[b"1"]),
        (&[b"x=0;a=1;y=2"], &[b"1"]),
        (&[b"  a = 1  ; b=2"], &[b"1"]),
        (&[b"a=1; a=2"], &[b"1", b"2"]),
        (&[b"a=1", b"b=1; a=2"], &[b"1", b"2"]),
        (&[b"a=b=c"], &[b"b=c"]),
        (&[b"a="], &[b""]),
        (&[b"a=\"1\""], &[b"\"1\""]),
        (&[b"a", b";;=;", b"aa=1", b"A=1"], &[]),
        (&[b"a=\xff\xfe"], &[b"\xff\xfe"]),
        (&[b"\xff\xfe; a=1"], &[b"1"]),
    ];
    for (headers, expected) in table {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|value| ("cookie", *value)).collect();
        let found = read("/", &headers, |head| {
            head.cookies("a").map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{headers:?}");
    }
}

#[test]
fn query_parameters_are_percent_decoded() {
    let table: [(&str, &[&[u8]]); 11] = [
        ("/?a=1", &[b"1"]),
        ("/?b=0&a=1&c", &[b"1"]),
        ("/?a=1&a=2", &[b"1", b"2"]),
        ("/?a", &[b""]),
        ("/?a=", &[b""]),
        ("/?a=b=c", &[b"b=c"]),
        ("/?%61=%62%20c", &[b"b c"]),
        ("/?a=%ff%fe", &[b"\xff\xfe"]),
        ("/?a=%zz%2", &[b"%zz%2"]),
        ("/?a=1+2", &[b"1+2"]),
        ("/?&&=&aa=1&A=1", &[]),
    ];
    for (target, expected) in table {
        let found = read(target, &[], |head| {
            head.query_params("a")
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{target}");
    }
}

#[test]
fn the_operating_system_is_the_first_that_the_user_agent_names() {
    let table = [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)",
            Some(ClientOs::Ios),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X)",
            Some(ClientOs::Ios),
        ),
        (
            "Mozilla/5.0 (iPod touch; CPU iPhone OS 7_0_3 like Mac OS X)",
            Some(ClientOs::Ios),
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8)",
            Some(ClientOs::Android),
        ),
        (
            "Dalvik/2.1.0 (Linux; U; Android 11; SM-A515F)",
            Some(ClientOs::Android),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
            Some(ClientOs::Windows),
        ),
        (
            "Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; like iPhone OS 7_0_3 Mac OS X)",
            Some(ClientOs::Windows),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)",
            Some(ClientOs::Macos),
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0)",
            Some(ClientOs::Linux),
        ),
        (
            "Pizza/90 CFNetwork/1125.2 Darwin/19.4.0",
            Some(ClientOs::Ios),
        ),
        (
            "Rested/2009 CFNetwork/1128.0.1 Darwin/19.6.0 (x86_64)",
            Some(ClientOs::Macos),
        ),
        (
            "Mail/1.0 CFNetwork/673.6 Darwin/13.4.0 (i386)",
            Some(ClientOs::Macos),
        ),
        (
            "Shop/1.2 (com.example.shop; build:7; iOS 17.5.1) Alamofire/5.8.0",
            Some(ClientOs::Ios),
        ),
        (
            "Shop/1.2 (com.example.shop; build:7; macOS 14.5.0) Alamofire/5.8.0",
            Some(ClientOs::Macos),
        ),
        ("Dalvik/2.1.0", Some(ClientOs::Android)),
        ("okhttp/4.12.0", Some(ClientOs::Android)),
        (
            "Shop/1.2 (Android 14) okhttp/4.12.0",
            Some(ClientOs::Android),
        ),
        ("axios/1.7.2", None),
        ("WebDAVFS/3.0.0 Darwin/21.6.0 (x86_64)", None),
        ("curl/8.5.0", None),
        ("", None),
    ];
    for (agent, expected) in table {
        let found = read("/", &[("user-agent", agent.as_bytes())], |head| {
            head.client_os()
        });
        assert_eq!(found, expected, "{agent}");
    }
    assert_eq!(
        read("/", &[("user-agent", b"\xff\xfe Linux")], |head| head
            .client_os()),
        Some(ClientOs::Linux)
    );
}

#[test]
fn a_claim_is_read_from_a_bearer_token() {
    let token = |claims: &str| {
        use base64::Engine as _;
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
        format!("Bearer eyJhbGciOiJub25lIn0.{claims}.signature")
    };
    let deep = format!(
        r#"{{"a":{}{},"sub":"7"}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let table = [
        (token(r#"{"sub":"jason"}"#), Some("jason")),
        (
            token(r#"{"iss":"x","sub":"jason","aud":["a"]}"#),
            Some("jason"),
        ),
        (token(r#"{"sub":42}"#), Some("42")),
        (token(r#"{"sub":-1}"#), Some("-1")),
        (token(r#"{"sub":"one","sub":"two"}"#), Some("two")),
        (token(r#"{"s\u0075b":"escaped"}"#), Some("escaped")),
        (token(r#"{"sub":""}"#), Some("")),
        (token(r#"{"sub":1.5}"#), None),
        (token(r#"{"sub":true}"#), None),
        (token(r#"{"sub":["jason"]}"#), None),
        (token(r#"{"sub":null}"#), None),
        (token(r#"{"other":"jason"}"#), None),
        (token(r#"["sub"]"#), None),
        (token(r#"{"sub":"jason""#), None),
        (token(""), None),
        (token(&deep), None),
        ("bearer e30.eyJzdWIiOiI3In0.".into(), Some("7")),
        ("Bearer e30.eyJzdWIiOiI3In0=.".into(), Some("7")),
        ("Bearer  e30.eyJzdWIiOiI3In0. ".into(), Some("7")),
        ("Bearer e30.eyJzdWIiOiI3In0".into(), Some("7")),
        ("Basic e30.eyJzdWIiOiI3In0.".into(), None),
        ("Bearer e30.!!!.".into(), None),
        ("Bearer e30".into(), None),
        ("Bearer".into(), None),
        (String::new(), None),
    ];
    for (authorization, expected) in table {
        let found = read(
            "/",
            &[("authorization", authorization.as_bytes())],
            |head| head.jwt_claim("sub"),
        );
        let shown: String = authorization.chars().take(80).collect();
        assert_eq!(found.as_deref(), expected, "{shown}");
    }
}
