//! Numbers of proxies that start again, that are gone, and that do not answer.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails panics"
)]

use std::time::Duration;

use halftone_console::embedded::Admins;
use halftone_console::numbers::{Numbers, Span};
use halftone_console::source::{Numbers as _, Scraped};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A page of metrics: the requests of v1 and v2, of which all of v2's fail.
fn page(v1: u64, v2: u64) -> String {
    let version = |version: &str, class: &str, count: u64| {
        let labels = format!("release=\"web\",version=\"{version}\"");
        format!(
            "halftone_requests_total{{{labels},reason=\"session\"}} {count}\n\
             halftone_responses_total{{{labels},class=\"{class}\"}} {count}\n\
             halftone_request_duration_milliseconds_bucket{{{labels},le=\"10\"}} {count}\n\
             halftone_request_duration_milliseconds_bucket{{{labels},le=\"+Inf\"}} {count}\n"
        )
    };
    version("v1", "2xx", v1) + &version("v2", "5xx", v2)
}

fn scraped(source: &str, page: Result<String, &str>) -> Scraped {
    Scraped {
        source: source.into(),
        page: page.map_err(Into::into),
    }
}

#[test]
fn the_numbers_of_all_proxies_are_added_and_a_restart_is_no_traffic_of_the_past() {
    let mut numbers = Numbers::default();
    // The first page of a proxy has the counters of its past.
    numbers.take(
        100,
        vec![
            scraped("a", Ok(page(1_000, 10))),
            scraped("b", Ok(page(5, 5))),
        ],
    );
    assert!(numbers.now().is_empty());
    numbers.take(
        101,
        vec![
            scraped("a", Ok(page(1_060, 20))),
            scraped("b", Ok(page(35, 5))),
        ],
    );
    let now = &numbers.now()["web"];
    assert_eq!(now.versions["v1"].share, Some(0.9));
    assert_eq!(now.versions["v1"].success, Some(1.0));
    assert_eq!(now.versions["v2"].success, Some(0.0));
    assert_eq!(now.versions["v1"].p50, Some(5.0));
    assert_eq!(now.reasons[0], ("session".into(), "v1".into(), 90));
    // Proxy b starts again: its counters are smaller than before.
    numbers.take(
        102,
        vec![
            scraped("a", Ok(page(1_060, 20))),
            scraped("b", Ok(page(10, 0))),
        ],
    );
    let points = &numbers.series("web", Span::Minutes)["v1"];
    let rates: Vec<f32> = points.iter().map(|point| point.rate).collect();
    assert_eq!(rates, [90.0, 10.0]);
}

#[test]
fn a_proxy_that_is_gone_is_named_and_the_others_go_on() {
    let mut numbers = Numbers::default();
    numbers.take(
        100,
        vec![scraped("a", Ok(page(0, 0))), scraped("b", Ok(page(0, 0)))],
    );
    numbers.take(
        101,
        vec![
            scraped("a", Err("no answer")),
            scraped("b", Ok(page(10, 0))),
        ],
    );
    // Two seconds' requests of proxy a come at once.
    numbers.take(
        102,
        vec![scraped("a", Ok(page(40, 0))), scraped("b", Ok(page(20, 0)))],
    );
    numbers.take(
        103,
        vec![
            scraped("a", Err("no answer")),
            scraped("b", Err("no answer")),
        ],
    );
    let proxies = numbers.proxies();
    assert_eq!((proxies[0].answered, proxies[1].answered), (102, 102));
    assert_eq!(proxies[0].error.as_deref(), Some("no answer"));
    // Without any answer there is no point: a gap, and not zero.
    let points = &numbers.series("web", Span::Minutes)["v1"];
    let rates: Vec<(u64, f32)> = points
        .iter()
        .map(|point| (point.time, point.rate))
        .collect();
    assert_eq!(rates, [(101, 10.0), (102, 50.0)]);
}

#[test]
fn what_the_guard_and_the_fallback_report_is_read() {
    let mut numbers = Numbers::default();
    let gauges = "halftone_guard{release=\"web\",version=\"v2\"} 1\n\
                  halftone_guard{release=\"web\",version=\"v3\"} 0\n\
                  halftone_unreachable{release=\"web\",version=\"v3\"} 1\n\
                  halftone_share_ppm{release=\"web\",version=\"v2\"} 250000\n\
                  halftone_config_rejected{} 1\n";
    numbers.take(100, vec![scraped("a", Ok(gauges.into()))]);
    let now = &numbers.now()["web"];
    assert_eq!(now.guarded, ["v2"]);
    assert_eq!(now.unreachable, ["v3"]);
    assert_eq!(now.configured["v2"], 0.25);
    assert_eq!(numbers.proxies()[0].rejected, 1);
}

#[test]
fn many_versions_take_bounded_memory() {
    let mut numbers = Numbers::default();
    for round in 0..3_u64 {
        let lines = (0..5_000).map(|release| {
            format!(
                "halftone_requests_total{{release=\"r{release}\",version=\"v1\",reason=\"principal\"}} {round}\n"
            )
        });
        numbers.take(100 + round, vec![scraped("a", Ok(lines.collect()))]);
    }
    assert_eq!(
        numbers.now().len(),
        halftone_console::numbers::MOST_VERSIONS
    );
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn an_envoy_that_breaks_the_connection_is_no_obstacle_for_another() {
    let ((fine, url), (broken, other)) = (listener().await, listener().await);
    let admins = Admins::new(&[url, other]).unwrap();
    // A busy machine is slow.
    let admins = admins.with_patience(Duration::from_secs(60));
    let serve = async {
        let (mut stream, _) = fine.accept().await.unwrap();
        let mut request = vec![0; 1_024];
        let length = stream.read(&mut request).await.unwrap();
        let head = String::from_utf8_lossy(&request[..length]).into_owned();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n";
        stream.write_all(answer).await.unwrap();
        head
    };
    let breaks = async { drop(broken.accept().await.unwrap()) };
    let (head, (), scraped) = tokio::join!(serve, breaks, admins.scrape());
    let expected = "GET /stats/prometheus?usedonly&filter=halftone_ HTTP/1.1\r\n";
    assert!(head.starts_with(expected), "{head}");
    assert_eq!(scraped[0].page.as_deref(), Ok("a 1\n"));
    assert!(scraped[1].page.is_err());
}

#[tokio::test]
async fn an_envoy_that_never_answers_is_given_up() {
    let (_silent, url) = listener().await;
    let admins = Admins::new(&[url]).unwrap();
    let admins = admins.with_patience(Duration::from_millis(20));
    let [scraped] = admins.scrape().await.try_into().unwrap();
    assert_eq!(scraped.page, Err("no answer in 20 ms".into()));
}
