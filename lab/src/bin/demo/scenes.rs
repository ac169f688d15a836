//! The scenes, in their order.

mod bad_mirrors;
mod bad_update;
mod blue_green;
mod client_os;
mod compare;
mod header_rule;
mod metrics;
mod sessions;
mod split;

use anyhow::Result;

use crate::stage::Stage;
use crate::story::Story;

/// Plays them all.
pub async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    story.title(
        "Halftone: grayscale releases inside Envoy",
        "The service `reviews` runs in two versions, v1 and v2, behind a real Envoy. Halftone,\n\
         a filter in that Envoy, decides for each request which version gets it. All that is\n\
         observed below came back over the wire; `v2, rule:jason` means that v2 answered and\n\
         that Halftone gave the rule `jason` as its reason.",
    )?;
    header_rule::play(stage, story).await?;
    client_os::play(stage, story).await?;
    split::play(stage, story).await?;
    sessions::play(stage, story).await?;
    blue_green::play(stage, story).await?;
    bad_update::play(stage, story).await?;
    compare::play(stage, story).await?;
    bad_mirrors::play(stage, story).await?;
    metrics::play(stage, story).await
}
