//! Amounts of memory and processor time, as Kubernetes writes them.

/// A quantity of Kubernetes: `64Mi`, `100m`, `0.5`, `1e3`.
pub fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            10_f64.powi(exponent)
        }
    };
    Some(number * factor)
}

/// A quantity of bytes, as a whole number.
pub fn bytes(text: &str) -> Option<u64> {
    let bytes = quantity(text)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no quantity is negative, and one that is too large is as good as the largest"
    )]
    Some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, expected) in [
            ("64Mi", Some(67_108_864.0)),
            ("100m", Some(0.1)),
            ("0.5", Some(0.5)),
            ("1e3", Some(1_000.0)),
            ("2G", Some(2e9)),
            ("64MB", None),
            ("64 Mi", None),
            ("Mi", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(quantity(text), expected, "{text}");
        }
        assert_eq!(bytes("64Mi"), Some(67_108_864));
    }
}
