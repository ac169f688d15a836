//! A KubeSphere `Strategy`, whose template is a VirtualService.

use serde_json::{Value, json};

use super::document::{Document, Fields, Imported, objects, set, text};
use super::matches::Difference;
use super::report::{Line, Outcome};
use super::virtual_service;

/// The words of KubeSphere's page for systems, and the names of `clientOs`.
const SYSTEMS: [(&str, &str); 10] = [
    ("android", "android"),
    ("iphone", "ios"),
    ("ipad", "ios"),
    ("ipod", "ios"),
    ("ios", "ios"),
    ("windows", "windows"),
    ("macintosh", "macos"),
    ("mac os x", "macos"),
    ("mac", "macos"),
    ("linux", "linux"),
];

/// The release of a Strategy, and the VirtualService and the DestinationRule that belong to it. `has_rules` says whether the
/// call has DestinationRules.
pub fn import(document: &Document, has_rules: bool) -> Imported {
    let kind = document.spec("type").and_then(Value::as_str);
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let is_blue_green = kind == "bluegreen";
    if !is_blue_green && kind != "canary" && kind != "mirror" {
        let message = "is none of Canary, BlueGreen and Mirror";
        return Imported::refused(document, "spec.type", message);
    }
    let template = document
        .spec("template")
        .and_then(|one| one.get("spec")?.as_object());
    let Some(mut template) = template.cloned() else {
        return Imported::refused(
            document,
            "spec.template.spec",
            "is missing; write its routes",
        );
    };
    let principal = document.spec("principal").and_then(Value::as_str);
    let governor = document.spec("governor").and_then(Value::as_str);
    let governor = governor.filter(|governor| !governor.is_empty());
    if is_blue_green {
        with_both(&mut template, [principal, governor]);
    }
    let service = service(document, &template);
    let known = virtual_service::versions(&service);
    let named = |subset: &str| {
        let mut versions = known.all().iter();
        let found = versions.find(|one| one.target.subset.as_deref() == Some(subset));
        found.map(|one| one.name.clone())
    };
    let chosen = principal.and_then(named);
    let mut imported = virtual_service::import(&service, chosen.as_deref());
    imported.lines = lines(document, &imported.lines);
    if let (Some(principal), None) = (principal, &chosen) {
        let message = format!("no route leads to the subset {principal}");
        return Imported::refused(document, "spec.principal", message);
    }
    let Some(plugin) = &mut imported.plugin else {
        return imported;
    };
    let mut lines: Vec<Line> = Vec::new();
    if let Some(release) = plugin.release() {
        add_principal(document, release, &mut lines);
        add_systems_and_cookies(document, release, &mut lines);
        if let Some(governor) = governor {
            let Some(governor) = named(governor) else {
                let message = format!("no route leads to the subset {governor}");
                return Imported::refused(document, "spec.governor", message);
            };
            let message = if is_blue_green {
                format!("blueGreen.active is {governor}")
            } else {
                let canary = release.entry("canary").or_insert_with(|| json!({}));
                set(canary, "takeOver", governor.clone().into());
                format!("canary.takeOver is {governor}")
            };
            lines.push(document.line("spec.governor", Outcome::CarriedOver, message));
        }
        if is_blue_green {
            let active = governor.or(principal).and_then(named);
            let active = active.or_else(|| Some(text(release, "principal")?.to_owned()));
            release.remove("canary");
            release.insert("blueGreen".into(), json!({"active": active}));
            let message = "blue-green; halftonectl switch makes the other version the active one";
            lines.push(document.line("spec.type", Outcome::CarriedOver, message));
        }
    }
    let rules = plugin.config.to_string();
    // Without such tests, the lines about them are about tests that were replaced.
    for (difference, test) in [
        (Difference::RepeatedHeader, "\"headers\""),
        (Difference::LongValue, "\"regex\""),
    ] {
        let is_kept = rules.contains(test);
        let lines = &mut imported.lines;
        lines.retain(|line| is_kept || line.message != difference.said());
    }
    lines.append(&mut imported.lines);
    imported.lines = lines;
    if !has_rules {
        add_rule(document, &service, &mut imported);
    }
    imported.checked(document)
}

/// The VirtualService that KubeSphere writes.
fn service(document: &Document, template: &Fields) -> Document {
    let hosts = template.get("hosts").and_then(Value::as_array);
    let first = hosts.and_then(|hosts| hosts.first()?.as_str());
    let name = first.and_then(|host| host.split('.').next());
    let value = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": name.unwrap_or(&document.name), "namespace": document.namespace},
        "spec": template,
    });
    Document::new(&document.file, value)
}

/// Adds to the routes of a blue-green Strategy, each of which leads to one version, these versions with the weight 0.
fn with_both(template: &mut Fields, subsets: [Option<&str>; 2]) {
    let Some(Value::Array(routes)) = template.get_mut("http") else {
        return;
    };
    for route in routes {
        let Some(Value::Array(arms)) = route.get_mut("route") else {
            continue;
        };
        let Some(first) = arms.first().cloned() else {
            continue;
        };
        if arms.len() == 1 {
            for arm in arms.iter_mut().filter_map(Value::as_object_mut) {
                arm.insert("weight".into(), json!(100));
            }
        }
        for subset in subsets.into_iter().flatten() {
            let is_it = |arm: &Value| arm.pointer("/destination/subset") == Some(&json!(subset));
            if !arms.iter().any(is_it) {
                let mut arm = first.clone();
                if let Some(known) = arm.pointer_mut("/destination/subset") {
                    *known = json!(subset);
                }
                if let Some(arm) = arm.as_object_mut() {
                    arm.insert("weight".into(), json!(0));
                }
                arms.push(arm);
            }
        }
    }
}

/// The lines about the VirtualService, as lines about the template.
fn lines(document: &Document, lines: &[Line]) -> Vec<Line> {
    let lines = lines.iter().filter(|line| line.path != "spec.http");
    let lines = lines.map(|line| {
        let path = match line.path.strip_prefix("spec.") {
            Some(path) => format!("spec.template.spec.{path}"),
            None => "spec.template.spec".to_owned(),
        };
        document.line(&path, line.outcome, line.message.clone())
    });
    lines.collect()
}

fn add_principal(document: &Document, release: &Fields, lines: &mut Vec<Line>) {
    let principal = text(release, "principal").unwrap_or_default();
    let message = format!(
        "{principal} is the principal, which also gets the requests that Halftone does not see"
    );
    lines.push(document.line("spec.principal", Outcome::WithADifference, message));
    let message = "KubeSphere writes this VirtualService again and again: finish the release task and turn the service mesh of the service off first";
    lines.push(document.line("spec.template", Outcome::WithADifference, message));
}

/// Replaces the tests that KubeSphere's page writes: a User-Agent with one of several words, and a whole cookie header.
fn add_systems_and_cookies(document: &Document, release: &mut Fields, lines: &mut Vec<Line>) {
    let rules = release
        .get_mut("canary")
        .and_then(|canary| canary.get_mut("rules"));
    let Some(Value::Array(rules)) = rules else {
        return;
    };
    let path = "spec.template.spec.http.match.headers";
    for rule in rules {
        let Some(Value::Array(matches)) = rule.get_mut("match") else {
            continue;
        };
        for one in matches.iter_mut().filter_map(Value::as_object_mut) {
            let Some(Value::Object(headers)) = one.get_mut("headers") else {
                continue;
            };
            let regex = headers.get("user-agent").and_then(|test| test.get("regex"));
            let systems = regex.and_then(Value::as_str).and_then(systems);
            let cookie = headers.get("cookie").and_then(|test| test.get("exact"));
            let cookie = cookie
                .and_then(Value::as_str)
                .and_then(|text| text.split_once('='));
            let cookie = cookie.filter(|(_, value)| !value.contains(';'));
            let cookie = cookie.map(|(name, value)| (name.to_owned(), value.to_owned()));
            if systems.is_some() {
                headers.remove("user-agent");
            }
            if cookie.is_some() {
                headers.remove("cookie");
            }
            if headers.is_empty() {
                one.remove("headers");
            }
            if let Some(systems) = systems {
                let message = format!(
                    "clientOs: {}, where KubeSphere looks for words anywhere in User-Agent",
                    systems.join(", ")
                );
                one.insert("clientOs".into(), json!(systems));
                lines.push(document.line(path, Outcome::WithADifference, message));
            }
            if let Some((name, value)) = cookie {
                let message = format!(
                    "cookies: {name}, also beside other cookies, where KubeSphere expects no other"
                );
                one.insert("cookies".into(), json!({name: {"exact": value}}));
                lines.push(document.line(path, Outcome::WithADifference, message));
            }
        }
    }
}

/// The systems in `.*(Android|iPhone).*`. None: a word is no system.
fn systems(regex: &str) -> Option<Vec<&'static str>> {
    let words = regex.strip_prefix(".*")?.strip_suffix(".*")?;
    let words = words
        .strip_prefix('(')
        .and_then(|words| words.strip_suffix(')'))
        .unwrap_or(words);
    let mut systems = Vec::new();
    for word in words.split('|') {
        let known = SYSTEMS
            .iter()
            .find(|(known, _)| word.eq_ignore_ascii_case(known));
        let (_, system) = known?;
        if !systems.contains(system) {
            systems.push(*system);
        }
    }
    Some(systems)
}

/// Adds the DestinationRule, which KubeSphere removes with the Strategy: a subset for each label `version`.
fn add_rule(document: &Document, service: &Document, imported: &mut Imported) {
    let known = virtual_service::versions(service);
    let mut hosts: Vec<&str> = known
        .all()
        .iter()
        .map(|one| one.target.host.as_str())
        .collect();
    hosts.dedup();
    for host in hosts {
        let mut subsets: Vec<&str> = known
            .all()
            .iter()
            .filter(|one| one.target.host == host)
            .filter_map(|one| one.target.subset.as_deref())
            .collect();
        for mirror in mirrored(service, host) {
            if !subsets.contains(&mirror) {
                subsets.push(mirror);
            }
        }
        if subsets.is_empty() {
            continue;
        }
        let name = host.split('.').next().unwrap_or_default();
        let message = format!(
            "a DestinationRule for {name}, with a subset for each label version: {}",
            subsets.join(", ")
        );
        imported
            .lines
            .push(document.line("spec.template", Outcome::CarriedOver, message));
        let subsets: Vec<Value> = subsets
            .iter()
            .map(|subset| json!({"name": subset, "labels": {"version": subset}}))
            .collect();
        imported.resources.insert(
            0,
            json!({
                "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
                "metadata": {"name": name, "namespace": document.namespace},
                "spec": {"host": host, "subsets": subsets},
            }),
        );
    }
}

/// The subsets of `host` to which routes mirror.
fn mirrored<'d>(service: &'d Document, host: &str) -> Vec<&'d str> {
    let routes = objects(service.spec("http"));
    let mirrors = routes.flat_map(|route| {
        let several = objects(route.get("mirrors"));
        let several = several.filter_map(|one| one.get("destination")?.as_object());
        route
            .get("mirror")
            .and_then(Value::as_object)
            .into_iter()
            .chain(several)
    });
    let same =
        mirrors.filter(|to| text(to, "host").is_some_and(|known| service.qualified(known) == host));
    same.filter_map(|to| text(to, "subset")).collect()
}

#[cfg(test)]
mod tests {
    use super::systems;

    #[test]
    fn a_user_agent_with_the_words_of_systems_is_client_os() {
        let table: [(&str, Option<&[&str]>); 6] = [
            (".*(Android|iPhone).*", Some(&["android", "ios"])),
            (".*(iPhone|iPad).*", Some(&["ios"])),
            (".*Windows.*", Some(&["windows"])),
            (".*(Macintosh|Linux).*", Some(&["macos", "linux"])),
            (".*(Chrome|iPhone).*", None),
            ("(iPhone).*", None),
        ];
        for (regex, expected) in table {
            assert_eq!(systems(regex).as_deref(), expected, "{regex}");
        }
    }
}
