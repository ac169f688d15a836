//! Invitations: the keys, and the condition that a request carries one.

use std::cell::Cell;
use std::sync::Arc;

use super::names;
use crate::config::path::Path;
use crate::config::violation::Violations;
use crate::config::{InvitedConfig, Proxy, SigningConfig};
use crate::invitation::{Invited, Keys};
use crate::matching::Condition;

/// Each key is tried for each token of a request. A rotation needs two.
const MOST_KEYS: usize = 4;

const DEFAULT_QUERY_PARAM: &str = "halftone";
const DEFAULT_COOKIE: &str = "halftone-invitation";

/// The keys that `signing` names, with their values in `proxy`.
#[inline(never)]
pub fn keys(
    signing: Option<&SigningConfig>,
    proxy: Proxy<'_>,
    violations: &mut Violations,
) -> Keys {
    let Some(signing) = signing else {
        return Keys::default();
    };
    let path = Path::ROOT.field("signing");
    let path = path.field("keys");
    let named = signing.keys.as_deref();
    let names = named.unwrap_or_default();
    if names.is_empty() {
        let problem = named.map_or("missing", |_| "empty");
        let message = format!(
            "{problem}; write the name of at least one environment variable, such as keys: [HALFTONE_KEY]"
        );
        violations.add(&path, message);
    }
    if names.len() > MOST_KEYS {
        let message = format!("has {} keys; write at most {MOST_KEYS}", names.len());
        violations.add(&path, message);
    }
    for (index, name) in names.iter().take(MOST_KEYS).enumerate() {
        let path = path.index(index);
        let first = names.iter().position(|other| other == name);
        if !is_variable(name) {
            // The text may be the key itself, which must not come into a log.
            violations.add(
                &path,
                "expected the name of an environment variable: letters, digits and \"_\", no digit first; write the \
                 name, such as HALFTONE_KEY, and put the key into that variable",
            );
        } else if let Some(first) = first.filter(|first| *first != index) {
            violations.add(&path, format!("is the same as keys[{first}]; omit it"));
        }
    }
    let names = names.iter().take(MOST_KEYS).map(String::as_str);
    Keys::new(names, |name| proxy.variable(name))
}

fn is_variable(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(is_allowed)
}

/// The release to which conditions invite.
pub struct Inviting<'i> {
    release: &'i str,
    keys: &'i Arc<Keys>,
    is_used: Cell<bool>,
}

impl<'i> Inviting<'i> {
    /// Invitations to `release`, which `keys` sign.
    pub fn new(release: &'i str, keys: &'i Arc<Keys>) -> Self {
        Self {
            release,
            keys,
            is_used: Cell::new(false),
        }
    }

    /// Whether a condition invites.
    pub fn is_used(&self) -> bool {
        self.is_used.get()
    }

    /// The condition that a request carries an invitation to the release's rule `rule`.
    #[inline(never)]
    pub fn compile(
        &self,
        invited: &InvitedConfig,
        rule: &str,
        path: &Path<'_>,
        violations: &mut Violations,
    ) -> Condition {
        if self.keys.names().len() == 0 {
            let message = "needs a key; write signing: { keys: [HALFTONE_KEY] } at the top level of the configuration";
            violations.add(path, message);
        }
        let query_param = invited
            .query_param
            .as_deref()
            .unwrap_or(DEFAULT_QUERY_PARAM);
        let example = "the name of a query parameter, or omit queryParam";
        names::not_empty(query_param, &path.field("queryParam"), example, violations);
        let cookie = invited.cookie.as_deref().unwrap_or(DEFAULT_COOKIE);
        names::cookie(cookie, &path.field("cookie"), violations);
        self.is_used.set(true);
        Condition::Invited(Box::new(Invited {
            query_param: query_param.into(),
            cookie: cookie.into(),
            release: self.release.into(),
            rule: rule.into(),
            keys: Arc::clone(self.keys),
        }))
    }
}
