//! The instructions of each scenario: `cargo bench --bench instructions`. A part of a name as an argument selects scenarios.
//!
//! Valgrind's callgrind counts them, so other load on the machine does not matter: two runs of one build give the same numbers.
//! This program runs itself under Valgrind once for each scenario. It writes all counts to `target/bench/instructions.json`, and
//! profiles for `callgrind_annotate` to `target/bench/callgrind.*.out`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod scenarios;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use anyhow::{Context, Result, ensure};
use scenarios::{Run, Scenario};
use serde_json::{Map, Value, json};

/// The argument before the name of a scenario that this program runs under Valgrind.
const DO: &str = "--do";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, name] = arguments.as_slice()
        && first == DO
    {
        let mut named = scenarios::all().filter(|scenario| scenario.name == name);
        let scenario = named
            .next()
            .with_context(|| format!("unknown scenario {name}"))?;
        let mut run = (scenario.prepare)();
        run();
        counted(&mut run, scenario.times);
        return Ok(());
    }
    let wanted: Vec<_> = arguments
        .iter()
        .filter(|one| !one.starts_with('-'))
        .collect();
    if !has_valgrind() {
        println!(
            "valgrind is not in the PATH, so no instructions are counted; install it: `apt-get install valgrind`"
        );
        return Ok(());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&folder).context("creating target/bench")?;
    let mut counts = Map::new();
    println!("Instructions by callgrind:\n");
    for scenario in scenarios::all() {
        if wanted.is_empty() || wanted.iter().any(|part| scenario.name.contains(*part)) {
            let count = count(&scenario, &folder).with_context(|| scenario.name)?;
            println!("{:<30}{count:>13}", scenario.name);
            counts.insert(scenario.name.to_owned(), json!(count));
        }
    }
    if !wanted.is_empty() {
        return Ok(());
    }
    let file = folder.join("instructions.json");
    let text = format!("{:#}\n", Value::Object(counts));
    fs::write(&file, text).context("writing target/bench/instructions.json")
}

/// The function that callgrind counts; it finds the function by its name.
#[inline(never)]
fn counted(run: &mut Run, times: u32) {
    for _ in 0..times {
        run();
    }
}

fn has_valgrind() -> bool {
    let mut version = Command::new("valgrind");
    version.arg("--version").stdout(Stdio::null());
    !matches!(version.status(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// The instructions of one run of `scenario`.
fn count(scenario: &Scenario, folder: &Path) -> Result<u64> {
    let file = profile(scenario, folder);
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--toggle-collect=*instructions::counted*",
        ])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe()?)
        .args([DO, scenario.name])
        .output()
        .context("running valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed:\n{said}");
    let profile = fs::read_to_string(&file).context("reading the profile of callgrind")?;
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total
        .context("the profile of callgrind has no total")?
        .trim()
        .parse()?;
    ensure!(total > 0, "callgrind counted nothing");
    Ok(total / u64::from(scenario.times))
}

fn profile(scenario: &Scenario, folder: &Path) -> PathBuf {
    let name = scenario.name.replace('/', ".");
    folder.join(format!("callgrind.{name}.out"))
}
