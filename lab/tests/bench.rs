//! Runs the whole benchmark with few requests. The measurements mean nothing.

#![allow(clippy::indexing_slicing, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

const ROWS: [&str; 14] = [
    "none",
    "native-header",
    "native-split",
    "native-mirror",
    "empty",
    "lua",
    "header",
    "split",
    "session",
    "releases",
    "rules",
    "mirror",
    "compare",
    "ignore",
];

/// Runs the benchmark with few requests. Returns its output, and its file of results.
fn bench(rows: &str, results: &Path) -> anyhow::Result<(String, Value)> {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .envs([("ROUNDS", "1"), ("REQUESTS", "20"), ("ROWS", rows)])
        .env("RESULTS", results)
        .env_remove("COMPARE_WITH")
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report = fs::read_to_string(results.join("envoy.json"))?;
    Ok((said, serde_json::from_str(&report)?))
}

#[test]
fn every_row_is_measured_and_reported() -> anyhow::Result<()> {
    let results = tempfile::tempdir()?;
    let (said, report) = bench(&ROWS.join(","), results.path())?;
    let rows = report["rows"].as_array().context("rows")?;
    let keys: Vec<_> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
    assert_eq!(keys, ROWS);
    for row in rows {
        for field in ["cpu_us", "requests_per_second", "p50_us", "p99_us"] {
            assert!(
                row[field]["median"].as_f64() > Some(0.0),
                "{field} of {row}"
            );
        }
        assert!(row["resident_bytes"].as_u64() > Some(0), "{row}");
        assert!(
            said.contains(row["name"].as_str().context("name")?),
            "{said}"
        );
    }
    assert_eq!(report["ratios"].as_array().map(Vec::len), Some(12));
    assert!(report["module_bytes"].is_u64());
    let chart = fs::read_to_string(results.path().join("envoy.svg"))?;
    // All but the row without a filter.
    assert_eq!(chart.matches("<rect").count(), ROWS.len() - 1);
    Ok(())
}

#[test]
fn live_and_memory_can_be_measured_without_rows() -> anyhow::Result<()> {
    let results = tempfile::tempdir()?;
    let (said, report) = bench("live,memory", results.path())?;
    for pointer in [
        "/live/ms/median",
        "/memory/adds_for_each_worker_bytes/median",
    ] {
        assert!(
            report.pointer(pointer).is_some_and(Value::is_number),
            "{said}"
        );
    }
    assert_eq!(report.get("rows"), None);
    Ok(())
}

#[test]
fn an_unknown_row_is_reported_with_the_known_ones() -> anyhow::Result<()> {
    let results = tempfile::tempdir()?;
    let failed = bench("none,nothing", results.path())
        .err()
        .context("it runs")?;
    let failed = failed.to_string();
    assert!(
        failed.contains("ROWS: unknown row nothing; the rows are none, native-header"),
        "{failed}"
    );
    Ok(())
}
