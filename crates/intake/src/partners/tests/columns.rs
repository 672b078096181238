//! Columns that have a name in the file, and columns that a transform makes.

use super::*;

#[test]
fn a_column_is_named_or_made() {
    check(
        "ordered-at: day || ' ' || time",
        "region: day",
        &[
            "partners.US1.file.columns.ordered-at: missing",
            "partners.US1.file.transform.columns.region: makes a column that `columns` names as \
             well; one of the two has to go",
        ],
    );
    check(
        "where: status <> 'cancelled'",
        "where: \" \"",
        &["partners.US1.file.transform.where: is empty"],
    );
    check(
        "skus: {\"0815\": P1}",
        "skus: {4711: P1}",
        &[
            "partners.US1.file.transform.look-ups.skus: has 4711, which is not text; numbers need quotes",
        ],
    );
    check(
        "look-ups:",
        "lookups:",
        &["partners.US1.file.transform.lookups: is not known; did you mean \"look-ups\"?"],
    );
}

#[test]
fn a_charge_has_a_product_code_and_a_kind() {
    let kinds = "allowed are shipping discount fee gift_wrap rounding other tax";
    check(
        "SHIP: shipping",
        "SHIP: shiping",
        &[&format!(
            "partners.US1.file.charges.SHIP: is \"shiping\"; {kinds}; did you mean \"shipping\"?"
        )],
    );
    check(
        "\"4711\": discount",
        "4711: discount",
        &["partners.US1.file.charges.4711: has a name that is not text; numbers need quotes"],
    );
    check("{SHIP: shipping, \"4711\": discount}", "{}", &["partners.US1.file.charges: is empty"]);
    check(
        "{SHIP: shipping, \"4711\": discount}",
        "shipping",
        &["partners.US1.file.charges: is not a map from names to one of shipping discount fee \
            gift_wrap rounding other tax"],
    );
}

#[test]
fn an_address_has_street_city_and_country_of_columns_or_a_transform() {
    let needs = "missing; an address needs street, city and country, of a column or a transform";
    check("city: City, ", "", &[&format!("partners.US1.file.columns.billing.city: {needs}")]);
    check(
        "delivery.country: upper(code)",
        "billing.postal-code: upper(code)",
        &[
            "partners.US1.file.transform.columns.billing.postal-code: makes a column that `columns` names as \
             well; one of the two has to go",
            &format!("partners.US1.file.columns.delivery.country: {needs}"),
        ],
    );
    check(
        "[Street, Street 2]",
        "[A, B, C, D, E]",
        &["partners.US1.file.columns.billing.street: has 5 columns, a street has at most 4 lines"],
    );
    check(
        "postal-code: ZIP",
        "zip: ZIP",
        &[
            "partners.US1.file.columns.billing.zip: is not known; known are street postal-code city region country",
        ],
    );
}

#[test]
fn only_what_is_said_of_a_person_may_be_something_else_as_well() {
    // The customer's number is an e-mail address, the region a country of an address.
    let yaml = good().replacen("country: Land", "country: Country", 1);
    assert!(load(&yaml).is_ok());
    check(
        "returns: Original",
        "returns: InvoiceNo",
        &["partners.US1.file.columns.returns: is \"InvoiceNo\", as is order-id"],
    );
}
