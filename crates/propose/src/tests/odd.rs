//! What programs write that is not quite a table of sales.

use super::*;

const ROW_NAMES: &str = "Order ID,SKU,Quantity,Unit Price,Date";

#[test]
fn rows_that_may_be_no_sales_need_a_condition_or_a_look() {
    let text = "Order ID,Order Status,SKU,Quantity,Unit Price,Date\n\
                1,completed,A,1,8.00,2026-03-01\n2,Cancelled,A,1,8.00,2026-03-01\n\
                3,refunded,A,2,8.00,2026-03-01\n4,completed,A,1,8.00,2026-03-02\n";
    let condition = "\"Order Status\" NOT IN ('Cancelled', 'refunded')";
    let proposal = check(text, &[("file.transform.where", condition)]);
    assert_eq!(proposal.condition.unwrap().trust, Trust::Unsure);
    let text = text.replace("Cancelled", "shipped").replace("refunded", "remboursé (client)");
    check(&text, &[("file.transform.where", "\"Order Status\" NOT IN ('remboursé (client)')")]);
    let text = text.replace("remboursé (client)", "paid");
    assert_eq!(check(&text, &[]).condition, None);
    let text = text.replace("Order Status", "Product Name").replace("paid", "Void filler");
    assert_eq!(check(&text, &[]).condition, None, "not a status");
}

#[test]
fn a_customer_on_the_first_row_of_an_order_only_continues_it() {
    let text = format!(
        "{ROW_NAMES},Customer\nC1,A,1,10.00,2026-03-01,ann\nC1,B,1,12.00,2026-03-01,\n\
         C2,A,1,10.00,2026-03-01,bob\n"
    );
    check(&text, &[("file.continued-rows", "true"), ("rules.customer-required", "true")]);
    // A guest's order has no customer in any row.
    let text = text.replace("ann", "");
    assert!(check(&text, &[]).continued_rows.is_none());
}

#[test]
fn empty_cells_that_rows_leave_out_are_proposed_and_looked_at() {
    let text = format!(
        "{ROW_NAMES},Note,Colour\n1,A,1,10.00,2026-03-01,x,red\n2,A,1,10.00,2026-03-01\n3,B,1,2.00,2026-03-02\n"
    );
    let proposal = check(&text, &[("file.short-rows", "fill")]);
    assert_eq!(proposal.short_rows.unwrap().trust, Trust::Unsure);
    let one = text.replace("3,B,1,2.00,2026-03-02\n", "3,B,1,2.00,2026-03-02,,\n");
    assert_eq!(check(&one, &[]).short_rows, None, "one alone may be cut");
}

#[test]
fn quantities_with_places_that_are_zero_are_quantities() {
    let text = format!("{ROW_NAMES}\n1,A,2.0000,10.00,2026-03-01\n2,A,1.0000,10.00,2026-03-01\n");
    check(&text, &[("file.columns.quantity", "Quantity")]);
    let grouped = text.replace("2.0000", "\"1,200.00\"");
    check(&grouped, &[("file.columns.quantity", "Quantity"), ("file.thousands-mark", ",")]);
    let text = text.replace("2.0000", "'-2").replace("1.0000", "1");
    check(&text, &[("file.columns.quantity", "Quantity")]);
}

#[test]
fn dates_of_a_column_have_one_order_and_lie_together() {
    let text =
        format!("{ROW_NAMES}\n1,A,1,10.00,4/23/26\n2,A,1,10.00,4/24/26\n3,A,1,10.00,5/1/26 9:05\n");
    let proposal = check(&text, &[("file.dates", "%m/%d/%y | %m/%d/%y %H:%M")]);
    assert_ne!(proposal.dates.trust, Trust::Unsure, "{}", proposal.dates.why);
    let text = text.replace("4/24/26", "12/31/69");
    let proposal = check(&text, &[]);
    assert_eq!(proposal.dates.trust, Trust::Unsure);
    assert!(
        proposal.dates.why.contains("12/31/69 is read as 2069-12-31"),
        "{}",
        proposal.dates.why
    );
    let text = format!("{ROW_NAMES}\n1,A,1,10.00,\"13.03.2026, 10:05\"\n");
    check(&text, &[("file.dates", "%d.%m.%Y, %H:%M")]);
}

#[test]
fn a_comma_may_separate_columns_and_decimals_if_there_are_quotes() {
    let text = format!("{ROW_NAMES}\n1,A,1,\"12,50\",2026-03-01\n2,A,1,\"3,00\",2026-03-01\n");
    check(&text, &[("file.delimiter", ","), ("file.decimal-mark", ",")]);
}

#[test]
fn a_name_of_a_column_may_have_several_lines() {
    let text = ROW_NAMES.replace("Order ID", "\"Order\nID\"") + "\n1,A,1,2.50,2026-03-01\n";
    check(&text, &[("file.columns.order-id", "Order ID")]);
}

#[test]
fn any_sign_that_makes_known_columns_may_separate_them() {
    for sign in ['~', '^', '#', '*'] {
        let text = format!("{ROW_NAMES}\n1,A,1,2.50,2026-03-01\n2,B,1,2.50,2026-03-02\n");
        let text = text.replace(',', &sign.to_string());
        check(
            &text,
            &[("file.delimiter", &sign.to_string()), ("file.columns.quantity", "Quantity")],
        );
    }
    let error = propose(b"Dear you: hello\nand: bye\n", true, &[]).unwrap_err();
    assert!(matches!(error, NoProposal::NoColumns(_)), "{error}");
}

#[test]
fn equal_rows_that_differ_in_what_is_not_read_are_kept_and_looked_at() {
    let text = "Order ID,Line Item ID,SKU,Quantity,Unit Price,Date\n\
                1,1,A,1,8.00,2026-03-01\n1,2,A,1,8.00,2026-03-01\n2,3,A,2,8.00,2026-03-01\n";
    let proposal = check(text, &[("rules.duplicates", "off")]);
    let twins = proposal.duplicates.unwrap();
    assert!(
        twins.why.starts_with("1 rows equal an earlier one but for \"Line Item ID\""),
        "{}",
        twins.why
    );
    // A row that came twice as it is stays a duplicate.
    let same = text.replace("1,2,A", "1,1,A");
    assert_eq!(check(&same, &[]).duplicates, None);
}

#[test]
fn a_header_with_another_delimiter_than_the_rows_is_named() {
    let text = format!("{ROW_NAMES}\n1;A;1;2.50;2026-03-01\n2;B;1;2.50;2026-03-02\n");
    let error = propose(text.as_bytes(), true, &[]).unwrap_err();
    assert_eq!(error, NoProposal::OtherDelimiter { header: ',', rows: ';' });
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_named() {
    let text = format!("{ROW_NAMES}\r1,A,1,2.50,2026-03-01\r");
    let error = propose(text.as_bytes(), true, &[]).unwrap_err().to_string();
    assert!(error.contains("carriage return"), "{error}");
}
