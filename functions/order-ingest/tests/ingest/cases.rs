//! One row for each thing that people and programs send.

/// What is sent, and how it is refused.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    /// Field and reason.
    pub(crate) problems: Vec<(String, String)>,
}

const QUANTITY: &str =
    "; a quantity is a whole number, not 0, of at most 1000000000 (below zero in a return)";
const UNIT: &str = "not a decimal number such as 12.50";
const TIME: &str = "neither RFC 3339 such as 2026-01-02T03:04:05Z nor seconds since 1970";

/// All rows.
pub(crate) fn cases() -> Vec<Case> {
    [unreadable(), unreadable_values(), fields(), numbers(), texts(), forms(), times()]
        .into_iter()
        .flatten()
        .collect()
}

fn case(name: &str, body: impl Into<Vec<u8>>, status: u16, problems: &[(&str, &str)]) -> Case {
    let problems = problems.iter().map(|(f, r)| ((*f).to_owned(), (*r).to_owned())).collect();
    Case { name: name.to_owned(), body: body.into(), status, problems }
}

/// An order that is good but for `field`, whose value is written as given.
fn order(field: &str, value: &str) -> String {
    let good = [
        ("order_id", "\"A1\""),
        ("product_id", "\"P001\""),
        ("quantity", "2"),
        ("price", "2.5"),
        ("customer", "\"c1\""),
    ];
    let good = good.into_iter().filter(|(name, _)| *name != field).chain([(field, value)]);
    let members: Vec<_> = good.map(|(name, value)| format!("{name:?}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn with(field: &str, value: &str, path: &str, reason: &str) -> Case {
    let shown: String = value.chars().take(40).collect();
    case(&format!("{field} {shown}"), order(field, value), 422, &[(path, reason)])
}

fn unreadable() -> Vec<Case> {
    let whole = |name: &str, body: &[u8], reason: &str| case(name, body, 400, &[("", reason)]);
    vec![
        whole("nothing", b"", "is empty or null; an order is a JSON object"),
        whole("blanks", b" \r\n\t", "is empty or null; an order is a JSON object"),
        whole("a text", b"hello", "is not JSON: expected value at line 1 column 1"),
        whole(
            "half an object",
            b"{\"order_id\":\"A1\"",
            "is not JSON: EOF while parsing an object at line 1 column 16",
        ),
        whole("two objects", b"{}{}", "is not JSON: trailing characters at line 1 column 3"),
        whole(
            "single quotes",
            b"{'order_id':'A1'}",
            "is not JSON: key must be a string at line 1 column 2",
        ),
        whole("a NUL", b"{}\0", "is not JSON: trailing characters at line 1 column 3"),
        whole(
            "a byte order mark",
            b"\xEF\xBB\xBF{}",
            "begins with a byte order mark, which JSON does not allow",
        ),
        whole("UTF-16", b"\xFF\xFE{\0}\0", "is not UTF-8 from byte 0 on, counted from 0"),
        whole(
            "Latin-1",
            b"{\"region\":\"\xE9t\xE9\"}",
            "is not UTF-8 from byte 11 on, counted from 0",
        ),
    ]
}

/// JSON that breaks off at a value, and what is too large.
fn unreadable_values() -> Vec<Case> {
    let deep = "[".repeat(10_000);
    vec![
        case("depth 10,000", deep.clone(), 400, &[("[0]", "is nested more than 127 levels deep")]),
        case(
            "a deep field",
            order("region", &deep),
            400,
            &[("region", "is nested more than 127 levels deep")],
        ),
        case(
            "NaN",
            order("price", "NaN"),
            400,
            &[("price", "is not JSON: expected value at line 1 column 75")],
        ),
        case(
            "Infinity",
            order("price", "-Infinity"),
            400,
            &[("price", "is not JSON: invalid number at line 1 column 76")],
        ),
        case(
            "1e400",
            order("quantity", "1e400"),
            400,
            &[("quantity", "is not JSON: number out of range at line 1 column 81")],
        ),
        case(
            "a raw control character",
            order("region", "\"a\u{1}\""),
            400,
            &[(
                "region",
                "is not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 90",
            )],
        ),
        case(
            "a lone surrogate",
            order("region", "\"\\ud800\""),
            400,
            &[("region", "is not JSON: unexpected end of hex escape at line 1 column 95")],
        ),
        case(
            "300,000 bytes",
            " ".repeat(300_000),
            413,
            &[("", "the order has 300000 bytes, the limit is 262144")],
        ),
        case(
            "10 MB",
            "x".repeat(10_000_000),
            413,
            &[("", "the order has 10000000 bytes, the limit is 262144")],
        ),
    ]
}

fn fields() -> Vec<Case> {
    let whole = |name: &str, body: &str, shown: &str| {
        case(name, body, 422, &[("", &format!("is {shown}, not a JSON object"))])
    };
    vec![
        whole("a number", "7", "7"),
        case("null", "null", 422, &[("", "is empty or null; an order is a JSON object")]),
        whole("true", "true", "true"),
        whole("a string", "\"order\"", "\"order\""),
        whole("a list", "[{}]", "a list"),
        case(
            "no fields",
            "{}",
            422,
            &[
                ("order_id", "is missing"),
                ("product_id", "is missing"),
                ("quantity", "is missing"),
                ("price", "is missing"),
            ],
        ),
        with("colour", "\"red\"", "colour", "is not a field of an order"),
        with("qantity", "1", "qantity", "is not a field of an order; did you mean \"quantity\"?"),
        with("orderId", "1", "orderId", "is not a field of an order; did you mean \"order_id\"?"),
        with(
            "customer",
            "{\"id\":\"1\",\"mail\":\"x\"}",
            "customer.mail",
            "is not a field of a customer; did you mean \"email\"?",
        ),
        with("customer", "{}", "customer.id", "is missing"),
        with("customer", "[]", "customer", "is a list, neither text nor a whole number of 64 bits"),
        with("vip", "1", "vip", "is 1, neither true nor false"),
        with("region", "7", "region", "is 7, not text"),
        case(
            "the same field twice",
            "{\"order_id\":\"A\",\"order_id\":\"B\",\"product\":\"P\",\"quantity\":1,\"price\":1}",
            422,
            &[("order_id", "is given more than once")],
        ),
        case(
            "the same field twice in a line",
            "{\"order_id\":\"A\",\"lines\":[{\"product\":\"P\",\"quantity\":1,\"quantity\":2,\"price\":1}]}",
            422,
            &[("lines[0].quantity", "is given more than once")],
        ),
    ]
}

fn numbers() -> Vec<Case> {
    let mut cases = Vec::new();
    for (value, shown) in [
        ("0", "0"),
        ("-0", "-0"),
        ("2.5", "2.5"),
        ("\"2\"", "\"2\""),
        ("1000000001", "1000000001"),
        ("-1000000001", "-1000000001"),
        ("99999999999999999999", "99999999999999999999"),
        ("true", "true"),
        ("{}", "an object"),
    ] {
        cases.push(with("quantity", value, "quantity", &format!("is {shown}{QUANTITY}")));
    }
    cases.push(with("quantity", "null", "quantity", "is missing"));
    cases.push(with("quantity", "1e9", "lines", "add up to more than 1000000000, the limit"));
    for text in ["\"12,50\"", "\"NaN\"", "\"Infinity\"", "\"1e3\"", "\"\"", "\"€3\"", "false"] {
        cases.push(with("price", text, "price", &format!("is {text}, {UNIT}")));
    }
    for (value, shown) in [("0.12345", "0.12345"), ("\"0.12345\"", "\"0.12345\""), ("1e-9", "1e-9")]
    {
        cases.push(with(
            "price",
            value,
            "price",
            &format!("is {shown}, at most 4 decimal places are allowed"),
        ));
    }
    for (value, shown) in [("1e30", "1e30"), ("\"1000000001\"", "\"1000000001\"")] {
        cases.push(with("price", value, "price", &format!("is {shown}, the limit is 1000000000")));
    }
    cases.push(with("price", "-0.01", "price", "is -0.01; a price is not below zero, and what is taken off is a `discount` or one of `charges`"));
    cases.push(with("total", "5.01", "total", "is 5.01, but the lines add up to 5.00"));
    cases.push(with("total", "\"5,00\"", "total", &format!("is \"5,00\", {UNIT}")));
    cases
}

fn texts() -> Vec<Case> {
    let long = format!("{:?}", "x".repeat(500));
    vec![
        with("order_id", "\"\"", "order_id", "is empty"),
        with("order_id", &long, "order_id", "has 500 bytes, the limit is 128"),
        with("product_id", &long, "product_id", "has 500 bytes, the limit is 128"),
        with("customer", &long, "customer", "has 500 bytes, the limit is 128"),
        with("order_id", "\"a\\u0000b\"", "order_id", "contains the control character '\\0'"),
        with("order_id", "\"a\\r\\nb\"", "order_id", "contains the control character '\\r'"),
        with("order_id", "7.5", "order_id", "is 7.5, neither text nor a whole number of 64 bits"),
        with("order_id", "-7", "order_id", "is -7, neither text nor a whole number of 64 bits"),
        with(
            "region",
            &format!("{:?}", "é".repeat(300)),
            "region",
            "has 600 bytes, the limit is 512",
        ),
        with(
            "currency",
            "\"euro\"",
            "currency",
            "is \"euro\", not three capital letters (ISO 4217)",
        ),
        with("currency", "\"eur\"", "currency", "is \"eur\", not three capital letters (ISO 4217)"),
        with("kind", "\"gift\"", "kind", "is \"gift\", neither \"sale\" nor \"return\""),
        with("kind", "\"return\"", "kind", "is \"return\", but the quantities are above zero"),
        with("partner", "\"NEW\"", "partner", "NEW is not a configured partner"),
        with("partner", "\"US.1\"", "partner", "contains '.'; allowed are A-Z a-z 0-9 _ -"),
        with("partner", &long, "partner", "has 500 bytes, the limit is 32"),
        case(
            "a customer that the partner wants",
            "{\"order_id\":\"A\",\"partner\":\"US1\",\"product\":\"P\",\"quantity\":1,\"price\":1}",
            422,
            &[("customer.id", "is required for partner US1")],
        ),
    ]
}

fn forms() -> Vec<Case> {
    let lines = |count: usize, line: &str| {
        format!("{{\"order_id\":\"A1\",\"lines\":[{}]}}", vec![line; count].join(","))
    };
    let line = "{\"product\":\"P\",\"quantity\":1,\"price\":1}";
    let mut many: Vec<(String, String)> =
        (0..20).map(|n| (format!("lines[{n}]"), "is 7, not a JSON object".to_owned())).collect();
    many.push((String::new(), "and 980 more problems".to_owned()));
    vec![
        case("no lines", lines(0, ""), 422, &[("lines", "has 0 lines; an order has 1 to 1000")]),
        case(
            "1,001 lines",
            lines(1_001, line),
            422,
            &[("lines", "has 1001 lines; an order has 1 to 1000")],
        ),
        Case {
            name: "1,000 bad lines".into(),
            body: lines(1_000, "7").into(),
            status: 422,
            problems: many,
        },
        case(
            "both signs",
            lines(1, &format!("{line},{}", line.replace(":1,", ":-1,"))),
            422,
            &[("lines", "mix quantities above and below zero")],
        ),
        case(
            "a bad line",
            lines(1, &format!("{line},{{\"product\":\"\",\"quantity\":0,\"prize\":1}}")),
            422,
            &[
                ("lines[1].prize", "is not a field of an order line; did you mean \"price\"?"),
                ("lines[1].product", "is empty"),
                ("lines[1].quantity", &format!("is 0{QUANTITY}")),
                ("lines[1].price", "is missing"),
            ],
        ),
        case(
            "lines and a line's fields",
            order("lines", &format!("[{line}]")),
            422,
            &[
                ("price", "belongs to a line and stands beside `lines`"),
                ("product_id", "belongs to a line and stands beside `lines`"),
                ("quantity", "belongs to a line and stands beside `lines`"),
            ],
        ),
        with("lines", "{}", "lines", "is an object, not a list").also(&[
            "price",
            "product_id",
            "quantity",
        ]),
        with("product", "\"P002\"", "product", "means the same as `product_id`; give one of them"),
        with("unit_price", "2.5", "unit_price", "means the same as `price`; give one of them"),
    ]
}

impl Case {
    /// These fields stand beside `lines`.
    fn also(mut self, names: &[&str]) -> Self {
        let reason = "belongs to a line and stands beside `lines`";
        let beside = names.iter().map(|name| ((*name).to_owned(), reason.to_owned()));
        self.problems = beside.chain(self.problems).collect();
        self
    }
}

fn times() -> Vec<Case> {
    let time = |value: &str, reason: &str| with("timestamp", value, "timestamp", reason);
    vec![
        time("\"yesterday\"", &format!("is \"yesterday\", {TIME}")),
        time("\"2026-02-30T00:00:00Z\"", &format!("is \"2026-02-30T00:00:00Z\", {TIME}")),
        time("\"2026-01-02\"", &format!("is \"2026-01-02\", {TIME}")),
        time(
            "\"2026-01-02T03:04:05\"",
            "is \"2026-01-02T03:04:05\", without a time zone; Z or an offset such as +01:00 belongs to it",
        ),
        time(
            "\"1700000000\"",
            "is the text \"1700000000\"; seconds since 1970 stand without quotes",
        ),
        time(
            "1700000000000",
            "is 1700000000000, not within the years 1970 to 9999; seconds are meant, not milliseconds",
        ),
        time("-1", "is -1, not within the years 1970 to 9999"),
        time("true", "is true, neither RFC 3339 nor seconds since 1970"),
        case(
            "a time twice",
            order("timestamp", "1,\"ordered_at\":1"),
            422,
            &[("ordered_at", "means the same as `timestamp`; give one of them")],
        ),
    ]
}
