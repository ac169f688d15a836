//! A change of a configuration, before it is applied.

use std::collections::BTreeMap;
use std::time::Duration;

use halftone_resources::action::{self, Action, Weight};
use serde::{Deserialize, Serialize};

use crate::judge::{Finding, Judge, Moves};

/// A change that the page asks for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", deny_unknown_fields)]
pub enum Wanted {
    /// Another text.
    Text {
        /// The text.
        text: String,
    },
    /// The text before an entry of the history.
    PutBack {
        /// The number of the entry.
        entry: u64,
    },
    /// Weights of the split.
    SetWeight {
        /// The weight of each version.
        weights: BTreeMap<String, f64>,
    },
    /// A version takes all requests.
    TakeOver {
        /// The version.
        version: String,
    },
    /// Rules and split decide again.
    Restore,
    /// The other version of a blue-green release becomes active.
    Switch {
        /// The version.
        version: String,
    },
    /// A version becomes the principal.
    Promote {
        /// The version.
        version: String,
    },
    /// All requests go to the safe version.
    Rollback,
    /// The ramp is held at the percentage that it has.
    Pause,
    /// The ramp continues.
    Resume,
    /// A place of a mirror's answers is not compared.
    Ignore {
        /// The mirror.
        mirror: String,
        /// The place.
        pointer: String,
    },
}

/// A change that can be looked at, and applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepared {
    /// The action, as `halftonectl` names it.
    pub action: String,
    /// The text after.
    pub text: String,
    /// The changed lines, as a unified diff without a header. Empty: nothing changes.
    pub diff: String,
    /// What the user must know or do as well.
    pub notes: Vec<String>,
    /// What is wrong with the text after. It can be applied only if this is empty.
    pub findings: Vec<Finding>,
    /// The sessions that move. None: the release is not in both texts, or the text after has violations.
    pub moves: Option<Moves>,
}

impl Wanted {
    /// The action on a release. None: it is a text.
    fn action(&self) -> Option<Action> {
        Some(match self {
            Self::Text { .. } | Self::PutBack { .. } | Self::Ignore { .. } => return None,
            Self::SetWeight { weights } => {
                let weights = weights.iter().map(|(version, weight)| Weight {
                    version: version.clone(),
                    weight: *weight,
                });
                Action::SetWeight(weights.collect())
            }
            Self::TakeOver { version } => Action::TakeOver(version.clone()),
            Self::Restore => Action::Restore,
            Self::Switch { version } => Action::Switch(version.clone()),
            Self::Promote { version } => Action::Promote(version.clone()),
            Self::Rollback => Action::Rollback,
            Self::Pause => Action::Pause,
            Self::Resume => Action::Resume,
        })
    }

    /// The words by which the history names it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Text { .. } => "edit".into(),
            Self::PutBack { entry } => format!("put back {entry}"),
            Self::SetWeight { weights } => {
                let weights = weights.iter();
                let weights: Vec<String> = weights
                    .map(|(version, weight)| format!("{version}={weight}"))
                    .collect();
                format!("set-weight {}", weights.join(" "))
            }
            Self::TakeOver { version } => format!("take-over {version}"),
            Self::Restore => "restore".into(),
            Self::Switch { version } => format!("switch {version}"),
            Self::Promote { version } => format!("promote {version}"),
            Self::Rollback => "rollback".into(),
            Self::Pause => "pause".into(),
            Self::Resume => "resume".into(),
            Self::Ignore { mirror, pointer } => format!("ignore {pointer} of {mirror}"),
        }
    }
}

/// Prepares a change of `release` in `before`. `former` is the text that [`Wanted::PutBack`] asks for. `now` is in
/// milliseconds since 1970.
///
/// # Errors
///
/// The action does not fit the release. The error is a sentence.
pub fn prepare(
    judge: &dyn Judge,
    before: &str,
    release: &str,
    wanted: &Wanted,
    former: Option<String>,
    now: u64,
) -> Result<Prepared, String> {
    let name = (!release.is_empty()).then_some(release);
    let (text, notes) = match (wanted, wanted.action()) {
        (_, Some(action)) => {
            let change =
                action::apply(before, name, &action, now).map_err(|error| error.to_string())?;
            (change.text, change.outcome.notes)
        }
        (Wanted::Text { text }, _) => (text.clone(), Vec::new()),
        (Wanted::Ignore { mirror, pointer }, _) => {
            let text = action::ignore(before, release, mirror, pointer);
            (text.map_err(|error| error.to_string())?, Vec::new())
        }
        _ => {
            let former = former.ok_or("the text of this entry is no longer kept")?;
            (former, Vec::new())
        }
    };
    let findings = judge.check(&text);
    let moves = if findings.is_empty() && !release.is_empty() {
        judge.moves(before, &text, release, now)
    } else {
        None
    };
    Ok(Prepared {
        action: wanted.name(),
        diff: diff(before, &text),
        text,
        notes,
        findings,
        moves,
    })
}

/// The time for the shortest diff. After it, the diff is right and may be longer.
const PATIENCE: Duration = Duration::from_millis(200);

/// The most bytes of a diff.
pub const LARGEST_DIFF: usize = 128 << 10;

/// The changed lines between two texts, as a unified diff without a header. A last line says how many more there are.
#[must_use]
pub fn diff(before: &str, after: &str) -> String {
    diff_within(PATIENCE, before, after)
}

fn diff_within(patience: Duration, before: &str, after: &str) -> String {
    let diff = similar::TextDiff::configure()
        .timeout(patience)
        .diff_lines(before, after);
    let mut text = diff.unified_diff().to_string();
    let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
    if text.len() > LARGEST_DIFF {
        let all = lines(&text);
        let shown = text.as_bytes().get(..LARGEST_DIFF).unwrap_or_default();
        let end = shown.iter().rposition(|byte| *byte == b'\n');
        text.truncate(end.map_or(0, |end| end + 1));
        let more = all - lines(&text);
        text.push_str(&format!("… {more} more lines\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a diff that begin with `sign`, without it.
    fn marked(diff: &str, sign: char) -> Vec<&str> {
        diff.lines()
            .filter_map(|line| line.strip_prefix(sign))
            .collect()
    }

    #[test]
    fn a_diff_without_time_is_right() {
        let before: Vec<String> = (0..3_000).map(|line| format!("a{line}")).collect();
        let after: Vec<String> = (0..3_000).map(|line| format!("b{line}")).collect();
        let text = |lines: &[String]| lines.join("\n") + "\n";
        let diff = diff_within(Duration::ZERO, &text(&before), &text(&after));
        assert_eq!(marked(&diff, '-'), before);
        assert_eq!(marked(&diff, '+'), after);
    }

    #[test]
    fn a_diff_is_bounded_and_says_what_is_missing() {
        let text = |name: &str| -> String {
            (0..20_000)
                .map(|line| format!("{name}: {}\n", line % 7))
                .collect()
        };
        let diff = diff(&text("before"), &text("after"));
        let shown = marked(&diff, '-').len() + marked(&diff, '+').len();
        assert!(diff.len() < LARGEST_DIFF + 100, "{}", diff.len());
        // The header of the only hunk is a line too.
        let last = format!("… {} more lines", 40_000 - shown);
        assert_eq!(diff.lines().last(), Some(&*last));
    }
}
