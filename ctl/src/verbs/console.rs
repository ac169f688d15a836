//! `console`: a page on which people see releases and drive them.

mod judge;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use halftone_console::alerts::Alerts;
use halftone_console::cluster::{Asked, Plugins, Prometheus, Rights, SignIn};
use halftone_console::embedded::{Admins, Files, Log};
use halftone_console::history::History;
use halftone_console::source::{Numbers, Samples};
use halftone_console::{Console, Settings};

use crate::cluster;
use crate::outcome::{Failure, Verdict};
use judge::Core;

/// The size of the shortest secret, in bytes.
const SHORTEST_SECRET: usize = 16;

/// The arguments of `console`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder with the configuration, and with the discovery resource that Envoy reads
    #[arg(
        value_name = "DIR",
        required_unless_present_any = ["file", "cluster"],
        conflicts_with_all = ["file", "cluster"]
    )]
    pub folder: Option<PathBuf>,
    /// The configuration, in place of a folder
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub file: Option<PathBuf>,
    /// The admin endpoint of an Envoy. Repeat the flag for more Envoys
    #[arg(
        long = "admin",
        value_name = "URL",
        default_value = "http://127.0.0.1:9901",
        conflicts_with = "cluster"
    )]
    pub admins: Vec<String>,
    /// The log of the Envoy, which has the samples of differing answers
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub log: Option<PathBuf>,
    /// The discovery resource that follows the configuration, if it is not in DIR
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub discovery: Option<PathBuf>,
    /// Show and change the plugins of a Kubernetes cluster, in place of a file
    #[command(flatten)]
    pub cluster: InCluster,
    /// The file in which the history is kept. Default: `.NAME.history.jsonl` beside FILE, or `.history.jsonl` in DIR; none
    /// with --cluster
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// The address of the page. Port 0: any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Do not open the page in a browser
    #[arg(long)]
    pub no_open: bool,
    /// Show everything, and let nobody change anything
    #[arg(long)]
    pub view_only: bool,
}

/// The arguments for a cluster.
#[derive(Debug, clap::Args)]
pub struct InCluster {
    /// Show and change the plugins of a Kubernetes cluster, in place of a file
    #[arg(long)]
    pub cluster: bool,
    /// The kubeconfig of the cluster, if not that of KUBECONFIG, your own, or the pod's
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, if not the current one
    #[arg(long, value_name = "NAME", requires = "cluster")]
    pub context: Option<String>,
    /// A namespace to watch. Repeat the flag for more. Default: all
    #[arg(long = "namespace", value_name = "NAME", requires = "cluster")]
    pub namespaces: Vec<String>,
    /// The URL of Prometheus, which has the numbers
    #[arg(long, value_name = "URL", requires = "cluster")]
    pub prometheus: Option<String>,
    /// The time over which Prometheus computes rates: at least two scrapes
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "cluster")]
    pub window: String,
    /// The namespace whose plugins run in all namespaces
    #[arg(
        long,
        value_name = "NAME",
        default_value = "istio-system",
        requires = "cluster"
    )]
    pub root_namespace: String,
    /// The file with the secret that Alertmanager sends with its alerts. Without it, alerts do nothing
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub alert_secret: Option<PathBuf>,
    /// Who looks at the page: whoever has the link, as the user of the kubeconfig, or viewers with a token of their own
    #[arg(
        long,
        value_name = "BY",
        value_enum,
        default_value = "link",
        requires = "cluster"
    )]
    pub sign_in: By,
    /// Trust the headers x-forwarded-user and x-forwarded-groups of a reverse proxy, and act as that user
    #[arg(long, requires = "cluster")]
    pub trust_proxy_headers: bool,
    /// A host name by which people reach the page, beside IP addresses and localhost. Repeat the flag for more
    #[arg(long = "host", value_name = "NAME", requires = "cluster")]
    pub hosts: Vec<String>,
}

/// What a viewer needs to see the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// The printed link.
    Link,
    /// A token of the cluster.
    Token,
}

/// Prints the link to the page, opens it, and serves it until the process ends.
///
/// # Errors
///
/// The configuration cannot be read, the arguments contradict each other, or the address is in use.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime?.block_on(async {
        let settings = if args.cluster.cluster {
            of_cluster(args).await?
        } else {
            settings(args)?
        };
        serve(args, settings, out).await
    })
}

async fn serve(args: &Args, settings: Settings, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let failed = |error: std::io::Error| {
        Failure::Usage(format!(
            "--listen: cannot listen at {}: {error}; choose another address",
            args.listen
        ))
    };
    let console = Console::bind(args.listen, settings).await.map_err(failed)?;
    let link = console.link().map_err(failed)?;
    writeln!(out, "Console: {link}")?;
    let by_link = args.cluster.sign_in == By::Link;
    if by_link && !args.listen.ip().is_loopback() {
        let wide = "Everybody who reaches this address and has the link can use the page.";
        writeln!(out, "{wide} The link is not encrypted.")?;
    }
    writeln!(out, "Press Ctrl-C to end it.")?;
    out.flush()?;
    if !args.no_open {
        // A machine without a browser still has the link.
        let _ = open::that_detached(&link);
    }
    console.serve().await;
    Ok(Verdict::Fine)
}

async fn of_cluster(args: &Args) -> Result<Settings, Failure> {
    let InCluster {
        kubeconfig,
        context,
        namespaces,
        sign_in,
        trust_proxy_headers,
        hosts,
        prometheus,
        window,
        root_namespace,
        alert_secret,
        ..
    } = &args.cluster;
    let sign_in = match sign_in {
        By::Link if *trust_proxy_headers => {
            let wrong = "--trust-proxy-headers: the link lets everybody in; add --sign-in token";
            return Err(Failure::Usage(wrong.into()));
        }
        By::Link => SignIn::Link,
        By::Token => SignIn::Token {
            trust_proxy_headers: *trust_proxy_headers,
        },
    };
    let config = cluster::config(kubeconfig.as_deref(), context.as_deref()).await?;
    let plugins = Plugins::watch(config.clone(), namespaces).map_err(Failure::Cluster)?;
    let plugins = Arc::new(plugins);
    let rights = Rights::new(config, sign_in, Arc::clone(&plugins));
    let numbers: Box<dyn Numbers> = match prometheus {
        Some(url) => {
            let asked = Asked {
                url: url.clone(),
                window: window.clone(),
                root_namespace: root_namespace.clone(),
            };
            let known = Arc::clone(&plugins);
            let prometheus = Prometheus::ask(asked, Arc::new(move || known.releases()));
            Box::new(prometheus.map_err(|error| Failure::Usage(format!("--prometheus: {error}")))?)
        }
        None => Box::new(Admins::none()),
    };
    let alerts = alert_secret.as_deref().map(secret).transpose()?;
    let alerts = alerts.map(|secret| Alerts {
        secret,
        root_namespace: root_namespace.clone(),
    });
    Ok(Settings {
        configurations: Box::new(plugins),
        numbers,
        samples: None,
        judge: Arc::new(Core),
        view_only: args.view_only,
        history: match &args.history {
            Some(file) => History::of(person()).with_file(file.clone()),
            None => History::of(person()),
        },
        rights: Some(Arc::new(rights)),
        hosts: hosts.clone(),
        alerts,
    })
}

/// The secret in a file, without white space around it.
fn secret(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::File {
        file: file.display().to_string(),
        error,
    })?;
    let secret = text.trim();
    if secret.len() < SHORTEST_SECRET {
        return Err(Failure::Usage(format!(
            "--alert-secret: {} has {} bytes; write at least {SHORTEST_SECRET} random ones, such as the output of `openssl rand -hex 32`",
            file.display(),
            secret.len()
        )));
    }
    Ok(secret.into())
}

fn settings(args: &Args) -> Result<Settings, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let files = match (&args.folder, &args.file) {
        (Some(folder), _) => Files::folder(folder).map_err(|error| usage(&error))?,
        (None, Some(file)) => Files::one(readable(file)?),
        (None, None) => return Err(Failure::Usage("give a folder, or --file".into())),
    };
    let files = match &args.discovery {
        Some(file) => {
            let files = files.with_discovery(readable(file)?);
            files.map_err(|error| usage(&error))?
        }
        None => files,
    };
    let admins = Admins::new(&args.admins).map_err(|error| usage(&format!("--admin: {error}")))?;
    let samples = args.log.as_ref().map(|log| {
        let log: Box<dyn Samples> = Box::new(Log::new(log.clone()));
        log
    });
    Ok(Settings {
        configurations: Box::new(files),
        numbers: Box::new(admins),
        samples,
        judge: Arc::new(Core),
        view_only: args.view_only,
        history: History::of(person()).with_file(history_file(args)),
        rights: None,
        hosts: Vec::new(),
        alerts: None,
    })
}

/// The file in which the history is kept.
fn history_file(args: &Args) -> PathBuf {
    match (&args.history, &args.file, &args.folder) {
        (Some(history), _, _) => history.clone(),
        (None, Some(file), _) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            file.with_file_name(format!(".{name}.history.jsonl"))
        }
        (None, None, folder) => folder
            .as_deref()
            .unwrap_or(Path::new("."))
            .join(".history.jsonl"),
    }
}

/// The user of the system who starts the console. Empty: the system does not say.
fn person() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"];
    let mut found = names.iter().filter_map(|name| std::env::var(name).ok());
    found.find(|name| !name.is_empty()).unwrap_or_default()
}

fn readable(file: &Path) -> Result<PathBuf, Failure> {
    match std::fs::File::open(file) {
        Ok(_) => Ok(file.into()),
        Err(error) => Err(Failure::File {
            file: file.display().to_string(),
            error,
        }),
    }
}
