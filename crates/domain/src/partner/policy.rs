//! Which bad rows refuse a whole file.

use super::{FilePolicy, Rules};

impl Rules {
    /// Why a file with `bad` bad rows of `rows` is refused as a whole, if it is. A duplicate is no
    /// bad row.
    #[must_use]
    pub fn refusal(&self, rows: u64, bad: u64) -> Option<String> {
        if bad > 0 && self.policy == FilePolicy::RejectFile {
            return Some(format!("{bad} of {rows} rows are bad, and one refuses the whole file"));
        }
        #[expect(clippy::cast_precision_loss, reason = "a share in percent")]
        let share = if rows == 0 { 0.0 } else { bad as f64 * 100.0 / rows as f64 };
        let budget = self.error_budget_percent;
        (share > budget)
            .then(|| format!("{bad} of {rows} rows are bad: {share:.2} %, the limit is {budget} %"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: FilePolicy, budget: f64, bad: u64, rows: u64, expected: Option<&str>) {
        let rules = Rules { policy, error_budget_percent: budget, ..Rules::default() };
        assert_eq!(rules.refusal(rows, bad).as_deref(), expected);
    }

    #[test]
    fn a_file_may_use_its_budget_up_and_not_exceed_it() {
        let rows = FilePolicy::RejectRows;
        check(rows, 100.0, 4, 4, None);
        check(rows, 25.0, 1, 4, None);
        check(rows, 24.9, 1, 4, Some("1 of 4 rows are bad: 25.00 %, the limit is 24.9 %"));
        check(rows, 0.0, 0, 4, None);
        check(rows, 0.0, 0, 0, None);
        check(
            rows,
            0.0,
            1,
            u64::MAX,
            Some(&format!("1 of {} rows are bad: 0.00 %, the limit is 0 %", u64::MAX)),
        );
    }

    #[test]
    fn one_bad_row_refuses_the_file_where_the_partner_wants_all_or_nothing() {
        let file = FilePolicy::RejectFile;
        check(file, 100.0, 0, 4, None);
        check(file, 100.0, 1, 4, Some("1 of 4 rows are bad, and one refuses the whole file"));
    }
}
