//! How many instructions the core takes: `cargo bench --bench instructions`, with a part of a name
//! to count only some.
//!
//! Valgrind's callgrind counts, so that it does not matter what else the machine does: two runs of one
//! build come to the same numbers. This program runs itself under it once for each scenario, and the
//! counts of all stay in `target/bench/instructions.json`. Which functions they are in is in
//! `target/bench/callgrind.*.out`, for `callgrind_annotate`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod scenarios;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use anyhow::{Context, Result, ensure};
use scenarios::{Run, Scenario};
use serde_json::{Map, Value, json};

/// What comes before a scenario's name where this program is to do it, and not to count.
const DO: &str = "--do";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, name] = arguments.as_slice()
        && first == DO
    {
        let mut named = scenarios::all().filter(|scenario| scenario.name == name);
        let scenario = named
            .next()
            .with_context(|| format!("there is no {name}"))?;
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
            "There is no valgrind, so no instructions are counted: install it, `apt-get install valgrind`."
        );
        return Ok(());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&folder).context("making target/bench")?;
    let mut counts = Map::new();
    println!("Instructions, as callgrind counts them:\n");
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

/// What is counted, found by its name.
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

/// Instructions of one run of `scenario`.
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
    let profile = fs::read_to_string(&file).context("reading what callgrind wrote")?;
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    let total: u64 = total.context("callgrind wrote no total")?.trim().parse()?;
    ensure!(total > 0, "callgrind counted nothing");
    Ok(total / u64::from(scenario.times))
}

fn profile(scenario: &Scenario, folder: &Path) -> PathBuf {
    let name = scenario.name.replace('/', ".");
    folder.join(format!("callgrind.{name}.out"))
}
