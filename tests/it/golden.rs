//! The session function against its golden vectors.

use crate::support::golden_vectors::failures;

#[test]
fn sessions_are_those_of_the_golden_vectors() {
    assert_eq!(failures(), Vec::<String>::new());
}
