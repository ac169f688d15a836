//! The responses of a release in all workers, which they share.

use super::Tally;
use super::ruling::take;

/// The responses of the versions of one release, and those of them that failed.
///
/// Workers share it as bytes. It belongs to one configuration of the release, by `identity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The hash of the release's configuration.
    pub identity: u64,
    /// In the order of the release's versions.
    pub tallies: Vec<Tally>,
}

impl Counted {
    /// Adds the responses of one worker to what `bytes` has. Bytes of another configuration count as
    /// none.
    #[must_use]
    pub fn add(identity: u64, bytes: &[u8], of_worker: &[Tally]) -> Self {
        let before = Self::from_bytes(bytes);
        let before = (before.identity == identity).then_some(before.tallies);
        let mut before = before.unwrap_or_default().into_iter();
        let of_worker = of_worker.iter();
        let tallies = of_worker.map(|more| before.next().unwrap_or_default() + *more);
        Self {
            identity,
            tallies: tallies.collect(),
        }
    }

    /// The bytes that [`Counted::from_bytes`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.identity.to_le_bytes().to_vec();
        for tally in &self.tallies {
            bytes.extend(tally.responses.to_le_bytes());
            bytes.extend(tally.failures.to_le_bytes());
        }
        bytes
    }

    /// What [`Counted::to_bytes`] wrote. Other bytes give what can be read of them.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Self {
        let identity = take(&mut bytes).map_or(0, u64::from_le_bytes);
        let mut tallies = Vec::new();
        while let (Some(responses), Some(failures)) = (take(&mut bytes), take(&mut bytes)) {
            tallies.push(Tally {
                responses: u64::from_le_bytes(responses),
                failures: u64::from_le_bytes(failures),
            });
        }
        Self { identity, tallies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(responses: u64, failures: u64) -> Tally {
        Tally {
            responses,
            failures,
        }
    }

    #[test]
    fn the_responses_of_all_workers_add_up() {
        let none = Counted::add(7, &[], &[tally(0, 0), tally(0, 0)]);
        let first = Counted::add(7, &none.to_bytes(), &[tally(9, 0), tally(3, 2)]);
        let second = Counted::add(7, &first.to_bytes(), &[tally(1, 1), tally(2, 0)]);
        assert_eq!(second.tallies, [tally(10, 1), tally(5, 2)]);
    }

    #[test]
    fn those_of_another_configuration_count_for_nothing() {
        let before = Counted::add(7, &[], &[tally(9, 1), tally(5, 5)]);
        let after = Counted::add(8, &before.to_bytes(), &[tally(1, 0)]);
        assert_eq!((after.identity, &*after.tallies), (8, &[tally(1, 0)][..]));
    }

    #[test]
    fn any_bytes_are_read() {
        let all = Counted::add(7, &[], &[tally(u64::MAX, 1), tally(5, 5)]);
        assert_eq!(
            Counted::add(7, &all.to_bytes(), &all.tallies).tallies[0].responses,
            u64::MAX
        );
        let bytes = all.to_bytes();
        for length in 0..bytes.len() {
            let read = Counted::add(7, &bytes[..length], &[Tally::default(); 2]);
            assert_eq!(read.tallies.len(), 2, "{length} bytes");
        }
    }
}
