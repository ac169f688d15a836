//! A ramp in two proxies of four workers each: nobody moves back, and the shares are those of the curve.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use halftone::config::time;
use halftone::draw::Draw;
use halftone::release::Release;
use halftone::request::{Header, RequestHead};
use halftone_lab::client::{Client, Fields};
use halftone_lab::envoy::Envoy;
use halftone_lab::proxy::Route;
use halftone_lab::wait;
use serde_json::json;
use tokio::task::JoinSet;

use crate::scene::{SOON, Upstreams, VERSION, plugin, reviews};

const SESSIONS: usize = 2_000;

/// The number of concurrent requests.
const AT_ONCE: usize = 16;

const RAMP: Duration = Duration::from_secs(20);

/// The time between two rounds, unless a round takes longer.
const ROUND: Duration = Duration::from_secs(1);

fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}

/// An answer to the session of an index, which the filter decided at a time between `from` and `to`.
struct Answered {
    session: usize,
    from: u64,
    to: u64,
    is_v2: bool,
}

/// Whether `release` sends the session to v2 at `now`.
fn is_v2(release: &Release, session: usize, now: u64) -> bool {
    let key = session.to_string();
    let headers: [Header<'_>; 1] = [(b"x-user-id", key.as_bytes())];
    let draw = Draw { chance: 0, now };
    let decision = release.decide(&RequestHead::new(&headers), draw, &mut ());
    decision.outcome.version().name() == "v2"
}

/// Asks for each session once. Half of them ask the first proxy, and the other half in the next round.
async fn ask(clients: &[Arc<Client>; 2], round: usize) -> Result<Vec<Answered>> {
    let sessions: Vec<usize> = (0..SESSIONS).collect();
    let mut asking = JoinSet::new();
    for part in sessions.chunks(SESSIONS.div_ceil(AT_ONCE)) {
        let (clients, part) = (clients.clone(), part.to_vec());
        asking.spawn(async move {
            let mut answers = Vec::with_capacity(part.len());
            for session in part {
                let client = clients.get((session + round) % 2).context("two proxies")?;
                let key = session.to_string();
                let sent: Fields<'_> = &[("x-user-id", key.as_bytes())];
                let from = now()?;
                let answer = client.get("reviews", "/", sent).await?;
                answers.push(Answered {
                    session,
                    from,
                    to: now()?,
                    is_v2: answer.upstream() == Some("v2"),
                });
            }
            Ok(answers)
        });
    }
    let answers: Result<Vec<Vec<Answered>>> = asking.join_all().await.into_iter().collect();
    Ok(answers?.into_iter().flatten().collect())
}

/// The gauge of the configured share of v2.
async fn share_of_v2(envoy: &Envoy) -> Result<f64> {
    let labels = [("release", "reviews"), ("version", "v2")];
    Ok(envoy.metrics().await?.sum("halftone_share_ppm", &labels))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_moves_back_while_a_version_grows_from_nobody_to_everybody() -> Result<()> {
    let start = now()? + 2_000;
    let length = u64::try_from(RAMP.as_millis())?;
    let config = reviews(json!({"canary": {
        "ramp": {
            "version": "v2", "start": time::text(start),
            "points": [
                {"after": "0s", "percentage": 0}, {"after": format!("{length}ms"), "percentage": 100},
            ],
        },
        "session": {"key": [{"header": "x-user-id"}]},
    }}));
    let releases = halftone::config::load_value(&config)?;
    let release = &*releases.all()[0];
    let curve = release.ramp().context("the release has a ramp")?.ramp();

    let upstreams = Upstreams::start().await?;
    for upstream in [&upstreams.v1, &upstreams.v2] {
        upstream.remember(false);
    }
    let proxy = || {
        let proxy = upstreams.proxy().concurrency(4).plugin(plugin(&config));
        let proxy = proxy.route(Route::header(VERSION, "v1").to("v1"));
        let proxy = proxy.route(Route::header(VERSION, "v2").to("v2"));
        Envoy::start(proxy.fallback("nobody"))
    };
    let envoys = [proxy().await?, proxy().await?];
    let clients = envoys
        .each_ref()
        .map(|envoy| Arc::new(Client::http1(envoy.address())));

    let mut moved = vec![false; SESSIONS];
    let (mut is_mixed, mut round) = (false, 0);
    loop {
        let next = tokio::time::Instant::now() + ROUND;
        let began = now()?;
        let answers = ask(&clients, round).await?;
        for Answered {
            session,
            from,
            to,
            is_v2: got,
        } in &answers
        {
            let moved = moved.get_mut(*session).context("a session")?;
            ensure!(
                *got || !*moved,
                "session {session} moved back in round {round}"
            );
            *moved = *got;
            // Between the two times every answer is right that is right at one of them.
            let (least, most) = (
                is_v2(release, *session, *from),
                is_v2(release, *session, *to),
            );
            ensure!(
                least <= *got && *got <= most,
                "session {session} at {from} to {to}: v2 is {got}"
            );
        }
        let ended = now()?;
        let count = answers.iter().filter(|answer| answer.is_v2).count() as f64;
        let all = SESSIONS as f64;
        let [least, most] = [began, ended].map(|now| curve.percentage(now) / 100.0);
        let error = |share: f64| 4.0 * (share * (1.0 - share) * all).sqrt();
        ensure!(
            count >= least * all - error(least) && count <= most * all + error(most),
            "round {round}: {count} of {all} sessions at {least} to {most}"
        );
        for envoy in &envoys {
            let share = share_of_v2(envoy).await?;
            let most = (curve.percentage(now()?) * 1e4).ceil();
            ensure!(share <= most, "{share} of at most {most} parts per million");
        }
        is_mixed |= 0.0 < count && count < all;
        if began >= start + length {
            ensure!(count == all, "{count} of {all} sessions at the end");
            break;
        }
        round += 1;
        tokio::time::sleep_until(next).await;
    }
    ensure!(is_mixed, "no round saw both versions");
    for envoy in envoys {
        wait::until(SOON, "the share of v2", async || {
            Ok(share_of_v2(&envoy).await? == 1e6)
        })
        .await?;
        envoy.check_health().await?;
        envoy.stop().await?;
    }
    Ok(())
}
