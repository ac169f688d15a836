//! The console's page in a real browser, with a real Envoy and traffic.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use halftone_lab::showcase::{Showcase, USERS};
use halftone_lab::tools::workspace;
use halftone_lab::upstream::{Script, Upstream};
use halftone_lab::wait;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Requests a second to the release `reviews`.
const RATE: f64 = 60.0;

/// The longest time that a condition takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program that prints lines and reads lines. Dropping it ends it.
struct Talk {
    _program: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Talk {
    fn start(command: &mut Command) -> Result<Self> {
        let mut program = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let to = program.stdin.take().context("no standard input")?;
        let from = program.stdout.take().context("no standard output")?;
        Ok(Self {
            _program: program,
            to,
            from: BufReader::new(from).lines(),
        })
    }

    async fn next(&mut self) -> Result<String> {
        let line = self.from.next_line().await?;
        line.context("the program ended; its error is above")
    }

    /// Waits for the step `name`, and does not let the program go on.
    async fn reach(&mut self, name: &str) -> Result<()> {
        let line = self.next().await?;
        ensure!(line == name, "expected the step {name:?}, got {line:?}");
        Ok(())
    }

    async fn go_on(&mut self) -> Result<()> {
        self.answer("").await
    }

    async fn answer(&mut self, line: &str) -> Result<()> {
        Ok(self.to.write_all(format!("{line}\n").as_bytes()).await?)
    }
}

/// The version of each user, after all of them have asked again.
async fn users(showcase: &Showcase) -> Result<BTreeMap<u64, String>> {
    no_request_was_lost(showcase)?;
    let all = || showcase.reviews.seen().users.len() as u64 == USERS;
    showcase.reviews.forget();
    wait::until(PATIENCE, "all users to ask", async || Ok(all())).await?;
    Ok(showcase.reviews.seen().users)
}

/// Waits until the configuration that the console wrote decides: `user` gets `version`.
async fn waits_for(showcase: &Showcase, user: u64, version: &str) -> Result<()> {
    let has = || {
        showcase
            .reviews
            .seen()
            .users
            .get(&user)
            .is_some_and(|one| one == version)
    };
    wait::until(PATIENCE, "the new configuration", async || Ok(has())).await
}

fn no_request_was_lost(showcase: &Showcase) -> Result<()> {
    let seen = showcase.reviews.seen();
    ensure!(
        seen.failed == 0,
        "{} of {} requests failed",
        seen.failed,
        seen.answers
    );
    Ok(())
}

/// A console of a thousand releases that nobody asks for.
fn many(showcase: &Showcase) -> Result<Command> {
    let file = showcase.folder().join("many.yaml");
    let release = |number| format!("- {{ name: r{number}, hosts: [r{number}], principal: v1 }}\n");
    let releases: String = (0..1_000).map(release).collect();
    fs::write(&file, format!("releases:\n{releases}"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_halftonectl"));
    command.args(["console", "--no-open", "--view-only", "--admin"]);
    command.arg(format!("http://{}", showcase.envoy.admin()));
    command.arg("--file").arg(file);
    Ok(command)
}

/// Text that runs a script if a page takes it for markup.
const MARKUP: &str = "<img src=x onerror=window.__pwned=1>";

/// A configuration whose release, host, versions and mirror have markup in their names.
fn hostile_config(comment: &str) -> String {
    let text = |name: &str| {
        json!(format!(
            "{name} \"'{MARKUP}</script><script>window.__pwned=1</script>"
        ))
    };
    let release = json!({
        "name": text("a"), "hosts": [text("host")], "principal": text("v1"),
        "canary": {"rules": [{"name": text("rule"), "version": text("v2")}], "split": [{"version": text("v2"), "weight": 10}]},
        "mirrors": [{"name": text("mirror"), "cluster": "c", "compare": {"samples": 1}}],
    });
    let other = json!({"name": "javascript:window.__pwned=1", "hosts": [text("other")], "principal": MARKUP});
    format!("# {comment}\n{}\n", json!({"releases": [release, other]}))
}

/// A sample of answers with markup at every place.
fn hostile_sample() -> String {
    let text = |name: &str| format!("{name} {MARKUP}<script>window.__pwned=1</script>");
    let pair = json!({
        "release": serde_json::from_str::<Value>(hostile_config("").lines().nth(1).unwrap_or_default())
            .ok().and_then(|config| config.pointer("/releases/0/name").cloned()),
        "mirror": text("mirror"), "requestId": text("id"), "method": text("GET"), "path": text("/"), "result": text("body"),
        "note": text("note"),
        "differences": [
            {"pointer": text("/a"), "production": text("production"), "mirror": text("mirror")},
            {"header": text("x"), "production": text("production"), "mirror": null},
        ],
    });
    format!("halftone: {pair}\n")
}

/// A console of texts with markup, the file of its configuration, and the proxy that it asks.
async fn hostile(showcase: &Showcase) -> Result<(Command, PathBuf, Upstream)> {
    let proxy = Upstream::start("hostile").await?;
    let label = MARKUP.replace('"', "\\\"");
    proxy.direct(move |_| {
        let labels = format!("release=\"of metrics {label}\",version=\"{label}\"");
        Script::status(200).body(format!(
            "halftone_requests_total{{{labels},reason=\"{label}\"}} 1\nhalftone_guard{{{labels}}} 1\n"
        ))
    });
    let file = showcase.folder().join("hostile.yaml");
    fs::write(&file, hostile_config("begin"))?;
    let log = showcase.folder().join("hostile.log");
    fs::write(&log, hostile_sample())?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_halftonectl"));
    command.args(["console", "--no-open", "--admin"]);
    command.arg(format!("http://{}", proxy.address()));
    command.arg("--file").arg(&file).arg("--log").arg(log);
    Ok((command, file, proxy))
}

/// The console of the showcase. Its user is ada.
async fn console(showcase: &Showcase) -> Result<(Talk, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halftonectl"));
    command
        .args(showcase.arguments("127.0.0.1:0"))
        .env("USER", "ada");
    linked(&mut command).await
}

/// A console, and its link.
async fn linked(command: &mut Command) -> Result<(Talk, String)> {
    let mut console = Talk::start(command)?;
    let line = console.next().await?;
    let link = line.strip_prefix("Console: ").context("no link")?;
    Ok((console, link.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_seen_and_driven_in_a_browser() -> Result<()> {
    let showcase = Showcase::start(RATE).await?;
    let (first, link) = console(&showcase).await?;
    let (_many, many_link) = linked(&mut many(&showcase)?).await?;
    let (mut command, hostile_file, _proxy) = hostile(&showcase).await?;
    let (_hostile, hostile_link) = linked(&mut command).await?;
    let script = workspace().join("console/browser/proof.mjs");
    let mut page = Command::new("node");
    page.arg(script).env("LINK", link).env("MANY", many_link);
    page.env("HOSTILE", hostile_link);
    page.env("ADMIN", format!("http://{}", showcase.envoy.admin()));
    if let Some(shots) = env::var_os("SHOTS") {
        let shots = workspace().join(PathBuf::from(shots));
        fs::create_dir_all(&shots)?;
        page.env("SHOTS", shots);
    }
    let mut page = Talk::start(&mut page)?;
    let text = || fs::read_to_string(showcase.file()).context("reading the configuration");

    page.reach("ready").await?;
    let before = users(&showcase).await?;
    page.go_on().await?;

    page.reach("weight 30").await?;
    ensure!(
        text()?.contains("# Ten percent since Monday."),
        "{}",
        text()?
    );
    let share = |users: &BTreeMap<u64, String>| {
        users.values().filter(|one| *one == "v2").count() as f64 / USERS as f64
    };
    // Four standard errors of 400 draws are 9.2 percent.
    let has_moved = || (share(&showcase.reviews.seen().users) - 0.3).abs() < 0.1;
    wait::until(PATIENCE, "30 % of the users to have v2", async || {
        Ok(has_moved())
    })
    .await?;
    let after = users(&showcase).await?;
    ensure!(
        (share(&after) - 0.3).abs() < 0.1,
        "{} % have v2",
        100.0 * share(&after)
    );
    for (user, version) in &before {
        let is_back = version == "v2" && after.get(user).is_some_and(|one| one != "v2");
        ensure!(!is_back, "user {user} moved back");
    }
    page.go_on().await?;

    page.reach("bad edit").await?;
    ensure!(!text()?.contains("weigth"), "{}", text()?);
    page.go_on().await?;

    page.reach("ignored").await?;
    ensure!(
        text()?.contains(r#"ignore: [ "/items/*/price" ]"#),
        "{}",
        text()?
    );
    no_request_was_lost(&showcase)?;
    page.go_on().await?;

    page.reach("rollback").await?;
    let Some(moved) = after.iter().find(|(_, version)| *version == "v2") else {
        bail!("nobody has v2");
    };
    let are_back = || {
        showcase
            .reviews
            .seen()
            .users
            .values()
            .all(|version| version == "v1")
    };
    wait::until(PATIENCE, "all users to have v1", async || Ok(are_back())).await?;
    no_request_was_lost(&showcase)?;
    page.go_on().await?;

    page.reach("put back").await?;
    waits_for(&showcase, *moved.0, "v2").await?;
    no_request_was_lost(&showcase)?;
    page.go_on().await?;

    page.reach("rolled back by the keyboard").await?;
    wait::until(PATIENCE, "all users to have v1", async || Ok(are_back())).await?;
    page.go_on().await?;

    page.reach("paused").await?;
    ensure!(text()?.contains("hold: "), "{}", text()?);
    page.go_on().await?;

    page.reach("resumed").await?;
    ensure!(!text()?.contains("hold: "), "{}", text()?);
    page.go_on().await?;

    page.reach("v2 fails").await?;
    let [_, v2, _] = &showcase.versions;
    v2.script(Script::status(500));
    page.go_on().await?;

    page.reach("guarded").await?;
    showcase.reviews.forget();
    let all_have_v1 = || {
        let users = showcase.reviews.seen().users;
        users.len() as u64 == USERS && users.values().all(|version| version == "v1")
    };
    wait::until(PATIENCE, "all users to have v1", async || Ok(all_have_v1())).await?;
    no_request_was_lost(&showcase)?;
    page.go_on().await?;

    page.reach("hostile change").await?;
    fs::write(hostile_file, hostile_config(MARKUP))?;
    page.go_on().await?;

    page.reach("restart").await?;
    drop(first);
    let (_second, link) = console(&showcase).await?;
    page.answer(&link).await?;

    page.reach("put back after a restart").await?;
    ensure!(text()?.contains("weight: 10"), "{}", text()?);
    page.go_on().await?;

    page.reach("stop Envoy").await?;
    let Showcase { envoy, .. } = showcase;
    envoy.stop().await?;
    page.go_on().await?;

    page.reach("end").await
}
