//! Columns about the person who buys.

use super::*;

#[test]
fn the_person_of_a_shop_whose_rows_continue_an_order() {
    // The columns of Shopify's export of orders.
    let proposal = check(
        "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Currency,\
         Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,\
         Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping City,Shipping Country\n\
         #1001,ann@example.com,2024-12-09 08:39:00 -0500,1,Lamp,12.50,L-1,EUR,\
         Ann,\"1 Road, B\",1 Road,B,,London,'SW1,,GB,+44 20 7946 0018,Ann,Quai 4,Lyon,FR\n\
         #1001,ann@example.com,,2,Cup,4.00,C-2,,,,,,,,,,,,,,,\n\
         #1002,bob@example.com,2024-12-30 09:00:00 -0500,1,Cup,4.00,C-2,EUR,Bob,2 Road,2 Road,,,London,'SW2,,GB,,,,,\n",
        &[
            ("file.columns.order-id", "Name"),
            ("file.columns.customer-id", "Email"),
            ("file.columns.email", "Email"),
            ("file.columns.name", "Billing Name"),
            ("file.columns.phone", "Billing Phone"),
            ("file.columns.billing.street", "Billing Street"),
            ("file.columns.billing.postal-code", "Billing Zip"),
            ("file.columns.billing.city", "Billing City"),
            ("file.columns.billing.country", "Billing Country"),
            ("file.columns.delivery.street", "Shipping Street"),
            ("file.columns.delivery.country", "Shipping Country"),
        ],
    );
    let trusts = |key: &str| {
        let guesses = proposal.guesses();
        let guess = guesses.iter().find(|guess| guess["setting"] == *key).unwrap();
        guess["confidence"].as_str().unwrap().to_owned()
    };
    assert_eq!(trusts("file.columns.email"), "sure");
    assert_eq!(trusts("file.columns.name"), "likely");
}

#[test]
fn the_person_of_a_plugin_of_another_shop() {
    // The columns of an export of WooCommerce.
    check(
        "Order Number,Order Date,SKU,Quantity,Item Price,First Name (Billing),Company (Billing),\
         Address 1&2 (Billing),City (Billing),State Code (Billing),Postcode (Billing),Country Code (Billing),\
         Email (Billing),Phone (Billing),Address 1&2 (Shipping),City (Shipping),Country Code (Shipping)\n\
         1,2024-01-01,A,2,3.00,Ann,,1 Road,London,,SW1,GB,ann@example.com,+442079460018,Quai 4,Lyon,FR\n",
        &[
            ("file.columns.email", "Email (Billing)"),
            ("file.columns.phone", "Phone (Billing)"),
            ("file.columns.billing.street", "Address 1&2 (Billing)"),
            ("file.columns.billing.country", "Country Code (Billing)"),
            ("file.columns.delivery.city", "City (Shipping)"),
        ],
    );
}

#[test]
fn persons_in_six_languages() {
    let values = "1,A,2,3.00,2024-01-01";
    for (header, address) in [
        ("email,phone,full name,street 1,street 2,postcode,town,country", "delivery"),
        (
            "E-Mail,Telefon,Kundenname,Lieferstraße 1,Lieferstraße 2,Liefer-PLZ,Lieferort,Lieferland",
            "delivery",
        ),
        (
            "Courriel,Téléphone,Nom du client,Rue de facturation 1,Rue de facturation 2,Code postal de facturation,\
          Ville de facturation,Pays de facturation",
            "billing",
        ),
        (
            "Correo electrónico,Teléfono,Nombre completo,Dirección de envío 1,Dirección de envío 2,Código postal de envío,\
          Ciudad de envío,País de envío",
            "delivery",
        ),
        (
            "Posta elettronica,Telefono,Nome,Indirizzo di consegna 1,Indirizzo di consegna 2,CAP di consegna,\
          Città di consegna,Paese di consegna",
            "delivery",
        ),
        (
            "E-mailadres,Telefoon,Naam,Factuurstraat 1,Factuurstraat 2,Factuurpostcode,Factuurplaats,Factuurland",
            "billing",
        ),
    ] {
        let names: Vec<&str> = header.split(',').collect();
        let text = format!(
            "order,sku,qty,price,date,{header}\n{values},a@b.de,+4930123456,Ann,Weg 1,Hof 2,10115,Berlin,DE\n"
        );
        let key = |part: &str| format!("file.columns.{address}.{part}");
        check(
            &text,
            &[
                ("file.columns.email", names[0]),
                ("file.columns.phone", names[1]),
                ("file.columns.name", names[2]),
                (&key("street"), &format!("{} | {}", names[3], names[4])),
                (&key("postal-code"), names[5]),
                (&key("city"), names[6]),
                (&key("country"), names[7]),
            ],
        );
    }
}

#[test]
fn what_cannot_be_used_of_a_person_is_left_out_or_unsure() {
    let head = "order,sku,qty,price,date";
    // Numbers without their country, names of countries.
    let text = format!(
        "{head},phone,Billing Street,Billing City,Billing Country\n1,A,2,3.00,2024-01-01,030 123,Weg 1,Berlin,Germany\n"
    );
    let proposal = check(&text, &[]);
    assert!(proposal.persons.is_empty(), "{:?}", proposal.persons);
    let name = domain::PartnerId::parse("NEW").unwrap();
    let yaml = proposal.yaml(&name, "a.csv");
    for note in [
        "# no phone: 0 % of the values in phone fit",
        "# no billing.country: 0 % of the values in Billing Country fit",
        "# no billing address: no column for its country can be used",
    ] {
        assert!(yaml.contains(note), "{note}: {yaml}");
    }
    // By what it holds; rows that differ; an address that may be either.
    let text = format!(
        "{head},who,full name,street,city,country\n1,A,2,3.00,2024-01-01,a@b.de,Ann,Weg 1,Berlin,DE\n\
         1,B,2,3.00,2024-01-01,a@b.de,Bob,Weg 1,Berlin,DE\n"
    );
    let proposal = check(&text, &[("file.columns.email", "who")]);
    assert_eq!(proposal.persons.len(), 5);
    for (column, guess) in proposal.persons {
        assert_eq!(guess.trust, Trust::Unsure, "{column:?} {}", guess.why);
    }
}

#[test]
fn a_returned_sale_stands_in_returns_only() {
    let trust = |quantity: i64| {
        let text = format!(
            "order,sku,qty,price,date,Original order\n1,A,2,3.00,2024-01-01,\n2,A,{quantity},3.00,2024-01-02,1\n"
        );
        let proposal = check(&text, &[("file.columns.returns", "Original order")]);
        proposal.persons[0].1.trust
    };
    assert_eq!((trust(-1), trust(1)), (Trust::Likely, Trust::Unsure));
}
