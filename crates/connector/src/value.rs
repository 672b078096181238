//! Parses values of annotations. Pure; error messages never repeat the value.

/// `true` or `false`.
pub(crate) fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "not true or false".to_owned())
}

/// A whole number.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "not a whole number".to_owned())
}

/// A size: `65536`, `64KiB`, `1MiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1024),
        "MiB" => Some(1024 * 1024),
        _ => None,
    };
    let bytes = factor.and_then(|factor: u64| number?.checked_mul(factor));
    bytes.ok_or_else(|| "not a size such as 65536, 64KiB or 1MiB".to_owned())
}

/// A time in milliseconds: `20ms`, `45s`, `2m`, `1h`.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let ms = factor.and_then(|factor: u64| number?.checked_mul(factor));
    ms.ok_or_else(|| "not a time such as 20ms, 45s or 1h".to_owned())
}

/// `number` if it is from `min` to `max`.
pub(crate) fn within(number: u64, min: u64, max: u64, unit: &str) -> Result<u64, String> {
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    let gap = if unit.is_empty() { "" } else { " " };
    Err(format!("not from {min} to {max}{gap}{unit}"))
}

/// A NATS subject, wildcards allowed.
pub(crate) fn filter(text: &str) -> Result<(), String> {
    let tokens: Vec<&str> = text.split('.').collect();
    let good = tokens.iter().enumerate().all(|(i, token)| match *token {
        "" => false,
        ">" => i + 1 == tokens.len(),
        "*" => true,
        token => !token.contains(['*', '>']) && token.bytes().all(|b| b.is_ascii_graphic()),
    });
    if good { Ok(()) } else { Err("not a NATS subject".to_owned()) }
}

fn split(text: &str) -> (Option<u64>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number.parse().ok(), unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        for (text, expected) in
            [("0", 0), ("65536", 65_536), ("64KiB", 65_536), ("1 MiB", 1_048_576), ("7B", 7)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for (text, expected) in [("0ms", 0), ("45s", 45_000), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(milliseconds(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "KiB",
            "-1",
            "1.5MiB",
            "1kb",
            "99999999999999999999",
            "18446744073709551615MiB",
            "٣s",
            "1",
        ] {
            assert!(milliseconds(bad).is_err(), "{bad}");
            assert!(bad == "1" || bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_filter_is_a_subject_of_nats() {
        for good in ["orders", "orders.>", "orders.*.main.>", ">", "*", "a-b.c=2E"] {
            assert_eq!(filter(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "orders.", "a..b", "a.>.b", "a.b>", "a*.b", "ä"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
