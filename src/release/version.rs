//! A version of a service, as a release knows it.

use super::draws::salt;

/// A version of the release's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    name: Box<str>,
    index: usize,
    salt: u64,
    authority: Option<Box<str>>,
}

impl Version {
    /// The version `name`, the `index`-th of its release. With `authority`, requests reach it under
    /// that `:authority`.
    #[must_use]
    pub fn new(name: &str, index: usize, authority: Option<&str>) -> Self {
        Self {
            name: name.into(),
            index,
            salt: salt(name),
            authority: authority.map(Into::into),
        }
    }

    /// Its name: the value of the routing header, the subset in Istio.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its place in [`Release::versions`](super::Release::versions).
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The `:authority` of its own service, where the release routes by authority.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    pub(super) fn salt(&self) -> u64 {
        self.salt
    }
}
