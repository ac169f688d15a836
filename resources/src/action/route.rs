//! The last route of a VirtualService, which leads to the principal.

use halftone::release::{Release, Route};
use serde_json::{Value, json};

use super::Outcome;
use super::edit::{Edit, Step, object};
use super::error::ActionError;
use super::find::places;
use crate::resource::Resource;
use crate::service::qualified;
use crate::virtual_service::{HttpRoute, VirtualService};

/// The path of the subset of a route with one destination.
fn to_subset() -> Vec<Step> {
    vec![
        "route".into(),
        0.into(),
        "destination".into(),
        "subset".into(),
    ]
}

/// What a new principal needs from the VirtualServices beside a release.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// The number of VirtualServices that route the release.
    pub found: usize,
    /// The changes, each with the index of its document.
    pub edits: Vec<(usize, Edit)>,
    /// What the user must know or do.
    pub notes: Vec<String>,
}

/// The changes that let the last routes of the release that `outcome` changes lead to `version`, its new principal.
pub(super) fn to_promoted(
    documents: &[Value],
    outcome: &Outcome,
    version: &str,
) -> Result<Routes, ActionError> {
    let compiled = halftone::config::load_value(&outcome.after);
    let compiled = compiled.map_err(ActionError::InvalidAfter)?;
    let mut all = compiled.all().iter();
    let Some(release) = all.find(|one| *one.name == *outcome.release) else {
        return Ok(Routes::default());
    };
    let before = halftone::config::load_value(&outcome.before);
    let before = before.map_err(ActionError::InvalidBefore)?;
    let mut before = before.all().iter();
    let before = before.find(|one| *one.name == *outcome.release);
    let versions = before.into_iter().chain([release]);
    let versions = versions.flat_map(|release| &release.versions);
    let mut others: Vec<&str> = versions.map(|one| one.name()).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|other| *other != version);
    Ok(to_principal(documents, release, version, &others))
}

/// The changes that let the last routes of a release, for requests that Halftone did not see, lead to its new principal.
/// `others` are its other versions.
fn to_principal(
    documents: &[Value],
    release: &Release,
    principal: &str,
    others: &[&str],
) -> Routes {
    let mut routes = Routes::default();
    let Route::Header(header) = &release.route else {
        return routes;
    };
    for place in places(documents) {
        let Ok(Resource::VirtualService(service)) = Resource::of(place.value.clone()) else {
            continue;
        };
        if !is_of(&service, release) {
            continue;
        }
        routes.found += 1;
        let mut all = service.http.iter();
        let its_own = all.find(|route| matches(route, header, principal));
        let to = its_own.and_then(|route| Some(&route.route.first()?.destination));
        let (Some(to), Some(last)) = (to, service.http.last()) else {
            continue;
        };
        let name = format!(
            "VirtualService {}/{}",
            service.meta.namespace, service.meta.name
        );
        match (last.route.as_slice(), &to.subset) {
            ([one], Some(subset)) if last.r#match.is_empty() && one.destination.host == to.host => {
                if one.destination.subset.as_ref() != Some(subset) {
                    let index = service.http.len().saturating_sub(1);
                    let mut http = place.path;
                    http.extend(["spec".into(), "http".into()]);
                    let mut unrouted = others.to_vec();
                    unrouted.retain(|version| {
                        let mut all = service.http.iter();
                        !all.any(|route| matches(route, header, version))
                    });
                    let edits = match unrouted.is_empty() {
                        true => vec![redirected(&http, index, subset)],
                        false => separated(place.value, &http, index, header, &unrouted, subset),
                    };
                    let edits = edits.into_iter().map(|edit| (place.document, edit));
                    routes.edits.extend(edits);
                }
            }
            _ => routes.notes.push(format!(
                "{name}: let the last route, for requests that Halftone did not see, lead to {principal}."
            )),
        }
    }
    routes
}

/// The change that lets the route at `index` of `http` lead to another subset.
fn redirected(http: &[Step], index: usize, subset: &str) -> Edit {
    Edit::Set {
        path: [http, &[index.into()], &to_subset()].concat(),
        value: subset.into(),
    }
}

/// The changes that keep the last route, at `index` of `http`, for these versions, which have no other route, and add a
/// last route like it that leads to another subset.
fn separated(
    service: &Value,
    http: &[Step],
    index: usize,
    header: &str,
    versions: &[&str],
    subset: &str,
) -> Vec<Edit> {
    let last = service.pointer(&format!("/spec/http/{index}"));
    let mut added = last.cloned().unwrap_or_default();
    if let Some(fields) = added.as_object_mut() {
        fields.insert("name".into(), "undecided".into());
    }
    let path = to_subset();
    let value = subset.into();
    Edit::Set { path, value }.apply(&mut added);
    let matches = versions
        .iter()
        .map(|version| json!({ "headers": object(header, json!({ "exact": version })) }));
    vec![
        Edit::Set {
            path: [http, &[index.into(), "match".into()]].concat(),
            value: matches.collect(),
        },
        Edit::Push {
            path: http.to_vec(),
            value: added,
        },
    ]
}

/// Whether a VirtualService has the routes of `release`.
fn is_of(service: &VirtualService, release: &Release) -> bool {
    let namespace = &service.meta.namespace;
    let mut claimed = release.hosts.iter().map(|host| qualified(host, namespace));
    claimed.any(|host| service.hosts.contains(&host))
}

/// Whether a route is for the requests that `header` sends to `version`.
fn matches(route: &HttpRoute, header: &str, version: &str) -> bool {
    route.r#match.iter().any(|one| {
        let mut headers = one.headers.iter();
        headers.any(|(name, test)| {
            name.eq_ignore_ascii_case(header) && test.exact.as_deref() == Some(version)
        })
    })
}
