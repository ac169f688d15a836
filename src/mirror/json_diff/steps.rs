//! How much work a comparison is: counted in tests, so that they need no clock.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts `steps` of work, each at most a byte that is looked at. Nothing outside of tests.
#[inline]
pub fn count(steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + steps);
    #[cfg(not(test))]
    let _ = steps;
}

/// The steps of this thread since it was last asked.
#[cfg(test)]
pub fn taken() -> usize {
    STEPS.take()
}
