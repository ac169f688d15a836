//! Which service a host means.

/// What Istio and Kubernetes append to a service and its namespace.
const CLUSTER_LOCAL: &str = ".svc.cluster.local";

/// Whether a request for `host` is for the service of the full name `service`: by that name, or by a
/// short one, as the sidecars of `namespace` know it. Without a namespace the service may be in any.
pub fn means(host: &str, namespace: Option<&str>, service: &str) -> bool {
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

/// Whether the host `pattern` of a resource, which may begin with `*`, stands for all that `host`,
/// which may too, stands for.
pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => host
            .strip_suffix(suffix)
            .is_some_and(|rest| !rest.is_empty()),
        None => pattern == host,
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
            assert_eq!(means(host, namespace, service), expected, "{host}");
        }
        assert!(!means("reviews", None, "reviews.example.com"));
    }

    #[test]
    fn a_star_covers_what_ends_alike() {
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
}
