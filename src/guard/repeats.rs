//! Failures of one session, of which few count.

/// The places of the table. A session that loses its place to another one counts again.
const PLACES: usize = 256;

/// How long a session's first failure keeps further ones from counting, and the longest that any does.
const FIRST_PAUSE: u64 = 1_000;
const LONGEST_PAUSE: u64 = 3_600_000;

/// By how much the pause grows. With 1 or 2, a client that loops for a minute got a healthy version
/// returned in the simulation of `tests/it/guard.rs`.
const GROWTH: u64 = 8;

/// The sessions that failed a moment ago.
///
/// One client that repeats a request that fails, again and again, is no evidence against the version
/// that its session keeps it on. So a session counts at most one failure a second, and while it keeps
/// failing, one after 1, 8, 64, … seconds more.
#[derive(Clone, Debug, Default)]
pub struct Repeats {
    /// Empty until the first failure.
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    session: u64,
    version: usize,
    /// No failure counts before this time, in milliseconds.
    until: u64,
    pause: u64,
}

impl Repeats {
    /// Whether a failure of `session` counts, which got the version with this index, at the time
    /// `now` in milliseconds.
    pub fn count(&mut self, session: u64, version: usize, now: u64) -> bool {
        if self.places.is_empty() {
            self.places = vec![Place::default(); PLACES];
        }
        let index = session as usize % PLACES;
        let Some(place) = self.places.get_mut(index) else {
            return true;
        };
        let is_known = place.pause > 0 && (place.session, place.version) == (session, version);
        if is_known && now < place.until {
            return false;
        }
        let keeps_failing = is_known && now < place.until.saturating_add(place.pause);
        let pause = if keeps_failing {
            (GROWTH * place.pause).min(LONGEST_PAUSE)
        } else {
            FIRST_PAUSE
        };
        *place = Place {
            session,
            version,
            until: now.saturating_add(pause),
            pause,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_keeps_failing_counts_after_1_8_64_seconds() {
        let mut repeats = Repeats::default();
        let times = (0..100_000).step_by(100);
        let counted: Vec<u64> = times.filter(|now| repeats.count(7, 1, *now)).collect();
        assert_eq!(counted, [0, 1_000, 9_000, 73_000]);
    }

    #[test]
    fn a_session_that_fails_seldom_counts_each_time() {
        let mut repeats = Repeats::default();
        for now in (0..100_000).step_by(2_000) {
            assert!(repeats.count(7, 1, now), "{now}");
        }
    }

    #[test]
    fn sessions_and_versions_count_by_themselves() {
        let mut repeats = Repeats::default();
        for session in 0..PLACES as u64 {
            assert!(repeats.count(session, 1, 0), "{session}");
            assert!(!repeats.count(session, 1, 999), "{session}");
        }
        assert!(repeats.count(3, 2, 999));
    }

    #[test]
    fn the_table_does_not_grow() {
        let mut repeats = Repeats::default();
        for session in 0..10_000 {
            assert!(repeats.count(session, 1, 0));
        }
        assert_eq!(repeats.places.len(), PLACES);
    }

    #[test]
    fn the_pause_is_at_most_an_hour() {
        let mut repeats = Repeats::default();
        let day = (0..86_400_000).step_by(500);
        let counted = day.filter(|now| repeats.count(7, 1, *now)).count();
        assert!((24..36).contains(&counted), "{counted}");
        assert!(repeats.count(7, 1, u64::MAX));
    }
}
