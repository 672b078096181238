//! Results, and how they are calculated.

use serde::Serialize;

/// One row of the table.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub stage: String,
    /// The quantity.
    pub what: &'static str,
    /// The value.
    pub value: f64,
    /// Its unit; empty for a count.
    pub unit: &'static str,
    /// Details: CPU time of each process, and the size of the run.
    pub note: String,
}

impl Row {
    pub(crate) fn new(
        stage: &str,
        what: &'static str,
        value: f64,
        unit: &'static str,
        note: String,
    ) -> Self {
        Self { stage: stage.to_owned(), what, value, unit, note }
    }
}

/// The median; of an even number of values, the upper one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A count as a float; exact up to 2^32.
pub(crate) fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
