//! `invite`: an invitation to a rule.

use std::io::Write;

use halftone::config::time;
use halftone::invitation::{Invited, Key, LAST_EXPIRY};
use halftone::matching::{Condition, Match};
use halftone::release::{Release, Releases, Strategy};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;

use crate::cli::Format;
use crate::clock;
use crate::outcome::{Failure, Verdict};
use crate::source::Configuration;
use crate::terminal::{Line, STRONG, escaped};

/// What a query parameter's name keeps as it is (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The arguments of `invite`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The release, if there are several that invite
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,
    /// The rule, if there are several that invite; `preview` for the preview of a blue-green release
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// How long the invitation is valid, such as 7d, 12h or 90m
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    pub seconds: u64,
    /// The time from which on it counts, such as 2026-12-01T09:00:00Z. The default is now
    #[arg(long, value_name = "TIME", value_parser = clock::parsed)]
    pub at: Option<u64>,
    /// The environment variable with the key that signs. The default is the first of signing.keys
    #[arg(long, value_name = "ENV")]
    pub key_from: Option<String>,
    /// The page to which the link leads. The default is the first host of the release
    #[arg(long, value_name = "URL", value_parser = url)]
    pub url: Option<String>,
    /// The plugin, if the file holds several: its name, or namespace/name
    #[arg(long, value_name = "NAME")]
    pub plugin: Option<String>,
    /// The format of the report
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
}

/// An invitation: the fields of its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The release.
    pub release: String,
    /// The rule, or `preview`.
    pub rule: String,
    /// The time from which on it is not valid.
    pub until: String,
    /// The environment variable with the key that signed it.
    pub key: String,
    /// The token.
    pub token: String,
    /// The link that brings it. Absent: no host of the release is one that a link can name, and no URL was given.
    pub link: Option<String>,
}

/// Prints an invitation.
///
/// # Errors
///
/// The configuration cannot be read, is not valid, or invites nobody; or there is no usable key.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let configuration = Configuration::read(&args.file, args.plugin.as_deref())?;
    let releases = &configuration.releases;
    let (release, invited) = chosen(releases, args)?;
    let (name, key) = key(releases, args)?;
    let now = args.at.unwrap_or_else(clock::now) / 1_000;
    let expiry = now.saturating_add(args.seconds).min(LAST_EXPIRY);
    let token = key.invite(&invited.release, &invited.rule, expiry);
    let url = args.url.clone().or_else(|| first_page(release));
    let report = Report {
        release: invited.release.to_string(),
        rule: invited.rule.to_string(),
        until: time::text(expiry.saturating_mul(1_000)),
        key: name,
        link: url.map(|url| link(&url, &invited.query_param, &token)),
        token,
    };
    match args.output {
        Format::Text => write(&report, out)?,
        Format::Json => crate::json::write(&report, out)?,
    }
    Ok(Verdict::Fine)
}

fn write(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    let Report {
        release,
        rule,
        until,
        key,
        token,
        link,
    } = report;
    let title = format!("An invitation to rule {rule} of release {release}");
    let title = Line::styled(STRONG, title).and(format!(", valid until {until}, signed by {key}"));
    writeln!(out, "{title}\n")?;
    writeln!(out, "token  {token}")?;
    match link {
        Some(link) => writeln!(out, "link   {}\n\n{}\n", escaped(link), code(link)?)?,
        None => writeln!(
            out,
            "\nFor a link, give the page: --url https://shop.example.com/"
        )?,
    }
    Ok(())
}

/// The QR code of `link`, in half blocks. The light modules are drawn, for a terminal with a dark background.
fn code(link: &str) -> Result<String, Failure> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L)
        .map_err(|_| Failure::Usage("--url: too long for a QR code; write a shorter one".into()))?;
    let mut renderer = code.render::<Dense1x2>();
    renderer
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark);
    Ok(renderer.build())
}

/// The release and the condition for which `args` ask.
fn chosen<'r>(releases: &'r Releases, args: &Args) -> Result<(&'r Release, &'r Invited), Failure> {
    let all: Vec<(&Release, &Invited)> = releases
        .all()
        .iter()
        .flat_map(|one| inviting(one))
        .collect();
    let is_meant =
        |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| *wanted == *name);
    let mut meant = all.clone();
    meant.retain(|(_, invited)| {
        is_meant(&args.release, &invited.release) && is_meant(&args.rule, &invited.rule)
    });
    let file = &args.file;
    match (meant.as_slice(), all.as_slice()) {
        ([one], _) => Ok(*one),
        ([], []) => Err(Failure::refused(
            file,
            "no rule invites; write match: [ { invited: {} } ] in a rule, and signing: { keys: [HALFTONE_KEY] }".into(),
        )),
        ([], all) => Err(Failure::Usage(format!(
            "{file}: no such rule invites; those that do are {}",
            flags(all)
        ))),
        (several, _) => Err(Failure::Usage(format!(
            "{file}: {} rules invite; choose one of {}",
            several.len(),
            flags(several)
        ))),
    }
}

fn flags(all: &[(&Release, &Invited)]) -> String {
    let flags = all
        .iter()
        .map(|(_, invited)| format!("--release {} --rule {}", invited.release, invited.rule));
    flags.collect::<Vec<_>>().join(", ")
}

/// The conditions of `release` that ask for an invitation, the first of each rule.
fn inviting(release: &Release) -> Vec<(&Release, &Invited)> {
    let matches: Vec<&[Match]> = match &release.strategy {
        Strategy::BlueGreen { preview, .. } => {
            let preview = preview.iter();
            preview.map(|preview| preview.matches.as_slice()).collect()
        }
        Strategy::Canary { rules, .. } => {
            let rules = rules.all().iter();
            rules.map(|rule| rule.matches.as_slice()).collect()
        }
    };
    let invited = matches.into_iter().filter_map(first_invited);
    invited.map(|invited| (release, invited)).collect()
}

fn first_invited(matches: &[Match]) -> Option<&Invited> {
    let mut conditions = matches.iter().flat_map(Match::conditions);
    conditions.find_map(|condition| match condition {
        Condition::Invited(invited) => Some(&**invited),
        _ => None,
    })
}

/// The key that signs, and the name of its environment variable.
fn key<'r>(releases: &'r Releases, args: &Args) -> Result<(String, &'r Key), Failure> {
    let signing = &releases.settings().signing;
    let names: Vec<&str> = signing.names().collect();
    let name = match (&args.key_from, names.first()) {
        (Some(name), _) => name.as_str(),
        (None, first) => first.copied().unwrap_or_default(),
    };
    match signing.named(name) {
        Some(Ok(key)) => Ok((name.to_owned(), key)),
        Some(Err(why)) => Err(Failure::Usage(format!(
            "the environment variable {name} {why}; set it to the key that the proxies have"
        ))),
        None => Err(Failure::Usage(format!(
            "--key-from {name}: signing.keys does not name it; its keys are {}",
            names.join(", ")
        ))),
    }
}

/// The page of the release's first host that a browser can reach by its name.
fn first_page(release: &Release) -> Option<String> {
    let mut hosts = release.hosts.iter().map(|host| &**host);
    let host = hosts.find(|host: &&str| !host.contains('*') && host.contains('.'))?;
    Some(format!("https://{host}/"))
}

/// `url` with the query parameter `name`, before the fragment.
fn link(url: &str, name: &str, token: &str) -> String {
    let (page, fragment) = match url.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let separator = match page.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let name = utf8_percent_encode(name, ESCAPED);
    format!("{page}{separator}{name}={token}{fragment}")
}

fn url(text: &str) -> Result<String, String> {
    let mut schemes = ["https://", "http://"].into_iter();
    let host = schemes.find_map(|scheme| text.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(text.into())
        }
        _ => Err("write an address such as https://shop.example.com/".into()),
    }
}

/// Reads a time span in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
    let units = UNITS.into_iter();
    let span = units.filter_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds)
    });
    let mut span = span.filter(|seconds| (1..=LAST_EXPIRY).contains(seconds));
    span.next()
        .ok_or_else(|| "write a time such as 7d, 12h or 90m".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_token_in_its_query() {
        let table = [
            ("https://a.example/", "https://a.example/?in=T"),
            ("https://a.example", "https://a.example?in=T"),
            ("https://a.example/?", "https://a.example/?in=T"),
            (
                "https://a.example/?x=1#top",
                "https://a.example/?x=1&in=T#top",
            ),
            ("https://a.example/#?x", "https://a.example/?in=T#?x"),
        ];
        for (url, expected) in table {
            assert_eq!(link(url, "in", "T"), expected);
        }
        assert_eq!(link("http://a/", "a&b=", "T"), "http://a/?a%26b%3D=T");
    }

    #[test]
    fn a_time_span_is_a_number_with_a_unit() {
        let table = [
            ("7d", Some(604_800)),
            ("12h", Some(43_200)),
            ("90m", Some(5_400)),
            ("1s", Some(1)),
            ("0s", None),
            ("7", None),
            ("d", None),
            ("-1d", None),
            ("1.5d", None),
            ("18446744073709551615d", None),
            ("1000000000000s", None),
        ];
        for (text, expected) in table {
            assert_eq!(seconds(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_is_that_of_a_page() {
        for text in ["https://shop.example.com/", "http://localhost:8080/a?b=c"] {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
        for text in [
            "shop.example.com",
            "https://",
            "ftp://a/",
            "https://a b/",
            "https://a/\n",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
