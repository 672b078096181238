//! Lists in texts for people.

/// `a, b, c`. A name that is empty or has a comma is quoted; control characters become blanks.
#[must_use]
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let plain = |name: &S| {
        let blank = |c: char| if c.is_control() { ' ' } else { c };
        let name: String = name.as_ref().chars().map(blank).collect();
        if name.is_empty() || name.contains(',') { format!("\"{name}\"") } else { name }
    };
    names.iter().map(plain).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        assert_eq!(listed(&["a", "b c", "", "d, e", "f\n"]), "a, b c, \"\", \"d, e\", f ");
    }
}
