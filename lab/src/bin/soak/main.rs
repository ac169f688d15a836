//! `make soak`: Halftone under load for `MINUTES`, 30 by default, with everything that a release can do.
//!
//! Each second Envoy gets a new configuration. Meanwhile a ramp moves all sessions, a guarded version fails and comes
//! back, a version loses its endpoints and gets them back, requests are mirrored and compared, and hundreds of tunnels
//! are open. The program prints a line each minute and a table at the end. It exits with 1 if an observation is not as
//! expected.
//!
//! # Layout
//!
//! - [`plan`] has the times and the configurations, [`stage`] what runs.
//! - [`traffic`] and [`tunnels`] are the clients, [`outages`] is what happens to the versions.
//! - [`memory`] is the slope of Envoy's memory. [`accounts`] compares Envoy's counters with what the clients saw.
//!   [`summary`] is the table.

mod accounts;
mod memory;
mod outages;
mod plan;
mod stage;
mod summary;
mod traffic;
mod tunnels;

use std::env;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use halftone_lab::envoy::Applied;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use memory::Samples;
use outages::Outages;
use plan::Plan;
use stage::{PLUGIN, Stage};
use summary::Row;
use traffic::{Kind, Tally, Traffic};
use tunnels::Counts;

/// The traffic: a release, requests a second, and users.
const TRAFFIC: [Kind; 5] = [
    Kind::of(plan::RAMP, 50, 500),
    Kind::of(plan::GUARDED, 100, 2_000),
    Kind::of(plan::VANISHING, 50, 500).with_bodies(),
    Kind::of(plan::MIRRORED, 50, 500),
    Kind::of(plan::CHANGING, 50, 500),
];

/// The length of a run.
const MINUTES: u32 = 30;

/// The shortest run: two cycles.
const FEWEST_MINUTES: u32 = 2;

/// The most requests with a body that one loss of all endpoints may cost: those that are sent before the first response
/// without an endpoint.
const LOST_EACH: u64 = 10;

/// The longest time from the first failure of a version to the verdict, in milliseconds. 30 failures a second need a
/// second or two; a busy machine needs a multiple.
const SLOWEST_VERDICT: u64 = 15_000;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The soak test failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all observations are as expected.
async fn run() -> Result<bool> {
    let plan = Plan::new(minutes()?)?;
    let outages = Outages::new();
    let stage = Stage::start(&plan.configuration(0, 3)).await?;
    println!("Envoy serves at http://{}", stage.envoy.address());
    let start = Instant::now();
    let (done, is_done) = watch::channel(false);
    let traffic = TRAFFIC.map(|kind| Traffic::start(stage.envoy.address(), kind));
    let tunnels = tunnels::keep(stage.envoy.address(), plan::MIRRORED, is_done.clone());
    let tunnels = tokio::spawn(tunnels);

    let watching = async {
        let all = tokio::join!(
            outages.of_guarded(&stage, &plan, start),
            outages.of_vanishing(&stage, &plan, start),
            sleep_until(start + plan.length),
        );
        done.send_replace(true);
        all
    };
    let ((guard, fallback, ()), updates, samples) = tokio::join!(
        watching,
        update(&stage, &plan, &outages, is_done.clone()),
        sample(&stage, &traffic, &outages, start, is_done),
    );
    let samples = samples?;
    let tunnels = tunnels.await.context("the tunnels")?;
    let mut tallies = Vec::new();
    for traffic in traffic {
        tallies.push(traffic.stop().await?);
    }

    let log = stage.envoy.log()?;
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count() as u64;
    let mut rows = vec![
        Row::without_error("the guard", &guard),
        Row::without_error("the fallback", &fallback),
        Row::without_error("the updates", &updates),
    ];
    rows.extend(of_outages(&plan, &outages, lines("guard of release")));
    rows.extend(of_clients(&tallies, &tunnels, &outages));
    rows.extend(accounts::rows(&stage, &tallies, tunnels.opened).await?);
    rows.extend([
        Row::equal(
            "lines of Envoy's log at level critical",
            0,
            lines("[critical]"),
        ),
        Row::without_error("Envoy and the VMs", &stage.envoy.check_health().await),
    ]);
    if let Some(warm_up) = memory::warm_up(plan.length) {
        let slope = samples.slope(warm_up);
        rows.push(Row::slope(
            "growth of Envoy's private memory",
            memory::MOST_GROWTH,
            slope,
            "MiB/min",
        ));
    } else {
        println!(
            "The run is too short to measure the growth of Envoy's memory; MINUTES=10 is long enough."
        );
    }
    println!("\n{}", summary::text(&rows));
    stage.envoy.stop().await?;
    Ok(summary::is_expected(&rows))
}

/// The outages, of which Envoy's log has `logged` verdicts.
fn of_outages(plan: &Plan, outages: &Outages, logged: u64) -> [Row; 4] {
    let [verdicts, slowest, vanished] = [&outages.verdicts, &outages.slowest, &outages.vanished]
        .map(|count| count.load(Ordering::Relaxed));
    let cycles = u64::from(plan.cycles);
    [
        Row::equal(
            "outages of the guarded version, with a verdict",
            cycles,
            verdicts,
        ),
        Row::equal("verdicts in Envoy's log", cycles, logged),
        Row::at_most("longest time to a verdict, in ms", SLOWEST_VERDICT, slowest),
        Row::equal(
            "losses of all endpoints, with a return",
            2 * cycles,
            vanished,
        ),
    ]
}

/// What the clients saw. Prints the first error of each.
fn of_clients(tallies: &[(Kind, Tally)], tunnels: &Counts, outages: &Outages) -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, tally) in tallies {
        let host = kind.host;
        rows.push(Row::equal(
            &format!("{host}: requests that no version answered"),
            0,
            tally.lost,
        ));
        if let Some(first) = &tally.first_lost {
            println!("{host}: the first request that no version answered: {first}");
        }
        if kind.bodies {
            let most = LOST_EACH * outages.vanished.load(Ordering::Relaxed);
            let what = format!("{host}: requests with a body that met no endpoint");
            rows.push(Row::at_most(&what, most, tally.lost_with_body));
        }
        if host == plan::RAMP {
            let moved = tally.moved.len() as u64;
            rows.push(Row::equal(
                "ramp: sessions that moved back",
                0,
                tally.moved_back,
            ));
            rows.push(Row::equal(
                "ramp: sessions that moved to v2",
                kind.users,
                moved,
            ));
        }
    }
    rows.push(Row::at_least(
        "tunnels that were opened",
        tunnels::OPEN,
        tunnels.opened,
    ));
    rows.push(Row::equal("tunnels that broke", 0, tunnels.broken));
    if let Some(first) = &tunnels.first_broken {
        println!("The first tunnel that broke: {first}");
    }
    rows
}

/// The variable `MINUTES`.
fn minutes() -> Result<u32> {
    let Ok(text) = env::var("MINUTES") else {
        return Ok(MINUTES);
    };
    let minutes = text.parse().with_context(|| {
        format!("MINUTES: expected a whole number, got {text:?}; write MINUTES=30")
    })?;
    ensure!(
        minutes >= FEWEST_MINUTES,
        "MINUTES: expected at least {FEWEST_MINUTES}, got {minutes}; write MINUTES={FEWEST_MINUTES}"
    );
    Ok(minutes)
}

/// Applies a new configuration each second, until `done` is true.
async fn update(
    stage: &Stage,
    plan: &Plan,
    outages: &Outages,
    done: watch::Receiver<bool>,
) -> Result<()> {
    let mut due = interval(Duration::from_secs(1));
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for update in 1.. {
        due.tick().await;
        if *done.borrow() {
            break;
        }
        let config = plan.configuration(update, outages.at_least.load(Ordering::Relaxed));
        let applied = stage.envoy.apply(PLUGIN, Some(&config.to_string())).await;
        let applied = applied.with_context(|| format!("update {update}"))?;
        ensure!(
            applied == Applied::Accepted,
            "Halftone rejected update {update}"
        );
    }
    Ok(())
}

/// Samples Envoy's memory each second and prints a line each minute, until `done` is true.
async fn sample(
    stage: &Stage,
    traffic: &[Traffic],
    outages: &Outages,
    start: Instant,
    done: watch::Receiver<bool>,
) -> Result<Samples> {
    let mut samples = Samples::default();
    let mut due = interval(Duration::from_secs(1));
    due.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut minute = 1;
    while !*done.borrow() {
        due.tick().await;
        let memory = stage.envoy.private_memory()?;
        samples.0.push((start.elapsed(), memory));
        if start.elapsed() < Duration::from_secs(60) * minute {
            continue;
        }
        let tallies: Vec<_> = traffic.iter().map(Traffic::tally).collect();
        let sum = |part: fn(&Tally) -> u64| tallies.iter().map(part).sum::<u64>();
        let resource = format!("extension_config_discovery.http_filter.{PLUGIN}.update_success");
        println!(
            "minute {minute}: {} requests, {} that no version answered, {} updates, {} verdicts, \
             {} losses of endpoints, {:.1} MiB",
            sum(|tally| tally.answers),
            sum(|tally| tally.lost + tally.lost_with_body),
            stage.envoy.stat(&resource).await?,
            outages.verdicts.load(Ordering::Relaxed),
            outages.vanished.load(Ordering::Relaxed),
            memory as f64 / f64::from(1 << 20),
        );
        minute += 1;
    }
    Ok(samples)
}
