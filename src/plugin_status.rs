//! What all workers of a proxy know about one plugin, as a state machine: whether a good
//! configuration serves, and whether the latest one was refused.
//!
//! Envoy configures a plugin in each worker, which has memory of its own, and tries a new
//! configuration in a VM that it then throws away. Only data that all workers share outlives that, so
//! the state is a value of 32 bytes.
//!
//! A root of the trial VM looks like any other root while it is configured, but it never sees a tick.
//! So a root counts from its first tick on. Until then, for [`GRACE`], the time at which a
//! configuration was accepted speaks for the roots that do not count yet.
//!
//! A VM that crashes takes its roots with it, without a callback, and they stay counted. So a root that
//! serves says so with every tick, and after [`LEASE`] without a word no root serves.

use std::fmt;

/// How long an accepted configuration is taken to serve before one of its roots counts, in
/// milliseconds.
pub const GRACE: u64 = 2_000;

/// How long the roots that serve are taken to be alive after one of them saw a tick, in milliseconds.
/// Roots see a tick every two seconds.
pub const LEASE: u64 = 10_000;

/// The state of one plugin in one proxy. The default is that of a plugin that the proxy does not
/// have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginStatus {
    /// Roots that serve a good configuration: each worker, and the main thread, has one for each
    /// configuration in use.
    serving: u32,
    /// Roots that let requests pass.
    passing: u32,
    /// Releases of the latest good configuration.
    releases: u32,
    /// Keys of the latest good configuration that sign and verify invitations.
    signing_keys: u8,
    /// Whether the latest configuration was refused.
    is_rejected: bool,
    /// When the latest good configuration was accepted, or a root that serves one last saw a tick, in
    /// milliseconds since 1970.
    served_at: u64,
    /// The hash of the latest bad text that was let pass. Envoy keeps the verdict of its trial, so a
    /// worker that reads the text later, when something serves already, must give the same verdict.
    passed: u64,
}

/// What a root does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves a good configuration.
    Serving,
    /// Its configuration was refused and nothing else serves: it lets requests pass.
    Passing,
}

/// What happens after a root refused a configuration. It prints as the log says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Envoy rejects the configuration. What serves in its workers keeps serving.
    Reject,
    /// The root serves what served before in its VM.
    ServeOn,
    /// Nothing served before: requests pass untouched.
    Pass,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reject | Self::ServeOn => "the last good one keeps serving",
            Self::Pass => "requests pass untouched until a good one comes",
        })
    }
}

impl PluginStatus {
    /// The number of bytes of a state.
    pub const SIZE: usize = 32;

    /// A root accepted a configuration of `releases` at the time `now`.
    #[must_use]
    pub fn accepted(self, releases: usize, now: u64) -> Self {
        Self {
            releases: u32::try_from(releases).unwrap_or(u32::MAX),
            is_rejected: false,
            served_at: now,
            ..self.without_dead(now)
        }
    }

    /// The latest good configuration has this number of keys that sign and verify invitations.
    #[must_use]
    pub fn with_signing_keys(self, keys: usize) -> Self {
        Self {
            signing_keys: u8::try_from(keys).unwrap_or(u8::MAX),
            ..self
        }
    }

    /// A root that serves is alive at the time `now`.
    #[must_use]
    pub fn alive(self, now: u64) -> Self {
        Self {
            serving: self.serving.max(1),
            served_at: now,
            ..self
        }
    }

    /// The state without the roots of VMs that crashed.
    fn without_dead(self, now: u64) -> Self {
        let are_dead = now.saturating_sub(self.served_at) >= LEASE;
        Self {
            serving: if are_dead { 0 } else { self.serving },
            ..self
        }
    }

    /// A root refused the configuration whose text has the hash `text`, at the time `now`.
    #[must_use]
    pub fn refused(self, text: u64, now: u64) -> Self {
        let passed = if self.rejects(text, now) {
            self.passed
        } else {
            text
        };
        Self {
            is_rejected: true,
            passed,
            ..self.without_dead(now)
        }
    }

    /// Whether Envoy is to reject a bad configuration whose text has the hash `text`, at the time
    /// `now`: a good one serves in the proxy, and the text was not let pass before.
    #[must_use]
    pub fn rejects(&self, text: u64, now: u64) -> bool {
        let is_fresh = now.saturating_sub(self.served_at) < GRACE;
        (self.without_dead(now).serving > 0 || is_fresh) && self.passed != text
    }

    /// A root in this `role` saw its first tick.
    #[must_use]
    pub fn counted(self, role: Role) -> Self {
        self.with(role, 1)
    }

    /// A root in this `role` ended; `counts` if it saw a tick. `is_last` if its VM has no other root
    /// of the plugin. With the last root that counts the plugin is gone. An update does not end the
    /// plugin: the worker has the new root already, though that may not count yet.
    #[must_use]
    pub fn ended(self, role: Role, counts: bool, is_last: bool) -> Self {
        let left = if counts { self.with(role, -1) } else { self };
        if is_last && left.serving == 0 && left.passing == 0 {
            Self::default()
        } else {
            left
        }
    }

    fn with(self, role: Role, more: i32) -> Self {
        match role {
            Role::Serving => Self {
                serving: self.serving.saturating_add_signed(more),
                ..self
            },
            Role::Passing => Self {
                passing: self.passing.saturating_add_signed(more),
                ..self
            },
        }
    }

    /// Whether the proxy has the plugin.
    #[must_use]
    pub fn exists(&self) -> bool {
        *self != Self::default()
    }

    /// Releases of the latest good configuration.
    #[must_use]
    pub fn releases(&self) -> u32 {
        self.releases
    }

    /// Keys of the latest good configuration that sign and verify invitations.
    #[must_use]
    pub fn signing_keys(&self) -> u8 {
        self.signing_keys
    }

    /// Whether the latest configuration was refused.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.is_rejected
    }

    /// The state as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let roots = (u64::from(self.serving) << 32) | u64::from(self.passing);
        let keys = u64::from(self.signing_keys) << 8;
        let latest = (u64::from(self.releases) << 32) | keys | u64::from(self.is_rejected);
        let words = [roots, latest, self.served_at, self.passed];
        let mut bytes = [0; Self::SIZE];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The state in `bytes`. Bytes of another length come from another version of Halftone in the same
    /// proxy, or nobody wrote any; they give the default.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let ([roots, latest, served_at, passed], []) = bytes.as_chunks::<8>() else {
            return Self::default();
        };
        let [roots, latest, served_at, passed] =
            [roots, latest, served_at, passed].map(|word| u64::from_le_bytes(*word));
        Self {
            serving: (roots >> 32) as u32,
            passing: roots as u32,
            releases: (latest >> 32) as u32,
            signing_keys: (latest >> 8) as u8,
            is_rejected: latest & 1 == 1,
            served_at,
            passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const BAD: u64 = 7;
    const WORSE: u64 = 8;

    fn nothing() -> PluginStatus {
        PluginStatus::default()
    }

    fn serving() -> PluginStatus {
        nothing().accepted(3, NOW).counted(Role::Serving)
    }

    #[test]
    fn a_bad_configuration_is_rejected_only_while_a_good_one_serves() {
        let later = NOW + GRACE;
        let table = [
            ("nothing serves", nothing(), BAD, NOW, false),
            ("a root serves", serving(), BAD, later, true),
            (
                "a good one was just accepted",
                nothing().accepted(3, NOW),
                BAD,
                later - 1,
                true,
            ),
            (
                "a good one was accepted, and no root came",
                nothing().accepted(3, NOW),
                BAD,
                later,
                false,
            ),
            (
                "the clock went back",
                nothing().accepted(3, NOW),
                BAD,
                NOW - 5,
                true,
            ),
            (
                "requests pass",
                nothing().refused(BAD, NOW).counted(Role::Passing),
                WORSE,
                NOW,
                false,
            ),
            (
                "the last serving root ended",
                serving().ended(Role::Serving, true, false),
                BAD,
                later,
                false,
            ),
        ];
        for (name, status, text, now, rejects) in table {
            assert_eq!(status.rejects(text, now), rejects, "{name}");
        }
    }

    #[test]
    fn a_text_that_was_let_pass_is_never_rejected_later() {
        let passed = nothing().refused(BAD, NOW).counted(Role::Passing);
        let good = passed.accepted(3, NOW).counted(Role::Serving);
        assert!(!good.rejects(BAD, NOW));
        assert!(good.rejects(WORSE, NOW));
        assert!(
            !good.refused(WORSE, NOW).rejects(BAD, NOW),
            "a rejected text is not a passed one"
        );
    }

    #[test]
    fn the_latest_configuration_decides_whether_the_plugin_is_rejected() {
        let bad = serving().refused(BAD, NOW);
        assert!(bad.is_rejected() && bad.releases() == 3);
        let good = bad.accepted(5, NOW);
        assert!(!good.is_rejected() && good.releases() == 5);
    }

    #[test]
    fn the_plugin_is_gone_with_its_last_root() {
        let two = serving().counted(Role::Serving);
        let one = two.ended(Role::Serving, true, true);
        assert!(one.exists(), "another worker has a root");
        assert!(
            one.ended(Role::Serving, true, false).exists(),
            "this VM has a newer root"
        );
        assert!(!one.ended(Role::Serving, true, true).exists());
        assert!(
            one.ended(Role::Serving, false, true).exists(),
            "a root of the trial VM counts for nothing"
        );
    }

    #[test]
    fn roots_of_vms_that_crashed_are_forgotten() {
        let silent = NOW + LEASE;
        assert!(serving().rejects(BAD, silent - 1));
        assert!(!serving().rejects(BAD, silent), "nothing serves");
        let ticked = serving().alive(NOW + 5_000);
        assert!(ticked.rejects(BAD, silent), "a root saw a tick");

        let again = serving().accepted(3, silent).counted(Role::Serving);
        assert_eq!(again, nothing().accepted(3, silent).counted(Role::Serving));
        assert!(!again.ended(Role::Serving, true, true).exists());
        let passed = serving().refused(BAD, silent).counted(Role::Passing);
        assert!(!passed.rejects(WORSE, silent), "requests pass");

        // A proxy that was stopped for long forgets roots that live.
        let woken = serving().refused(BAD, silent).alive(silent);
        assert!(woken.rejects(WORSE, silent + GRACE));
    }

    #[test]
    fn a_state_survives_as_bytes() {
        let states = [
            nothing(),
            serving(),
            serving().refused(BAD, NOW),
            nothing().refused(u64::MAX, NOW).counted(Role::Passing),
            nothing().accepted(usize::MAX, u64::MAX),
            serving().with_signing_keys(2).refused(BAD, NOW),
            nothing()
                .accepted(0, NOW)
                .with_signing_keys(usize::from(u8::MAX)),
        ];
        for state in states {
            assert_eq!(PluginStatus::from_bytes(&state.to_bytes()), state);
        }
        for length in [0, 1, 31, 33, 40] {
            assert_eq!(
                PluginStatus::from_bytes(&vec![1; length]),
                nothing(),
                "{length} bytes"
            );
        }
    }
}
