//! `set-weight`, `take-over`, `restore`, `switch`, `promote`, `rollback`, `pause` and `resume`: the actions on a release.

use std::io::Write;
use std::path::PathBuf;

use halftone_resources::action::{self, Action, ActionError, Change, RouteChange, Weight};

use crate::change::WhoMoves;
use crate::clock;
use crate::cluster::{Cluster, ClusterPlugin, PluginName};
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

/// The arguments of `promote`.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
pub struct PromoteArgs {
    /// The release and the version.
    #[command(flatten)]
    pub version: VersionArgs,
    /// A file with the VirtualService of the release, if it is not in FILE: its last route leads to the version too.
    /// Repeat the flag for more files
    #[arg(long = "routes", value_name = "FILE", conflicts_with = "plugin")]
    pub routes: Vec<String>,
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

/// Makes a version the principal, also in the VirtualServices of the release.
///
/// # Errors
///
/// As [`run_alone`], and if a file with routes has none of the release.
pub fn promote(args: &PromoteArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let PromoteArgs {
        version: args,
        routes,
    } = args;
    let version = &args.version;
    let action = Action::Promote(version.clone());
    match (&args.target.choice.plugin, &args.file) {
        (Some(plugin), _) => promote_in_cluster(plugin, &args.target, &action, version, out),
        (None, Some(file)) => promote_in_files(file, routes, &args.target, &action, version, out),
        (None, None) => act(None, &args.target, &action, out),
    }
}

fn promote_in_files(
    file: &str,
    routes: &[String],
    target: &Target,
    action: &Action,
    version: &str,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    let text = file_text(file)?;
    let mut change = Shown::new(file, &text, target, action)?;
    let mut texts = Vec::new();
    for name in routes.iter().filter(|name| *name != file) {
        let text = file_text(name)?;
        let routes = action::promote_routes(&text, &change.change.outcome, version);
        let routes = routes.map_err(|error| refused(name, error))?;
        if routes.routes == 0 {
            let release = &change.change.outcome.release;
            let wrong = format!("has no VirtualService for the hosts of release {release}");
            return Err(Failure::refused(name, wrong));
        }
        change.beside.push(Beside {
            name: name.clone(),
            change: routes,
        });
        texts.push(text);
    }
    if change.change.routes == 0 && change.beside.is_empty() {
        change.notes.push(format!(
            "If a VirtualService routes this release, its last route must lead to {version} too: name its file with --routes."
        ));
    }
    change.show(out)?;
    change.finish(target, out, |shown| {
        source::replace(file, &text, &shown.change.text)?;
        let mut beside = shown.beside.iter().zip(&texts);
        beside.try_for_each(|(one, text)| source::replace(&one.name, text, &one.change.text))
    })
}

fn promote_in_cluster(
    name: &PluginName,
    target: &Target,
    action: &Action,
    version: &str,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    let cluster = target.choice.cluster()?;
    let plugin = cluster.read(name)?;
    let mut change = Shown::of_plugin(&plugin, target, action)?;
    let mut found = Vec::new();
    // Without the rights on VirtualServices, the plugin can still change.
    let (all, unread) = match cluster.virtual_services(name) {
        Ok(all) => (all.unwrap_or_default(), None),
        Err(failure) => (Vec::new(), Some(failure.to_string())),
    };
    change.notes.extend(unread);
    for routes in all {
        let outcome = &change.change.outcome;
        let led = action::promote_routes(&routes.text, outcome, version);
        let led = led.map_err(|error| refused(&routes.name, error))?;
        if led.routes > 0 {
            let name = routes.name.clone();
            change.beside.push(Beside { name, change: led });
            found.push(routes);
        }
    }
    if found.is_empty() {
        change.notes.push(format!(
            "The namespace of the plugin has no VirtualService that routes this release. If another one has, its last route must lead to {version} too."
        ));
    }
    change.show(out)?;
    change.finish(target, out, |shown| {
        if !shown.change.diff.is_empty() {
            cluster.write(&plugin, &shown.change.outcome.after)?;
        }
        let mut beside = shown.beside.iter().zip(&found);
        beside.try_for_each(|(one, routes)| match one.change.diff.is_empty() {
            true => Ok(()),
            false => cluster.write_routes(routes, &one.change.text),
        })
    })
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
    let text = file_text(file)?;
    let change = Shown::new(file, &text, target, action)?;
    change.show(out)?;
    change.finish(target, out, |shown| {
        source::replace(file, &text, &shown.change.text)
    })
}

/// The text of a file that is edited in place.
fn file_text(file: &str) -> Result<String, Failure> {
    if file == source::STDIN {
        return Err(Failure::Usage(
            "an action edits its file in place; give a file name instead of -".into(),
        ));
    }
    source::text(file)
}

fn act_on_plugin(
    plugin: &PluginName,
    target: &Target,
    action: &Action,
    out: &mut dyn Write,
) -> Result<Verdict, Failure> {
    let cluster = target.choice.cluster()?;
    let plugin = cluster.read(plugin)?;
    let change = Shown::of_plugin(&plugin, target, action)?;
    change.show(out)?;
    change.finish(target, out, |shown| {
        cluster.write(&plugin, &shown.change.outcome.after)
    })
}

/// A change that is shown before it is made.
struct Shown<'n> {
    /// The file, or the plugin.
    name: &'n str,
    change: Change,
    /// What changes in the routes that are elsewhere.
    beside: Vec<Beside>,
    /// What the user must know or do as well.
    notes: Vec<String>,
    now: u64,
}

/// A change of a VirtualService that is not in the text of the release.
struct Beside {
    /// The file, or the VirtualService.
    name: String,
    change: RouteChange,
}

impl<'n> Shown<'n> {
    fn new(name: &'n str, text: &str, target: &Target, action: &Action) -> Result<Self, Failure> {
        let now = clock::now();
        let change = action::apply(text, target.choice.release.as_deref(), action, now);
        let change = change.map_err(|error| refused(name, error))?;
        Ok(Self {
            name,
            change,
            beside: Vec::new(),
            notes: Vec::new(),
            now,
        })
    }

    fn of_plugin(
        plugin: &'n ClusterPlugin,
        target: &Target,
        action: &Action,
    ) -> Result<Self, Failure> {
        let text = serde_saphyr::to_string(&plugin.config)
            .map_err(|error| Failure::refused(&plugin.name, error.to_string()))?;
        let mut shown = Self::new(&plugin.name, &text, target, action)?;
        shown.notes.extend(plugin.reverted_by.map(|tool| {
            format!(
                "{tool} manages this plugin and reverts what differs from Git: make the same change there."
            )
        }));
        Ok(shown)
    }

    /// The diffs, each with its file or resource.
    fn diffs(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = (self.name, self.change.diff.as_str());
        let beside = self.beside.iter();
        let beside = beside.map(|one| (one.name.as_str(), one.change.diff.as_str()));
        let all = std::iter::once(own).chain(beside);
        all.filter(|(_, diff)| !diff.is_empty())
    }

    /// Makes the change by `write`, unless there is none or the run is dry.
    fn finish(
        &self,
        target: &Target,
        out: &mut dyn Write,
        write: impl FnOnce(&Self) -> Result<(), Failure>,
    ) -> Result<Verdict, Failure> {
        let end = match (self.diffs().next().is_none(), target.dry_run) {
            (true, _) => "nothing to change",
            (false, true) => "not changed, because of --dry-run",
            (false, false) => {
                out.flush()?;
                write(self)?;
                "changed"
            }
        };
        let names: Vec<&str> = match self.diffs().map(|(name, _)| name).collect::<Vec<_>>() {
            none if none.is_empty() => vec![self.name],
            names => names,
        };
        for name in names {
            writeln!(out, "{}", Line::from(format!("{name}: {end}.")))?;
        }
        Ok(Verdict::Fine)
    }

    /// Prints who moves, the diff, and the notes.
    fn show(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let outcome = &self.change.outcome;
        if !self.change.diff.is_empty() {
            let moves = WhoMoves::with(outcome, self.now).map(|moves| moves.to_string());
            let title = Line::styled(STRONG, format!("release {}", outcome.release));
            writeln!(out, "{}", title.and(": ").and(moves.unwrap_or_default()))?;
            writeln!(out)?;
        }
        for (name, diff) in self.diffs() {
            writeln!(out, "{}", Line::styled(FAINT, format!("--- {name}")))?;
            writeln!(out, "{}", Line::styled(FAINT, format!("+++ {name}")))?;
            for line in diff.lines() {
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
        let of_routes = self.beside.iter().flat_map(|one| &one.change.notes);
        for note in outcome.notes.iter().chain(of_routes).chain(&self.notes) {
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
