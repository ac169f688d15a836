//! The budget of a request: the check that fails when a change makes the filter dearer.
//!
//! It is a multiple of the floor, which is measured in the same run. So it depends neither on the machine nor on what
//! Envoy's own part of a request costs.

use anyhow::{Context, Result, ensure};

use crate::costs::{Costs, thousands};
use crate::goals;

/// What the header rule adds, as a multiple of what the floor adds, when this was last changed. `make cost` prints it.
const HEADER_OVER_FLOOR: f64 = 1.22;

/// How much more is within the budget.
const TOLERANCE: f64 = 1.03;

/// Checks the budget, and says what was measured.
///
/// # Errors
///
/// If the header rule costs more than its budget.
pub fn check(costs: &Costs) -> Result<String> {
    let measured = goals::over(costs, "header", "floor").context("the rows are missing")?;
    let most = HEADER_OVER_FLOOR * TOLERANCE;
    let added = |key| costs.added(key).map(thousands).unwrap_or_default();
    let said = format!(
        "A header rule adds {} k instructions to a request, {measured:.3} times the {} k of the floor; the budget is {most:.3}",
        added("header"),
        added("floor"),
    );
    ensure!(
        measured <= most,
        "{said}. Find out what makes the request dearer (docs/performance.md), or raise HEADER_OVER_FLOOR in {}",
        file!()
    );
    Ok(format!("{said}."))
}
