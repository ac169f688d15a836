//! The times that the filter logs for a configuration.

/// The times of one VM, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// The time to read and compile the configuration.
    pub read: f64,
    /// The time to define its metrics.
    pub defined: f64,
}

/// The times of each configuration with this number of releases, in the order of the log.
pub fn of(log: &str, releases: usize) -> Vec<Times> {
    let this = format!(": {releases} releases, read in ");
    let times = log.lines().filter_map(|line| {
        let (read, defined) = line
            .split_once(&this)?
            .1
            .split_once(" ms, metrics defined in ")?;
        Some(Times {
            read: read.parse().ok()?,
            defined: defined.split_once(" ms")?.0.parse().ok()?,
        })
    });
    times.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_configurations_of_this_size_count() {
        let log = "\
            [info] wasm log halftone: halftone: plugin halftone: 0 releases, read in 0 ms, metrics defined in 1 ms\n\
            [info] wasm log halftone: halftone: plugin halftone: 1000 releases, read in 42 ms, metrics defined in 180 ms\n\
            [info] something else\n";
        let times = Times {
            read: 42.0,
            defined: 180.0,
        };
        assert_eq!(of(log, 1000), [times]);
    }
}
