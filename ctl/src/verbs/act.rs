//! `set-weight`, `take-over`, `restore`, `switch`, `promote`, `rollback`, `pause` and `resume`: the actions on a release.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use halftone_resources::action::{self, Action, ActionError, Change, Weight};

use crate::change::WhoMoves;
use crate::outcome::{Failure, Finding, Verdict};
use crate::source;
use crate::terminal::{BAD, FAINT, GOOD, Line, STRONG};

/// What all actions take.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The configuration, which is edited in place
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The release, if FILE has several
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// The arguments of `set-weight`.
#[derive(Debug, clap::Args)]
pub struct WeightArgs {
    /// The release.
    #[command(flatten)]
    pub target: Target,
    /// The new weights. If they name all versions but one, that one gets the rest of 100
    #[arg(value_name = "VERSION=WEIGHT", required = true, value_parser = weight)]
    pub weights: Vec<Weight>,
}

/// The arguments of an action that names a version.
#[derive(Debug, clap::Args)]
pub struct VersionArgs {
    /// The release.
    #[command(flatten)]
    pub target: Target,
    /// The version
    #[arg(value_name = "VERSION")]
    pub version: String,
}

/// The arguments of an action that needs no more than the release.
#[derive(Debug, clap::Args)]
pub struct AloneArgs {
    /// The release.
    #[command(flatten)]
    pub target: Target,
}

fn weight(text: &str) -> Result<Weight, String> {
    const WRITTEN: &str = "write VERSION=WEIGHT, such as v2=30";
    let (version, weight) = text.split_once('=').ok_or(WRITTEN)?;
    let weight: f64 = weight.parse().map_err(|_| WRITTEN)?;
    if !(weight.is_finite() && weight >= 0.0) {
        return Err("the weight is not 0 or more".into());
    }
    Ok(Weight {
        version: version.into(),
        weight,
    })
}

/// Sets weights.
///
/// # Errors
///
/// As [`run_alone`].
pub fn set_weight(args: &WeightArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    act(&args.target, &Action::SetWeight(args.weights.clone()), out)
}

/// Performs an action that names a version.
///
/// # Errors
///
/// As [`run_alone`].
pub fn run(
    args: &VersionArgs,
    action: impl Fn(String) -> Action,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    act(&args.target, &action(args.version.clone()), out)
}

/// Performs an action that needs no more than the release.
///
/// # Errors
///
/// The file cannot be read or written, or the action is refused.
pub fn run_alone(
    args: &AloneArgs,
    action: Action,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    act(&args.target, &action, out)
}

fn act(target: &Target, action: &Action, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let file = target.file.as_str();
    if file == source::STDIN {
        return Err(Failure::Usage(
            "an action edits its file in place; give a file name instead of -".into(),
        ));
    }
    let text = source::text(file)?;
    let now = now();
    let change = action::apply(&text, target.release.as_deref(), action, now)
        .map_err(|error| refused(file, error))?;
    show(file, &change, now, out)?;
    let end = match (change.diff.is_empty(), target.dry_run) {
        (true, _) => "nothing to change",
        (false, true) => "not changed, because of --dry-run",
        (false, false) => {
            out.flush()?;
            source::replace(file, &text, &change.text)?;
            "changed"
        }
    };
    writeln!(out, "{}", Line::from(format!("{file}: {end}.")))?;
    Ok(Verdict::Fine)
}

/// The time in milliseconds since 1970-01-01T00:00:00Z.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 or after the year 500 million is wrong anyway.
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Prints who moves, the diff, and the notes.
fn show(file: &str, change: &Change, now: u64, out: &mut dyn Write) -> Result<(), Failure> {
    let outcome = &change.outcome;
    if !change.diff.is_empty() {
        let moves = WhoMoves::with(outcome, now).map(|moves| moves.to_string());
        let title = Line::styled(STRONG, format!("release {}", outcome.release));
        writeln!(out, "{}", title.and(": ").and(moves.unwrap_or_default()))?;
        writeln!(out, "\n{}", Line::styled(FAINT, format!("--- {file}")))?;
        writeln!(out, "{}", Line::styled(FAINT, format!("+++ {file}")))?;
        for line in change.diff.lines() {
            let line = match line.as_bytes().first() {
                Some(b'+') => Line::styled(GOOD, line),
                Some(b'-') => Line::styled(BAD, line),
                Some(b'@') => Line::styled(FAINT, line),
                _ => Line::from(line),
            };
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    for note in &outcome.notes {
        writeln!(out, "{}", Line::from(note.as_str()))?;
    }
    Ok(())
}

fn refused(file: &str, error: ActionError) -> Failure {
    match error {
        ActionError::Unreadable(error) => Failure::Refused(vec![source::unreadable(file, &error)]),
        ActionError::InvalidBefore(violations) | ActionError::InvalidAfter(violations) => {
            Failure::Refused(source::findings(file, None, "", &violations))
        }
        ActionError::SeveralReleases(names) => Failure::Usage(format!(
            "{file}: has {} releases; choose one with --release: {}",
            names.len(),
            names.join(", ")
        )),
        ActionError::Shared(path) => {
            let message = ActionError::Shared(String::new()).to_string();
            Failure::Refused(vec![Finding {
                file: file.into(),
                resource: None,
                path,
                message: message.trim_start_matches(": ").into(),
            }])
        }
        other => Failure::refused(file, other.to_string()),
    }
}
