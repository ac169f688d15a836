//! Who looks at the page, and what they may see and change.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::cluster::Session;

/// The beginning of a document's id, if the document is a plugin of a cluster.
const CLUSTER: &str = "cluster://";

/// The plugins of one kind in one namespace, to which rights apply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The kind in paths of the API: `wasmplugins`.
    pub plural: String,
    /// The namespace.
    pub namespace: String,
}

impl Place {
    /// The id of the plugin `name` in this place.
    #[must_use]
    pub fn document(&self, name: &str) -> String {
        format!("{CLUSTER}{}/{}/{name}", self.plural, self.namespace)
    }

    /// The place of a document. None: the document is not in a cluster.
    #[must_use]
    pub fn of(document: &str) -> Option<Self> {
        let mut parts = document.strip_prefix(CLUSTER)?.split('/');
        let (plural, namespace) = (parts.next()?, parts.next()?);
        Some(Self {
            plural: plural.into(),
            namespace: namespace.into(),
        })
    }
}

/// The id of a release: its name, in a cluster after the namespace of its plugin.
#[must_use]
pub fn release_id(document: &str, name: &str) -> String {
    match Place::of(document) {
        Some(place) => format!("{}/{name}", place.namespace),
        None => name.into(),
    }
}

/// What a viewer may see and change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    everything: bool,
    seen: BTreeSet<Place>,
    changed: BTreeSet<Place>,
}

impl Sight {
    /// Everything may be seen and changed.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// Only the plugins in `seen`, of which those in `changed` may be changed.
    #[must_use]
    pub fn of(seen: BTreeSet<Place>, changed: BTreeSet<Place>) -> Self {
        Self {
            everything: false,
            seen,
            changed,
        }
    }

    /// Whether all is seen, also what belongs to no namespace.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// A word that changes with what is granted.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.seen, &self.changed).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Whether a document may be seen.
    #[must_use]
    pub fn sees(&self, document: &str) -> bool {
        self.everything || Place::of(document).is_some_and(|place| self.seen.contains(&place))
    }

    /// Whether a document may be changed.
    #[must_use]
    pub fn changes(&self, document: &str) -> bool {
        self.everything || Place::of(document).is_some_and(|place| self.changed.contains(&place))
    }

    /// Whether the numbers of a release may be seen: those of a namespace of which some kind of plugin may be seen.
    #[must_use]
    pub fn sees_release(&self, id: &str) -> bool {
        let namespace = id.split_once('/').map_or("", |(namespace, _)| namespace);
        self.everything || self.seen.iter().any(|place| place.namespace == namespace)
    }
}

/// Who looks at the page.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The name in the history and in the audit. Empty: whoever has the link.
    pub name: String,
    /// What they may see and change.
    pub sight: Arc<Sight>,
    /// By whose rights a cluster is changed. None: the configurations are not in a cluster.
    pub session: Option<Arc<Session>>,
}

impl Viewer {
    /// Whoever has the link to a console without a cluster.
    #[must_use]
    pub fn with_link() -> Self {
        Self {
            name: String::new(),
            sight: Arc::new(Sight::everything()),
            session: None,
        }
    }
}

/// Prints the kind and the namespace.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.plural, self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(plural: &str, namespace: &str) -> Place {
        Place {
            plural: plural.into(),
            namespace: namespace.into(),
        }
    }

    #[test]
    fn a_document_of_a_cluster_has_a_place_and_a_file_has_none() {
        let shop = place("wasmplugins", "shop");
        assert_eq!(Place::of(&shop.document("web")), Some(shop));
        for file in ["releases.yaml", "/etc/wasmplugins/shop/web", "cluster:", ""] {
            assert_eq!(Place::of(file), None, "{file}");
        }
    }

    #[test]
    fn only_what_is_granted_is_seen_and_changed() {
        let (shop, bank) = (place("wasmplugins", "shop"), place("wasmplugins", "bank"));
        let both = BTreeSet::from([shop.clone(), bank.clone()]);
        let sight = Sight::of(both, BTreeSet::from([shop.clone()]));
        let other = place("trafficextensions", "shop");
        for (document, sees, changes) in [
            (shop.document("a"), true, true),
            (bank.document("a"), true, false),
            (other.document("a"), false, false),
            (place("wasmplugins", "shop2").document("a"), false, false),
            ("releases.yaml".into(), false, false),
            (String::new(), false, false),
        ] {
            assert_eq!(sight.sees(&document), sees, "{document}");
            assert_eq!(sight.changes(&document), changes, "{document}");
            assert!(Sight::everything().changes(&document));
        }
        for (release, sees) in [("shop/web", true), ("shop2/web", false), ("web", false)] {
            assert_eq!(sight.sees_release(release), sees, "{release}");
        }
    }
}
