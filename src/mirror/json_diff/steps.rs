//! The work of a comparison, which is bounded. Tests count it, so that they need no clock.

/// The steps that a comparison may still take. A step takes about a nanosecond.
#[derive(Clone, Copy, Debug)]
pub struct Steps(usize);

/// The comparison would take too many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooCostly;

impl Steps {
    /// At most `steps`.
    pub fn new(steps: usize) -> Self {
        Self(steps)
    }

    /// Pays `steps`.
    pub fn pay(&mut self, steps: usize) -> Result<(), TooCostly> {
        #[cfg(test)]
        PAID.set(PAID.get() + steps);
        self.0 = self.0.checked_sub(steps).ok_or(TooCostly)?;
        Ok(())
    }
}

#[cfg(test)]
thread_local! {
    static PAID: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
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

/// The steps that this thread paid for since the last call.
#[cfg(test)]
pub fn paid() -> usize {
    PAID.take()
}

/// The steps of this thread since the last call.
#[cfg(test)]
pub fn taken() -> usize {
    STEPS.take()
}
