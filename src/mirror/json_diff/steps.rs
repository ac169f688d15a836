//! The work of a comparison. Tests count it, so that they need no clock.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts `steps` of work. A step reads at most one byte. Outside of tests it does nothing.
#[inline]
pub fn count(steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + steps);
    #[cfg(not(test))]
    let _ = steps;
}

/// The steps of this thread since the last call.
#[cfg(test)]
pub fn taken() -> usize {
    STEPS.take()
}
