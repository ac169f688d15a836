//! Quantiles of a histogram.

/// The value below which the part `of` lies, by linear interpolation. `buckets` are upper bounds with cumulative counts,
/// in order. None: there are no values.
#[must_use]
pub fn quantile(buckets: &[(f64, f64)], of: f64) -> Option<f64> {
    let all = buckets.last()?.1;
    if all <= 0.0 {
        return None;
    }
    let rank = of * all;
    let mut below = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= rank {
            if bound.is_infinite() {
                return Some(below.0);
            }
            let inside = count - below.1;
            let part = if inside > 0.0 {
                (rank - below.1) / inside
            } else {
                1.0
            };
            return Some(below.0 + (bound - below.0) * part);
        }
        below = (*bound, *count);
    }
    Some(below.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_in_its_bucket() {
        let buckets = [(5.0, 50.0), (10.0, 90.0), (f64::INFINITY, 100.0)];
        for (of, expected) in [
            (0.25, 2.5),
            (0.5, 5.0),
            (0.7, 7.5),
            (0.9, 10.0),
            (0.99, 10.0),
        ] {
            assert_eq!(quantile(&buckets, of), Some(expected), "{of}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[(1.0, 0.0)], 0.5), None);
    }
}
