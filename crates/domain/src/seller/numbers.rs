//! Numbers that a seller has, and what their check digits say. Each gives the reason why a text is not
//! good, if it is not.

/// A SIREN: nine digits; the last one is a check digit (Luhn).
#[must_use]
pub fn siren(text: &str) -> Option<String> {
    if text.len() != 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("is {text:?}; a SIREN has nine digits, without blanks"));
    }
    let sum: u32 = (0..)
        .zip(text.bytes().rev())
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    (!sum.is_multiple_of(10)).then(|| format!("is {text:?}, whose check digit is wrong"))
}

/// An IBAN: two letters, two check digits, and up to 30 letters and digits.
#[must_use]
pub fn iban(text: &str) -> Option<String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let (country, rest) = text.split_at_checked(2).unwrap_or_default();
    let (check, account) = rest.split_at_checked(2).unwrap_or_default();
    let letters = country.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = check.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain || !letters || !digits || !(11..=30).contains(&account.len()) {
        return Some(format!("is {text:?}, which is no IBAN (without blanks)"));
    }
    let moved = account.chars().chain(country.chars()).chain(check.chars());
    let rest = moved.filter_map(|c| c.to_digit(36)).fold(0, |rest, value| {
        let shift = if value < 10 { 10 } else { 100 };
        (rest * shift + value) % 97
    });
    (rest != 1).then(|| format!("is {text:?}, whose check digits are wrong"))
}

/// A VAT number: two letters of the country, and 2 to 13 letters and digits.
#[must_use]
pub fn vat_number(text: &str) -> Option<String> {
    let (country, rest) = text.split_at_checked(2).unwrap_or_default();
    let letters = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    let plain = rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let good = letters && plain && (2..=13).contains(&rest.len());
    (!good).then(|| {
        format!(
            "is {text:?}; a VAT number has two letters and 2 to 13 capitals or digits, no blanks"
        )
    })
}

/// An electronic address: the scheme's code of four digits, a colon, and the address.
#[must_use]
pub fn electronic_address(text: &str) -> Option<String> {
    let good = text.split_once(':').is_some_and(|(scheme, address)| {
        scheme.len() == 4
            && scheme.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=125).contains(&address.len())
            && address.bytes().all(|byte| byte.is_ascii_graphic())
    });
    (!good).then(|| format!("is {text:?}; the form is `0225:303265045`, scheme and address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_looked_at() {
        assert_eq!(siren("303265045"), None);
        assert!(siren("303265046").unwrap().ends_with("whose check digit is wrong"));
        assert!(siren("303 265 045").unwrap().contains("nine digits"));
        for good in
            ["FR7630006000011234567890189", "DE89370400440532013000", "GB29NWBK60161331926819"]
        {
            assert_eq!(iban(good), None, "{good}");
        }
        assert!(iban("FR7630006000011234567890188").unwrap().ends_with("check digits are wrong"));
        for bad in
            ["", "FR", "FR76 3000", "fr7630006000011234567890189", "FR76", "é8937040044053201"]
        {
            assert!(iban(bad).unwrap().contains("no IBAN"), "{bad}");
        }
    }

    #[test]
    fn forms_are_looked_at() {
        for good in ["FR40303265045", "DE123456789", "ESX12345674", "NL123456789B01"] {
            assert_eq!(vat_number(good), None, "{good}");
        }
        for bad in ["", "F", "40303265045", "FR 403", "FR4", "FR40303265045678", "éé12345"] {
            assert!(vat_number(bad).is_some(), "{bad}");
        }
        assert_eq!(electronic_address("0225:303265045"), None);
        for bad in ["303265045", "225:3", "0225:", "0225:a b"] {
            assert!(electronic_address(bad).is_some(), "{bad}");
        }
    }
}
