//! `set-weight`, `take-over`, `restore`, `switch`, `promote`, `rollback`, `pause` and `resume`: the actions on a release.

use std::io::Write;
use std::path::PathBuf;

use halftone_resources::action::{self, Action, ActionError, Change, Weight};

use crate::change::WhoMoves;
use crate::clock;
use crate::cluster::{Cluster, PluginName};
use crate::outcome::{Failure, Finding, Verdict};
use crate::source;
use crate::terminal::{BAD, FAINT, GOOD, Line, STRONG};

/// What all actions take.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The release and its cluster.
    #[command(flatten)]
    pub choice: Choice,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// The release, and the plugin of a cluster that has it.
#[derive(Debug, clap::Args)]
pub struct Choice {
    /// The release, if there are several
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,
    /// This plugin of the cluster, in place of FILE
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = PluginName::read)]
    pub plugin: Option<PluginName>,
    /// The kubeconfig of the cluster, if not that of KUBECONFIG or your own
    #[arg(long, value_name = "FILE", requires = "plugin")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, if not the current one
    #[arg(long, value_name = "NAME", requires = "plugin")]
    pub context: Option<String>,
}

impl Choice {
    /// The cluster of the plugin.
    ///
    /// # Errors
    ///
    /// There is no kubeconfig, or it cannot be used.
    pub fn cluster(&self) -> Result<Cluster, Failure> {
        Cluster::new(self.kubeconfig.as_deref(), self.context.as_deref())
    }
}

/// The arguments of `set-weight`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "halftonectl set-weight [OPTIONS] <FILE|--plugin NAMESPACE/NAME> <VERSION=WEIGHT>..."
)]
pub struct WeightArgs {
    /// FILE, which is edited in place, then the new weights. If they name all versions but one, that one gets the rest
    /// of 100
    #[arg(value_name = "FILE VERSION=WEIGHT", required = true)]
    pub words: Vec<String>,
    /// The release.
    #[command(flatten)]
    pub target: Target,
}

/// The arguments of an action that names a version.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
pub struct VersionArgs {
    /// The configuration, which is edited in place
    #[arg(
        value_name = "FILE",
        required_unless_present = "plugin",
        conflicts_with = "plugin"
    )]
    pub file: Option<String>,
    /// The version
    #[arg(value_name = "VERSION", required = true)]
    pub version: String,
    /// The release.
    #[command(flatten)]
    pub target: Target,
}

/// The arguments of an action that needs no more than the release.
#[derive(Debug, clap::Args)]
pub struct AloneArgs {
    /// The configuration, which is edited in place
    #[arg(
        value_name = "FILE",
        required_unless_present = "plugin",
        conflicts_with = "plugin"
    )]
    pub file: Option<String>,
    /// The release.
    #[command(flatten)]
    pub target: Target,
}

/// Sets weights.
///
/// # Errors
///
/// As [`run_alone`].
pub fn set_weight(args: &WeightArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let (file, words) = match (&args.target.choice.plugin, args.words.split_first()) {
        (None, Some((file, words))) => (Some(file.as_str()), words),
        _ => (None, args.words.as_slice()),
    };
    if words.is_empty() {
        return Err(Failure::Usage(format!("no weight; {WEIGHT}")));
    }
    let weights: Result<Vec<Weight>, String> = words.iter().map(|word| weight(word)).collect();
    let action = Action::SetWeight(weights.map_err(Failure::Usage)?);
    act(file, &args.target, &action, out)
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
    let action = action(args.version.clone());
    act(args.file.as_deref(), &args.target, &action, out)
}

/// Performs an action that needs no more than the release.
///
/// # Errors
///
/// The file or the plugin cannot be read or written, or the action is refused.
pub fn run_alone(
    args: &AloneArgs,
    action: &Action,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    act(args.file.as_deref(), &args.target, action, out)
}

const WEIGHT: &str = "write VERSION=WEIGHT, such as v2=30";

fn weight(text: &str) -> Result<Weight, String> {
    let wrong = || format!("{text} is not a weight; {WEIGHT}");
    let (version, weight) = text.split_once('=').ok_or_else(wrong)?;
    let weight: f64 = weight.parse().map_err(|_| wrong())?;
    if !(weight.is_finite() && weight >= 0.0) {
        return Err(wrong());
    }
    Ok(Weight {
        version: version.into(),
        weight,
    })
}

fn act(
    file: Option<&str>,
    target: &Target,
    action: &Action,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    match (&target.choice.plugin, file) {
        (Some(plugin), _) => act_on_plugin(plugin, target, action, out),
        (None, file) => act_on_file(file.unwrap_or_default(), target, action, out),
    }
}

fn act_on_file(
    file: &str,
    target: &Target,
    action: &Action,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    if file == source::STDIN {
        return Err(Failure::Usage(
            "an action edits its file in place; give a file name instead of -".into(),
        ));
    }
    let text = source::text(file)?;
    let change = Shown::new(file, &text, target, action)?;
    change.show(out)?;
    change.finish(target, out, |after| {
        source::replace(file, &text, &after.text)
    })
}

fn act_on_plugin(
    plugin: &PluginName,
    target: &Target,
    action: &Action,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    let cluster = target.choice.cluster()?;
    let plugin = cluster.read(plugin)?;
    let text = serde_saphyr::to_string(&plugin.config)
        .map_err(|error| Failure::refused(&plugin.name, error.to_string()))?;
    let change = Shown::new(&plugin.name, &text, target, action)?;
    change.show(out)?;
    if let Some(tool) = plugin.reverted_by {
        let note = format!(
            "{tool} manages this plugin and reverts what differs from Git: make the same change there."
        );
        writeln!(out, "{}", Line::from(note))?;
    }
    change.finish(target, out, |after| {
        cluster.write(&plugin, &after.outcome.after)
    })
}

/// A change that is shown before it is made.
struct Shown<'n> {
    /// The file, or the plugin.
    name: &'n str,
    change: Change,
    now: u64,
}

impl<'n> Shown<'n> {
    fn new(name: &'n str, text: &str, target: &Target, action: &Action) -> Result<Self, Failure> {
        let now = clock::now();
        let change = action::apply(text, target.choice.release.as_deref(), action, now);
        let change = change.map_err(|error| refused(name, error))?;
        Ok(Self { name, change, now })
    }

    /// Makes the change by `write`, unless there is none or the run is dry.
    fn finish(
        &self,
        target: &Target,
        out: &mut dyn Write,
        write: impl FnOnce(&Change) -> Result<(), Failure>,
    ) -> Result<Verdict, Failure> {
        let end = match (self.change.diff.is_empty(), target.dry_run) {
            (true, _) => "nothing to change",
            (false, true) => "not changed, because of --dry-run",
            (false, false) => {
                out.flush()?;
                write(&self.change)?;
                "changed"
            }
        };
        writeln!(out, "{}", Line::from(format!("{}: {end}.", self.name)))?;
        Ok(Verdict::Fine)
    }

    /// Prints who moves, the diff, and the notes.
    fn show(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let Self { name, change, now } = self;
        let outcome = &change.outcome;
        if !change.diff.is_empty() {
            let moves = WhoMoves::with(outcome, *now).map(|moves| moves.to_string());
            let title = Line::styled(STRONG, format!("release {}", outcome.release));
            writeln!(out, "{}", title.and(": ").and(moves.unwrap_or_default()))?;
            writeln!(out, "\n{}", Line::styled(FAINT, format!("--- {name}")))?;
            writeln!(out, "{}", Line::styled(FAINT, format!("+++ {name}")))?;
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
