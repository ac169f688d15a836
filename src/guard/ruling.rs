//! The verdicts about the versions of a release, which all workers share.

/// The verdicts about the versions of one release.
///
/// Workers share it as bytes. It belongs to one configuration of the release, by `identity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rulings {
    /// The hash of the release's configuration.
    pub identity: u64,
    /// One for each version that was ever found failing.
    pub all: Vec<Ruled>,
}

/// The latest verdict about one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The version's name.
    pub version: Box<str>,
    /// How often it was found failing.
    pub times: u32,
    /// When it gets its traffic back, in milliseconds since 1970-01-01T00:00:00Z; `u64::MAX` for
    /// never.
    pub until: u64,
}

impl Rulings {
    /// The verdict about the version of this name.
    #[must_use]
    pub fn of(&self, version: &str) -> Option<&Ruled> {
        self.all.iter().find(|ruled| *ruled.version == *version)
    }

    /// Whether the version of this name is out of traffic at the time `now`.
    #[must_use]
    pub fn is_failing(&self, version: &str, now: u64) -> bool {
        self.of(version).is_some_and(|ruled| now < ruled.until)
    }

    /// The version of this name is failing at the time `now`. It gets its traffic back after `retry`
    /// milliseconds; after the second verdict twice that time, and so on.
    pub fn rule(&mut self, version: &str, now: u64, retry: Option<u64>) {
        let times = self.of(version).map_or(0, |ruled| ruled.times);
        let pause = retry.and_then(|retry| retry.checked_mul(1_u64.checked_shl(times)?));
        let ruled = Ruled {
            version: version.into(),
            times: times.saturating_add(1),
            until: pause.map_or(u64::MAX, |pause| now.saturating_add(pause)),
        };
        self.all.retain(|ruled| *ruled.version != *version);
        self.all.push(ruled);
    }

    /// The bytes that [`Rulings::from_bytes`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.identity.to_le_bytes().to_vec();
        for ruled in &self.all {
            let name = ruled.version.as_bytes();
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name);
            bytes.extend(ruled.times.to_le_bytes());
            bytes.extend(ruled.until.to_le_bytes());
        }
        bytes
    }

    /// What [`Rulings::to_bytes`] wrote. Other bytes give what can be read of them; none give no
    /// verdicts.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Self {
        let mut rulings = Self {
            identity: take(&mut bytes).map_or(0, u64::from_le_bytes),
            all: Vec::new(),
        };
        while let Some(ruled) = read(&mut bytes) {
            rulings.all.push(ruled);
        }
        rulings
    }
}

fn read(bytes: &mut &[u8]) -> Option<Ruled> {
    let length = usize::try_from(u64::from_le_bytes(take(bytes)?)).ok()?;
    let (name, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Ruled {
        version: std::str::from_utf8(name).ok()?.into(),
        times: u32::from_le_bytes(take(bytes)?),
        until: u64::from_le_bytes(take(bytes)?),
    })
}

pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_doubles_the_time_until_the_next_try() {
        let mut rulings = Rulings::default();
        for (times, expected) in [(1, 110), (2, 120), (3, 140), (4, 180)] {
            rulings.rule("v2", 100, Some(10));
            let ruled = rulings.of("v2").unwrap();
            assert_eq!((ruled.times, ruled.until), (times, expected));
        }
        assert!(rulings.is_failing("v2", 179));
        assert!(!rulings.is_failing("v2", 180));
        assert!(!rulings.is_failing("v3", 100));
        for _ in 0..100 {
            rulings.rule("v2", 100, Some(10));
        }
        assert_eq!(rulings.of("v2").unwrap().until, u64::MAX);
        assert_eq!(rulings.all.len(), 1);
    }

    #[test]
    fn without_a_retry_a_verdict_is_for_ever() {
        let mut rulings = Rulings::default();
        rulings.rule("v2", 100, None);
        assert!(rulings.is_failing("v2", u64::MAX - 1));
    }

    #[test]
    fn the_bytes_give_the_same_verdicts() {
        let mut rulings = Rulings {
            identity: 0xfeed,
            all: Vec::new(),
        };
        for version in ["", "v2", &"v".repeat(300)] {
            rulings.rule(version, 5, Some(1));
            assert_eq!(Rulings::from_bytes(&rulings.to_bytes()), rulings);
        }
    }

    #[test]
    fn any_bytes_are_read() {
        let mut rulings = Rulings::default();
        rulings.rule("v2", 5, None);
        let bytes = rulings.to_bytes();
        for length in 0..bytes.len() {
            assert!(Rulings::from_bytes(&bytes[..length]).all.is_empty());
        }
        assert!(Rulings::from_bytes(&[0xff; 64]).all.is_empty());
    }
}
