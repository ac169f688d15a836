//! The last route of a VirtualService, which leads to the principal.

use halftone::release::{Release, Route};
use serde_json::Value;

use super::edit::{Edit, Step};
use super::find::places;
use crate::resource::Resource;
use crate::service::qualified;
use crate::virtual_service::{HttpRoute, VirtualService};

/// What a new principal needs from the VirtualServices beside a release.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// The changes, each with the index of its document.
    pub edits: Vec<(usize, Edit)>,
    /// What the user must know or do.
    pub notes: Vec<String>,
}

/// The changes that let the last routes of a release, for requests that Halftone did not see, lead to its new principal.
pub(super) fn to_principal(documents: &[Value], release: &Release, principal: &str) -> Routes {
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
                    let steps: [Step; 7] = [
                        "spec".into(),
                        "http".into(),
                        index.into(),
                        "route".into(),
                        0.into(),
                        "destination".into(),
                        "subset".into(),
                    ];
                    let mut path = place.path;
                    path.extend(steps);
                    let value = subset.as_str().into();
                    routes.edits.push((place.document, Edit::Set { path, value }));
                }
            }
            _ => routes.notes.push(format!(
                "{name}: let the last route, for requests that Halftone did not see, lead to {principal}."
            )),
        }
    }
    routes
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
