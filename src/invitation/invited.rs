//! The condition that a request carries a valid invitation.

use std::sync::Arc;

use super::{Keys, Refusal, Token};
use crate::request::RequestHead;

/// Holds for a request that carries an invitation to one rule of one release.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The query parameter that brings an invitation.
    pub query_param: Box<str>,
    /// The cookie that keeps it.
    pub cookie: Box<str>,
    /// The name of the release.
    pub release: Box<str>,
    /// The name of the rule.
    pub rule: Box<str>,
    /// The keys by which an invitation can be valid.
    pub keys: Arc<Keys>,
}

/// Where a request carries an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the query.
    Query,
    /// In a cookie.
    Cookie,
}

/// A valid invitation that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid<'h> {
    /// Where it is.
    pub place: Place,
    /// The token.
    pub token: &'h [u8],
    /// When it expires, in seconds since 1970-01-01T00:00:00Z.
    pub expiry: u64,
}

impl Invited {
    /// The steps of a request's budget that reading a token takes.
    const READ: u32 = 100;

    /// The steps that verifying it takes, for each key.
    const VERIFY: u32 = 2_000;

    /// All tokens that the request carries, in the order in which they are tested. An invitation in the
    /// query comes first, since it is the latest that the user has followed.
    pub fn carried<'h>(
        &self,
        head: &'h RequestHead<'_>,
    ) -> impl Iterator<Item = (Place, &'h [u8])> {
        let query = head.query_params(&self.query_param);
        let cookies = head
            .cookies(&self.cookie)
            .map(|token| -> &'h [u8] { token });
        let query = query.map(|token| (Place::Query, token));
        query.chain(cookies.map(|token| (Place::Cookie, token)))
    }

    /// The time at which `token` expires, in seconds since 1970-01-01T00:00:00Z, if it is valid at the
    /// time `now`, in milliseconds.
    ///
    /// # Errors
    ///
    /// The reason for which it is not valid.
    pub fn check(&self, token: &[u8], now: u64) -> Result<u64, Refusal> {
        let token = Token::read(token)?;
        if *token.release != *self.release.as_bytes() || *token.rule != *self.rule.as_bytes() {
            let name = |bytes| String::from_utf8_lossy(bytes).into();
            return Err(Refusal::Elsewhere {
                release: name(token.release),
                rule: name(token.rule),
            });
        }
        if token.expiry.saturating_mul(1_000) <= now {
            return Err(Refusal::Expired(token.expiry));
        }
        if self.keys.have_signed(&token) {
            return Ok(token.expiry);
        }
        let has_keys = self.keys.usable().next().is_some();
        Err(if has_keys {
            Refusal::NotSigned
        } else {
            Refusal::NoKey
        })
    }

    /// The first valid invitation that the request carries at the time `now`, in milliseconds. The
    /// request's budget pays for each token. If it leaves one unread, there is no invitation.
    pub fn find<'h>(&self, head: &'h RequestHead<'_>, now: u64) -> Option<Valid<'h>> {
        let keys = u32::try_from(self.keys.names().len()).unwrap_or(u32::MAX);
        let steps = Self::READ.saturating_add(Self::VERIFY.saturating_mul(keys));
        for (place, token) in self.carried(head) {
            if !head.budget().pay(steps) {
                return None;
            }
            if let Ok(expiry) = self.check(token, now) {
                return Some(Valid {
                    place,
                    token,
                    expiry,
                });
            }
        }
        None
    }

    /// The value of the `set-cookie` header that keeps an invitation from the query until it expires, at
    /// the time `now`, in milliseconds. None: a cookie keeps it already.
    #[must_use]
    pub fn set_cookie(&self, valid: &Valid<'_>, now: u64) -> Option<String> {
        if valid.place == Place::Cookie {
            return None;
        }
        let token = String::from_utf8_lossy(valid.token);
        let seconds = valid.expiry.saturating_sub(now / 1_000);
        let cookie = &self.cookie;
        Some(format!(
            "{cookie}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"
        ))
    }
}
