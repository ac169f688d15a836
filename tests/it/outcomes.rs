//! The outcome of a copy that was sent.

use std::time::Duration;

use halftone::mirror::{MirrorOutcome, RequestKind};

#[test]
fn answers_of_the_mirror_and_of_envoy_have_different_outcomes() {
    const SERVED: (&str, &str) = ("x-envoy-upstream-service-time", "3");
    const LATE: (&str, &str) = ("grpc-message", "upstream request timeout");
    const REFUSED: (&str, &str) = ("grpc-message", "upstream connect error");
    let (plain, grpc) = (RequestKind::Plain, RequestKind::Grpc);
    type Row<'r> = (
        &'r str,
        RequestKind,
        &'r [(&'r str, &'r str)],
        u64,
        u64,
        &'r str,
    );
    let table: [Row<'_>; 18] = [
        (
            "an answer",
            plain,
            &[(":status", "200"), SERVED],
            10,
            5000,
            "answered",
        ),
        (
            "a redirect",
            plain,
            &[(":status", "302"), SERVED],
            10,
            5000,
            "answered",
        ),
        (
            "its own error",
            plain,
            &[(":status", "503"), SERVED],
            10,
            5000,
            "answered",
        ),
        (
            "its own 504, late",
            plain,
            &[(":status", "504"), SERVED],
            5000,
            5000,
            "answered",
        ),
        (
            "a timeout by Envoy",
            plain,
            &[(":status", "504")],
            5000,
            5000,
            "timeout",
        ),
        (
            "a timeout by the clock of Envoy",
            plain,
            &[(":status", "504")],
            4000,
            5000,
            "timeout",
        ),
        ("no server", plain, &[(":status", "503")], 2, 5000, "failed"),
        (
            "no server, after the timeout",
            plain,
            &[(":status", "503")],
            5003,
            5000,
            "failed",
        ),
        (
            "no HTTP answer",
            plain,
            &[(":status", "502")],
            2,
            5000,
            "failed",
        ),
        ("an incomplete answer", plain, &[], 100, 5000, "failed"),
        (
            "an incomplete answer after the timeout",
            plain,
            &[],
            5001,
            5000,
            "timeout",
        ),
        (
            "one turn of the event loop before the timeout",
            plain,
            &[],
            4800,
            5000,
            "timeout",
        ),
        ("long before the timeout", plain, &[], 4700, 5000, "failed"),
        ("a short timeout", plain, &[], 3, 4, "timeout"),
        ("an end before the timeout", plain, &[], 2, 4, "failed"),
        (
            "gRPC",
            grpc,
            &[(":status", "200"), SERVED, LATE],
            10,
            5000,
            "answered",
        ),
        (
            "gRPC after the timeout",
            grpc,
            &[(":status", "200"), LATE],
            5000,
            5000,
            "timeout",
        ),
        (
            "gRPC without a server",
            grpc,
            &[(":status", "200"), REFUSED],
            5000,
            5000,
            "failed",
        ),
    ];
    for (name, kind, headers, elapsed, timeout, outcome) in table {
        let [elapsed, timeout] = [elapsed, timeout].map(Duration::from_millis);
        let value = |name: &str| {
            let header = headers.iter().find(|header| header.0 == name)?;
            Some(header.1.as_bytes().to_vec())
        };
        let got = MirrorOutcome::of_answer(kind, value, elapsed, timeout).to_string();
        assert_eq!(got, outcome, "{name}");
    }
    for (index, outcome) in MirrorOutcome::ALL.into_iter().enumerate() {
        assert_eq!(outcome.index(), index);
    }
}
