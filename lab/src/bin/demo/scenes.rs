//! The scenes in their order.

mod bad_mirrors;
mod bad_update;
mod blue_green;
mod client_os;
mod compare;
mod fallback;
mod guard;
mod header_rule;
mod metrics;
mod ramp;
mod sessions;
mod split;

use anyhow::Result;

use crate::stage::Stage;
use crate::story::Story;

/// Plays all scenes.
pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.title(
        "Halftone: grayscale releases inside Envoy",
        "The service `reviews` runs in two versions, v1 and v2, behind a real Envoy. Halftone\n\
         is a filter in that Envoy. It decides for each request which version gets it. All\n\
         observations below are from real answers and metrics. `v2, rule:jason` means that v2\n\
         answered, and that Halftone's reason was the rule `jason`.",
    )?;
    header_rule::play(stage, story).await?;
    client_os::play(stage, story).await?;
    split::play(stage, story).await?;
    sessions::play(stage, story).await?;
    ramp::play(stage, story).await?;
    blue_green::play(stage, story).await?;
    bad_update::play(stage, story).await?;
    compare::play(stage, story).await?;
    bad_mirrors::play(stage, story).await?;
    metrics::play(stage, story).await?;
    guard::play(stage, story).await?;
    fallback::play(stage, story).await
}
