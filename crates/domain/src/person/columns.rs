//! A person as the columns of a file describe it.

use super::{
    ADDRESS_LINES_MAX, Address, Person, address, email_problem, language_problem, telephone,
    vat_problem, without_separators,
};
use crate::extra::PersonTexts;
use crate::partner::Column;
use crate::person::text::name_problem;

/// Adds a text of a file, in the form in which it is kept, to those of its row. Lines of a street are added one
/// below the other, also those of one text.
///
/// Letters of a country, a language and a VAT number may be of either case; a VAT number may have blanks, points
/// and hyphens, a telephone number those of [`without_separators`]; `75002.0` is the postal code `75002`.
///
/// # Errors
/// What is wrong with the text, which is not repeated.
pub fn add_column(column: Column, text: &str, into: &mut PersonTexts) -> Result<(), String> {
    if is_street(column) {
        let lines = into.entry(column).or_default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(problem) = name_problem(line) {
                return Err(problem);
            }
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.push_str(line);
        }
        let count = lines.lines().count();
        let many =
            || format!("has {count} lines with those before it, the limit is {ADDRESS_LINES_MAX}");
        return if count <= ADDRESS_LINES_MAX { Ok(()) } else { Err(many()) };
    }
    let text = usual(column, text);
    match problem(column, &text) {
        Some(problem) => Err(problem),
        None => {
            into.insert(column, text);
            Ok(())
        }
    }
}

/// The person of an order, of texts that [`add_column`] has checked. An address has a street, a city and a country
/// among them, or nothing.
#[must_use]
pub fn of_columns(mut texts: PersonTexts) -> Person {
    let billing = address_of(&mut texts, ADDRESSES[0]);
    let delivery = address_of(&mut texts, ADDRESSES[1]);
    Person {
        name: texts.remove(&Column::Name),
        email: texts.remove(&Column::Email),
        phone: texts.remove(&Column::Phone),
        company: texts.remove(&Column::Company),
        vat_number: texts.remove(&Column::VatNumber),
        language: texts.remove(&Column::Language),
        billing,
        delivery,
    }
}

/// The columns of each address: street, city, country, which every address has; postal code, region.
pub(crate) const ADDRESSES: [[Column; 5]; 2] = [
    [
        Column::BillingStreet,
        Column::BillingCity,
        Column::BillingCountry,
        Column::BillingPostalCode,
        Column::BillingRegion,
    ],
    [
        Column::DeliveryStreet,
        Column::DeliveryCity,
        Column::DeliveryCountry,
        Column::DeliveryPostalCode,
        Column::DeliveryRegion,
    ],
];

fn address_of(texts: &mut PersonTexts, columns: [Column; 5]) -> Option<Address> {
    let [street, city, country, postal_code, region] = columns.map(|column| texts.remove(&column));
    let lines = street?.lines().map(ToOwned::to_owned).collect();
    Some(Address { lines, city: city?, country: country?, postal_code, region })
}

fn is_street(column: Column) -> bool {
    matches!(column, Column::BillingStreet | Column::DeliveryStreet)
}

/// The form in which a text is kept.
fn usual(column: Column, text: &str) -> String {
    match column {
        Column::Phone => without_separators(text),
        Column::VatNumber => {
            let is_kept = |c: &char| !c.is_whitespace() && !matches!(c, '.' | '-');
            text.chars().filter(is_kept).collect::<String>().to_ascii_uppercase()
        }
        Column::BillingCountry | Column::DeliveryCountry => text.to_ascii_uppercase(),
        Column::Language => match text.split_once(['-', '_']) {
            Some((language, region)) => {
                format!("{}-{}", language.to_ascii_lowercase(), region.to_ascii_uppercase())
            }
            None => text.to_ascii_lowercase(),
        },
        Column::BillingPostalCode | Column::DeliveryPostalCode => {
            let whole = text.strip_suffix(".0");
            let is_number = |it: &&str| it.bytes().all(|byte| byte.is_ascii_digit());
            whole.filter(is_number).unwrap_or(text).to_owned()
        }
        _ => text.to_owned(),
    }
}

fn problem(column: Column, text: &str) -> Option<String> {
    match column {
        Column::Email => email_problem(text),
        Column::Phone => telephone::problem(text),
        Column::VatNumber => vat_problem(text),
        Column::Language => language_problem(text),
        Column::BillingCountry | Column::DeliveryCountry => address::country_problem(text),
        Column::BillingPostalCode | Column::DeliveryPostalCode => {
            address::postal_code_problem(text)
        }
        _ => name_problem(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(column: Column, text: &str, expected: Result<&str, &str>) {
        let mut texts = PersonTexts::new();
        let added = add_column(column, text, &mut texts);
        let kept = texts.remove(&column).unwrap_or_default();
        assert_eq!(added.as_ref().map(|()| kept.as_str()).map_err(String::as_str), expected);
        let problem = added.err().unwrap_or_default();
        assert!(text.is_empty() || !problem.contains(text), "{problem}");
    }

    #[test]
    fn texts_are_kept_in_one_form() {
        check(Column::Phone, "+33 (6) 12.34-56 78", Ok("+33612345678"));
        check(Column::VatNumber, "fr 40 303.265-045", Ok("FR40303265045"));
        check(Column::BillingCountry, "fr", Ok("FR"));
        check(Column::Language, "FR", Ok("fr"));
        check(Column::Language, "pt_br", Ok("pt-BR"));
        check(Column::DeliveryPostalCode, "75002.0", Ok("75002"));
        check(Column::DeliveryPostalCode, "SW1A 1AA", Ok("SW1A 1AA"));
        check(Column::DeliveryStreet, "Quai 4\r\n\n Bât. B ", Ok("Quai 4\nBât. B"));
        for name in ["محمد بن سلمان", "שרה לוי", "O'Neil-Ünal", &"名".repeat(300)]
        {
            check(Column::Name, name, Ok(name));
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let phone = "is not +, country and 7 to 15 digits in all; a telephone number is written with its \
            country, as in E.164: +33612345678";
        check(Column::Phone, "0612345678", Err(phone));
        check(Column::Email, "ana@", Err("is not an e-mail address such as name@example.org"));
        let country = "is not the code of a country: two capitals such as FR (ISO 3166)";
        check(Column::DeliveryCountry, "France", Err(country));
        check(Column::Name, &"名".repeat(301), Err("has 301 characters, the limit is 300"));
        check(Column::Company, "a\u{1b}b", Err("contains a control character"));
        let many = "has 5 lines with those before it, the limit is 4";
        check(Column::BillingStreet, "1\n2\n3\n4\n5", Err(many));
    }

    #[test]
    fn columns_make_a_person() {
        let mut texts = PersonTexts::new();
        for (column, text) in [
            (Column::Name, "Ana"),
            (Column::BillingStreet, "1 rue de la Paix"),
            (Column::BillingStreet, "Bât. B"),
            (Column::BillingCity, "Paris"),
            (Column::BillingCountry, "fr"),
        ] {
            add_column(column, text, &mut texts).unwrap();
        }
        let person = of_columns(texts);
        assert_eq!(
            serde_json::to_value(&person).unwrap(),
            json!({"name": "Ana", "billing": {"lines": ["1 rue de la Paix", "Bât. B"], "city": "Paris",
                "country": "FR"}})
        );
        assert_eq!(person.problems(), []);
    }
}
