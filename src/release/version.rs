//! A version of a service.

use crate::draw::salt;

/// A version of a release's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    name: Box<str>,
    index: usize,
    salt: u64,
    authority: Option<Box<str>>,
}

impl Version {
    /// The version `name`, with its index in [`Release::versions`](super::Release::versions), and the
    /// `:authority` under which requests reach it, if the release routes by authority.
    #[must_use]
    pub fn new(name: &str, index: usize, authority: Option<&str>) -> Self {
        Self {
            name: name.into(),
            index,
            salt: salt(name),
            authority: authority.map(Into::into),
        }
    }

    /// Its name. It is the value of the routing header, and the subset in Istio.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its index in [`Release::versions`](super::Release::versions).
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The `:authority` of its own service, if the release routes by authority.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    pub(super) fn salt(&self) -> u64 {
        self.salt
    }
}
