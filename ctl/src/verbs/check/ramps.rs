//! Ramps that ended. A note is no finding: the release works as configured.

use halftone::config::time;

use super::accepted::Accepted;
use super::given::PlacedFinding;

/// A note for each ramp that ended before `now`, in milliseconds since 1970-01-01T00:00:00Z.
pub fn ended(configurations: &[Accepted<'_>], now: u64) -> Vec<PlacedFinding> {
    let releases = configurations.iter().flat_map(Accepted::releases);
    let note = releases.filter_map(|served| {
        let ramp = served.release.ramp()?;
        let curve = ramp.ramp();
        if curve.hold().is_some() || curve.end() >= now {
            return None;
        }
        let (version, percentage) = (ramp.version().name(), curve.percentage(now));
        let message = format!(
            "the ramp ended at {}, and {version} stays at {percentage} %; write the split, or the principal, that you want to keep, and remove ramp",
            time::text(curve.end())
        );
        Some(served.finding("canary.ramp", message).of("ended-ramp"))
    });
    note.collect()
}
