//! The median and the range of several numbers.

use serde_json::{Value, json};

/// Sorted numbers, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread(Vec<f64>);

impl Spread {
    /// `None` when there are no numbers.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_unstable_by(f64::total_cmp);
        (!numbers.is_empty()).then_some(Self(numbers))
    }

    /// The median.
    pub fn median(&self) -> f64 {
        let (Some(low), Some(high)) = (
            self.0.get((self.0.len() - 1) / 2),
            self.0.get(self.0.len() / 2),
        ) else {
            return f64::NAN;
        };
        (low + high) / 2.0
    }

    /// The least.
    pub fn min(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    /// The greatest.
    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// `least..greatest`, with this number of decimals.
    pub fn range(&self, decimals: usize) -> String {
        format!("{:.decimals$}..{:.decimals$}", self.min(), self.max())
    }

    /// Its entry in the file of results.
    pub fn to_json(&self) -> Value {
        json!({"median": self.median(), "min": self.min(), "max": self.max()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let median = |numbers: &[f64]| Spread::of(numbers.iter().copied()).map(|all| all.median());
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }
}
