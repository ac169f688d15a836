//! The names by which a service is called: by the rules of Kubernetes, and of Istio's resources.

/// The suffix of the full name of a service in its cluster.
const CLUSTER_LOCAL: &str = ".svc.cluster.local";

/// The full name of the service that a resource in `namespace` calls `host`, in lower case. A name
/// without a dot is a service of that namespace. This is Istio's rule, which takes the namespace of the
/// resource and not of the client.
///
/// ```
/// use halftone_resources::service::qualified;
///
/// assert_eq!(qualified("reviews", "bookinfo"), "reviews.bookinfo.svc.cluster.local");
/// assert_eq!(qualified("reviews.example.com", "bookinfo"), "reviews.example.com");
/// assert_eq!(qualified("*", "bookinfo"), "*");
/// ```
#[must_use]
pub fn qualified(host: &str, namespace: &str) -> String {
    let host = host.to_ascii_lowercase();
    if host.contains('.') || host == "*" {
        host
    } else {
        format!("{host}.{namespace}{CLUSTER_LOCAL}")
    }
}

/// Whether `host` is a name of the service with the full name `service`: that name, or a short name
/// that the sidecars of `namespace` know. Without a namespace, the service may be in any.
#[must_use]
pub fn is_name_of(host: &str, namespace: Option<&str>, service: &str) -> bool {
    if host.eq_ignore_ascii_case(service) {
        return true;
    }
    let Some(short) = service.strip_suffix(CLUSTER_LOCAL) else {
        return false;
    };
    let host = host.to_ascii_lowercase();
    match short.split_once('.') {
        Some((name, its_own)) if host == name => namespace.is_none_or(|known| known == its_own),
        Some(_) => host.strip_suffix(".svc").unwrap_or(&host) == short,
        None => false,
    }
}

/// Whether the host `pattern` of a resource, which may begin with `*`, includes all hosts of `host`,
/// which may begin with `*` too.
#[must_use]
pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => host
            .strip_suffix(suffix)
            .is_some_and(|rest| !rest.is_empty()),
        None => pattern == host,
    }
}

/// The full name of the service that `host` names. `host` is one of `hosts`, the hosts of one release in
/// `namespace`: `reviews` and `reviews.bookinfo` together name one service. None: it names no service of
/// Kubernetes, as `reviews.example.com` and `*.example.com`.
#[must_use]
pub fn service_of(host: &str, hosts: &[String], namespace: &str) -> Option<String> {
    let labels: Vec<&str> = host.split('.').collect();
    if !labels.iter().all(|label| is_label(label)) {
        return None;
    }
    let is_its_full_name = |other: &&String| {
        let rest = other.strip_prefix(host);
        rest.is_some_and(|rest| rest.starts_with('.')) && is_full(other)
    };
    match *labels {
        _ if is_full(host) => Some(host.into()),
        [name] if hosts.iter().any(|other| is_in(other, name, namespace)) => hosts
            .iter()
            .find(|other| is_in(other, name, namespace))
            .cloned(),
        [_] | [_, _] | [_, _, "svc"] if hosts.iter().any(|other| is_its_full_name(&other)) => {
            hosts.iter().find(is_its_full_name).cloned()
        }
        [name, namespace, "svc"] => Some(qualified(name, namespace)),
        [name] => {
            let mut namespaces = hosts.iter().filter_map(|other| {
                let (first, namespace) = other.split_once('.')?;
                (first == name && !namespace.contains('.')).then_some(namespace)
            });
            Some(qualified(name, namespaces.next().unwrap_or(namespace)))
        }
        [name, of] if of == namespace || hosts.iter().any(|other| other == name) => {
            Some(qualified(name, of))
        }
        _ => None,
    }
}

/// Whether `host` is the full name of the service `name` in `namespace`.
fn is_in(host: &str, name: &str, namespace: &str) -> bool {
    is_full(host) && name_and_namespace(host) == (name, Some(namespace))
}

/// Whether `host` has the form `name.namespace.svc.domain`.
fn is_full(host: &str) -> bool {
    matches!(*host.split('.').collect::<Vec<_>>(), [_, _, "svc", _, ..])
}

fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !label.is_empty() && label.bytes().all(is_inner)
}

/// The name and the namespace of the service with the full name `host`. Of another host, its first label
/// and no namespace.
///
/// ```
/// use halftone_resources::service::name_and_namespace;
///
/// assert_eq!(name_and_namespace("reviews.bookinfo.svc.cluster.local"), ("reviews", Some("bookinfo")));
/// assert_eq!(name_and_namespace("reviews.example.com"), ("reviews", None));
/// ```
#[must_use]
pub fn name_and_namespace(host: &str) -> (&str, Option<&str>) {
    let mut labels = host.split('.');
    let name = labels.next().unwrap_or_default();
    match (labels.next(), labels.next()) {
        (Some(namespace), Some("svc")) => (name, Some(namespace)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_full_name_and_shorter_ones() {
        let service = "reviews.bookinfo.svc.cluster.local";
        let table = [
            (service, Some("shop"), true),
            ("reviews.bookinfo.svc", Some("shop"), true),
            ("Reviews.Bookinfo", Some("shop"), true),
            ("reviews", Some("bookinfo"), true),
            ("reviews", None, true),
            ("reviews", Some("shop"), false),
            ("reviews.shop", None, false),
            ("ratings", None, false),
            ("reviews.svc", Some("bookinfo"), false),
        ];
        for (host, namespace, expected) in table {
            assert_eq!(is_name_of(host, namespace, service), expected, "{host}");
        }
        assert!(!is_name_of("reviews", None, "reviews.example.com"));
    }

    #[test]
    fn a_star_covers_all_hosts_with_its_suffix() {
        let table = [
            ("*", "reviews.example.com", true),
            ("*.example.com", "reviews.example.com", true),
            ("*.example.com", "*.eu.example.com", true),
            ("*.example.com", "*.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.eu.example.com", "*.example.com", false),
            ("reviews.example.com", "reviews.example.com", true),
            ("reviews.example.com", "*", false),
        ];
        for (pattern, host, expected) in table {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn the_hosts_of_a_release_name_services_together() {
        const FULL: &str = "reviews.bookinfo.svc.cluster.local";
        let table: [(&[&str], Option<&str>); 13] = [
            (&["reviews"], Some("reviews.default.svc.cluster.local")),
            (&["reviews", "reviews.bookinfo"], Some(FULL)),
            (&["reviews.bookinfo", "reviews"], Some(FULL)),
            (&["reviews", FULL], Some(FULL)),
            (&["reviews.bookinfo", FULL], Some(FULL)),
            (&["reviews.bookinfo.svc"], Some(FULL)),
            (
                &["reviews.default"],
                Some("reviews.default.svc.cluster.local"),
            ),
            (&["reviews.bookinfo"], None),
            (
                &["reviews.a.svc", "reviews.a.svc.example.org"],
                Some("reviews.a.svc.example.org"),
            ),
            (
                &["reviews", FULL, "reviews.default.svc.example.org"],
                Some("reviews.default.svc.example.org"),
            ),
            (&["reviews.example.com"], None),
            (&["*.example.com"], None),
            (
                &["reviews.a.svc.example.org"],
                Some("reviews.a.svc.example.org"),
            ),
        ];
        for (hosts, expected) in table {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let got = service_of(&hosts[0], &hosts, "default");
            assert_eq!(got.as_deref(), expected, "{hosts:?}");
        }
    }
}
