use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn broken(name: &str, text: &str) -> Vec<String> {
    let folder = folder(&[(name, text)]);
    let broken = Templates::load(Some(folder.path())).unwrap_err();
    broken.into_iter().map(|broken| broken.0).collect()
}

fn languages(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn every_notice_is_there_in_every_language() {
    let templates = Templates::load(None).unwrap();
    for notice in Notice::ALL {
        for language in LANGUAGES {
            for is_full in [true, false] {
                let facts = sample(notice, language, is_full, None);
                let rendered = templates.render(notice, &languages(&[language]), "DIRECT", &facts);
                let Rendered { language: used, subject, text, html, sms } = rendered.unwrap();
                assert_eq!(used, language);
                assert!(!subject.is_empty() && !subject.contains("{{"), "{subject}");
                assert!(text.contains("Lamps & Co") && html.contains("Lamps &amp; Co"), "{html}");
                assert_eq!(sms.is_none(), notice.is_alert() || notice.is_document(), "{notice:?}");
                assert!(!text.contains("\n\n\n"), "{notice:?} {language}: {text}");
            }
        }
    }
}

#[test]
fn a_mail_says_what_was_ordered_and_escapes_it_in_html_only() {
    let templates = Templates::load(None).unwrap();
    let facts = sample(Notice::OrderConfirmed, "en", true, None);
    let mail =
        templates.render(Notice::OrderConfirmed, &languages(&["en"]), "DIRECT", &facts).unwrap();
    assert_eq!(mail.subject, "Your order A-1001 is confirmed");
    let text = "Hello Ana Lópes,\n\nThank you for your order A-1001 of 30 Nov 2026. It is confirmed, and everything is \
                reserved for you.\n\n2 x Desk lamp <oak>  €99.80\nShipping  €4.90\nTotal  €104.70\n\nWe will write to \
                you again if anything changes.\n\nKind regards\nLamps & Co";
    assert_eq!(mail.text.trim(), text);
    assert!(mail.html.contains("2 &times; Desk lamp &lt;oak&gt;</td>"), "{}", mail.html);
    assert!(!mail.html.contains("<oak>"), "{}", mail.html);
}

#[test]
fn a_partner_comes_before_the_shop_and_the_shop_before_what_is_shipped() {
    let folder = folder(&[
        (
            "order_confirmed.fr.txt",
            "--- subject ---\nShop {{ order.id }}\n--- intro ---\nS {{ order.metadata.gift | default('-') }}\n",
        ),
        ("US1/order_confirmed.fr.txt", "--- subject ---\nPartner\n--- intro ---\nP\n"),
        (
            "words.it.txt",
            "--- greeting ---\nCiao\n--- total ---\nTotale\n--- goodbye ---\nSaluti\n",
        ),
        ("order_cancelled.it.txt", "--- subject ---\nAnnullato\n--- intro ---\nx\n"),
        ("layout.txt", "{{ intro }} of {{ shop.name }}"),
    ]);
    let templates = Templates::load(Some(folder.path())).unwrap();
    let render = |notice: Notice, language: &[&str], partner: &str| {
        let facts = sample(notice, "fr", true, None);
        templates.render(notice, &languages(language), partner, &facts).unwrap()
    };
    assert_eq!(render(Notice::OrderConfirmed, &["fr"], "US1").subject, "Partner");
    let own = render(Notice::OrderConfirmed, &["fr-CA", "fr", "en"], "US2");
    assert_eq!(
        (own.subject.as_str(), own.text.as_str(), own.sms),
        ("Shop A-1001", "S - of Lamps & Co\n", None)
    );
    assert_eq!(render(Notice::OrderCancelled, &["it"], "US1").subject, "Annullato");
    // What there is not in Italian is in the next language.
    assert_eq!(render(Notice::OrderRefused, &["it", "de"], "US1").language, "de");
    assert_eq!(render(Notice::OrderRefused, &["nl"], "US1").language, "en");
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    let name = "order_confirmed.fr.txt";
    let syntax = broken(name, "--- subject ---\nx\n--- intro ---\n{% if order.id %}\nno end\n");
    assert!(syntax[0].starts_with("order_confirmed.fr.txt: line 4: syntax error"), "{syntax:?}");
    let unknown = broken(name, "--- subject ---\nx\n\n--- intro ---\n\n{{ oder.id }}\n");
    assert!(
        unknown[0].starts_with("order_confirmed.fr.txt: line 6: undefined value"),
        "{unknown:?}"
    );
    let endless = "--- subject ---\nx\n--- intro ---\n{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}\n";
    let endless = broken(name, endless);
    assert!(endless[0].contains("fuel"), "{endless:?}");
    let typed = broken("order_confirmd.fr.txt", "--- subject ---\nx\n");
    assert!(
        typed[0].contains("tells of \"order_confirmd\"; known are words order_confirmed"),
        "{typed:?}"
    );
    assert!(broken(name, "--- subject ---\nx\n")[0].contains("has no section `--- intro ---`"));
    assert!(
        broken(name, "--- subjekt ---\nx\n")[0].contains("line 1: has the section \"subjekt\"")
    );
    assert!(broken(name, "hello\n")[0].contains("line 1: stands before the first section"));
    assert!(broken("notes.md", "x")[0].contains("is no template"));
    assert!(broken("US 1/order_confirmed.fr.txt", "x")[0].contains("is not named after a partner"));
    let layout = broken("layout.html", "<p>{{ intr }}</p>");
    assert!(
        layout.iter().all(|it| it.starts_with("layout.html: line 1: undefined value")),
        "{layout:?}"
    );
}

#[test]
fn where_a_template_fails_with_an_order_the_shipped_one_is_taken() {
    let own = "--- subject ---\n{{ order.metadata.channel }}\n--- intro ---\nx\n";
    let own = own.replace(
        "{{",
        "{% if order.metadata.channel is defined and order.metadata.channel == 'web' %}{{",
    );
    let own = own.replace(
        "}}\n",
        "}}{% elif order.metadata == {} %}none{% else %}{{ order.metadata.shop }}{% endif %}\n",
    );
    let folder = folder(&[("order_confirmed.en.txt", &own)]);
    let templates = Templates::load(Some(folder.path())).unwrap();
    let shop = crate::facts::Shop { name: "Lamps".into(), zone: chrono_tz::Tz::UTC, net: None };
    let at = chrono::DateTime::UNIX_EPOCH;
    let decided =
        serde_json::json!({"order_id": "7", "kind": "sale", "order": {"metadata": {"other": "1"}}});
    let facts = crate::facts::order(&shop, (&decided, at), None, "en");
    let mail =
        templates.render(Notice::OrderConfirmed, &languages(&["en"]), "DIRECT", &facts).unwrap();
    assert_eq!(mail.subject, "Your order 7 is confirmed");
}

#[test]
fn prices_without_tax_are_told_with_it() {
    let seller = serde_json::json!({
        "name": "Net SARL", "address": {"street": "1", "postcode": "75002", "city": "Paris", "country": "FR"},
        "currency": "EUR", "time-zone": "Europe/Paris", "prices": "net", "series-prefix": "N", "language": "fr"});
    let rates =
        serde_json::json!({"FR": {"standard": [{"percent": 20, "valid-from": "2014-01-01"}]}});
    let rates = std::sync::Arc::new(serde_json::from_value(rates).unwrap());
    let net = crate::facts::Net::of(&serde_json::from_value(seller).unwrap(), &rates);
    let shop = crate::facts::Shop { name: "Lamps".into(), zone: chrono_tz::Tz::UTC, net };
    let templates = Templates::load(None).unwrap();
    let at = "2026-11-30T10:00:00Z".parse().unwrap();
    let told = |sign: i64, currency: &str, notice| {
        let order = serde_json::json!({
            "order_id": "7", "partner": "DIRECT", "warehouse": "main", "kind": if sign < 0 { "return" } else { "sale" }, "attempt": 1,
            "ordered_at": "2026-11-30T10:15:00Z", "currency": currency, "stock": "enforce", "total": (100 * sign).to_string(),
            "lines": [{"product_id": "P001", "quantity": 2 * sign, "unit_price": "50"}]});
        let decided = serde_json::json!({"order_id": "7", "kind": order["kind"], "order": order});
        let facts = crate::facts::order(&shop, (&decided, at), None, "en");
        templates.render(notice, &languages(&["en"]), "DIRECT", &facts).unwrap()
    };
    let mail = told(1, "EUR", Notice::OrderConfirmed);
    assert!(mail.text.contains("Tax  €20.00\nTotal  €120.00"), "{}", mail.text);
    assert!(mail.sms.unwrap().contains("(€120.00)"));
    let mail = told(-1, "EUR", Notice::ReturnConfirmed);
    assert!(mail.text.contains("Tax  €20.00\nTotal  €120.00"), "{}", mail.text);
    // What nobody can invoice is told as it was ordered.
    assert!(told(1, "USD", Notice::OrderConfirmed).text.contains("Total  $100.00"));
}

#[test]
fn an_invoice_over_nothing_asks_for_no_payment() {
    let templates = Templates::load(None).unwrap();
    let shop = crate::facts::Shop { name: "Lamps".into(), zone: chrono_tz::Tz::UTC, net: None };
    let text = |payable: &str, currency: &str, language: &str| {
        let document = serde_json::json!({"number": "F-1", "issued_on": "2026-12-01", "due_on": "2026-12-31", "currency": currency,
            "prices": "gross", "supply": {"order_id": "A-1", "ordered_at": "2026-11-30T10:15:00Z"},
            "lines": [{"product_id": "P001", "quantity": 1, "unit_price": payable, "amount": payable}],
            "totals": {"tax": "0.00", "payable": payable}});
        let facts = crate::facts::document(&shop, &document, None, language).unwrap();
        templates
            .render(Notice::InvoiceIssued, &languages(&[language]), "DIRECT", &facts)
            .unwrap()
            .text
    };
    assert!(text("0.00", "EUR", "en").contains("There is nothing to pay."));
    assert!(text("0.00", "EUR", "fr").contains("Il n'y a rien à payer."));
    let paid = text("1200.00", "JPY", "en");
    assert!(
        paid.contains("It is due on 31 Dec 2026.") && paid.contains("JPY\u{a0}1,200"),
        "{paid}"
    );
}
