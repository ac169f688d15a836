//! Failures of one session, of which few count.

/// The places of the table. A session that loses its place to another one counts again.
const PLACES: usize = 256;

/// How long a session's first failure keeps further ones from counting, and the longest that any does.
const FIRST_PAUSE: u64 = 1_000;
const LONGEST_PAUSE: u64 = DAY;

/// How long a session that repeats its failures must not fail until its next failure is a first one.
///
/// If an hour forgot it, or a pause were an hour at most, a client that loops each hour got a healthy
/// version returned in the simulation of `tests/it/guard.rs`: at one request a second, healthy traffic
/// lowers the evidence by less than one failure an hour raises it.
const FORGOTTEN_AFTER: u64 = DAY;

/// In milliseconds.
const DAY: u64 = 86_400_000;

/// By how much the pause grows. With 1 or 2, a client that loops for a minute got a healthy version
/// returned in the simulation of `tests/it/guard.rs`.
const GROWTH: u64 = 8;

/// The sessions that failed a moment ago.
///
/// One client that repeats a request that fails, again and again, is no evidence against the version
/// that its session keeps it on. So a session counts at most one failure a second, and while it keeps
/// failing, one after 1, 8, 64, … seconds more. It keeps failing if it fails again within the next pause,
/// or, after a pause that has grown, within a day.
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
        let memory = if place.pause > FIRST_PAUSE {
            FORGOTTEN_AFTER
        } else {
            FIRST_PAUSE
        };
        let keeps_failing = is_known && now < place.until.saturating_add(memory);
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

    /// The version with this index gets its traffic back: each session's next failure is a first one.
    pub fn forget(&mut self, version: usize) {
        let places = self.places.iter_mut();
        for place in places.filter(|place| place.version == version) {
            *place = Place::default();
        }
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
    fn a_session_that_loops_each_hour_counts_as_one_that_always_fails() {
        let mut repeats = Repeats::default();
        let mut day = (0..DAY).step_by(100).filter(|now| now % 3_600_000 < 60_000);
        let hours: Vec<u64> = day
            .by_ref()
            .filter(|now| repeats.count(7, 1, *now))
            .map(|now| now / 3_600_000)
            .collect();
        assert_eq!(hours, [0, 0, 0, 1, 2, 4, 14]);
    }

    #[test]
    fn a_session_is_forgotten_after_a_day_or_with_the_verdict() {
        let mut repeats = Repeats::default();
        let mut counted = |now| repeats.count(7, 1, now);
        assert!(counted(0) && counted(1_000) && counted(9_000));
        let forgotten = 9_000 + 64_000 + FORGOTTEN_AFTER;
        assert!(counted(forgotten) && !counted(forgotten + 999) && counted(forgotten + 1_000));
        assert!(!repeats.count(7, 1, forgotten + 2_000));
        repeats.forget(2);
        assert!(!repeats.count(7, 1, forgotten + 2_000));
        repeats.forget(1);
        assert!(repeats.count(7, 1, forgotten + 2_000));
    }

    #[test]
    fn the_pause_is_at_most_a_day() {
        let mut repeats = Repeats::default();
        let month = (0..30 * DAY).step_by(500);
        let counted = month.filter(|now| repeats.count(7, 1, *now)).count();
        assert!((30..40).contains(&counted), "{counted}");
        assert!(repeats.count(7, 1, u64::MAX));
    }
}
