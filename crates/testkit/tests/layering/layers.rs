//! Which crate may use which.

/// The dependencies that a crate may have.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    /// Allowed members of the workspace.
    pub(crate) members: &'static [&'static str],
    /// Allowed crates from outside; `None`: any that [`OWNED`] does not reserve for others.
    pub(crate) others: Option<&'static [&'static str]>,
    pub(crate) rule: &'static str,
}

pub(crate) const LAYERS: &[Layer] = &[
    Layer {
        name: "domain",
        members: &[],
        others: Some(&[
            "chrono",
            "hex",
            "indexmap",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "thiserror",
            "unicode-normalization",
        ]),
        rule: "the business has no IO, no clock and no async",
    },
    Layer {
        name: "tabular",
        members: &["domain"],
        others: Some(&[
            "chrono",
            "chrono-tz",
            "csv",
            "encoding_rs",
            "memchr",
            "polars",
            "serde",
            "sqlparser",
            "thiserror",
            "unicode-normalization",
            "xxhash-rust",
        ]),
        rule: "it turns bytes into rows, independent of their source",
    },
    Layer {
        name: "documents",
        members: &["domain"],
        others: Some(&[
            "chrono",
            "flate2",
            "krilla",
            "minijinja",
            "rustybuzz",
            "serde",
            "thiserror",
            "unicode-bidi",
        ]),
        rule: "a document is made of an invoice alone, without IO and clock",
    },
    Layer {
        name: "messaging",
        members: &["domain"],
        others: None,
        rule: "it knows the business and NATS, and nobody who uses it",
    },
    Layer {
        name: "state",
        members: &["messaging"],
        others: None,
        rule: "it keeps what a function has to keep, and knows no business",
    },
    Layer {
        name: "stock",
        members: &["chassis", "domain", "messaging", "runtime", "state"],
        others: None,
        rule: "it is the journal of the stock, for those who write it and those who check it",
    },
    Layer {
        name: "invoices",
        members: &["chassis", "domain", "messaging", "state"],
        others: None,
        rule: "it is the journal of invoices, for those who write it and those who check it",
    },
    Layer {
        name: "archive",
        members: &["domain", "messaging", "state"],
        others: None,
        rule: "it keeps facts and adds them up, and knows nobody who asks",
    },
    Layer {
        name: "intake",
        members: &["domain", "messaging"],
        others: None,
        rule: "it brings files, and knows nothing of what is in them or who calls",
    },
    Layer {
        name: "runtime",
        members: &[],
        others: None,
        rule: "the shell of a function knows no business",
    },
    Layer {
        name: "outgoing",
        members: &["runtime"],
        others: None,
        rule: "it calls addresses that others name, and knows nothing of why",
    },
    Layer {
        name: "chassis",
        members: &["domain", "intake", "messaging", "runtime", "state"],
        others: None,
        rule: "it is what every function stands on, and knows none of them",
    },
    Layer {
        name: "products",
        members: &["chassis", "domain", "messaging", "state"],
        others: None,
        rule: "it is the products of the catalogue, for those who write them and those who read them",
    },
    Layer {
        name: "servers",
        members: &[],
        others: None,
        rule: "it starts programs, and does not know what for",
    },
    Layer {
        name: "connector",
        members: &["messaging", "runtime", "state"],
        others: None,
        rule: "it brings messages to functions, and knows none of them",
    },
    Layer {
        name: "terminal",
        members: &[],
        others: Some(&["anyhow", "comfy-table", "indicatif", "serde", "serde_json", "thiserror"]),
        rule: "it says what it is given, and knows nothing of it",
    },
    Layer {
        name: "propose",
        members: &["domain", "tabular"],
        others: Some(&[
            "chrono",
            "chrono-tz",
            "csv",
            "encoding_rs",
            "serde",
            "serde_json",
            "thiserror",
            "unicode-normalization",
        ]),
        rule: "a proposal is a function of the bytes: no IO, no clock",
    },
    Layer {
        name: "load",
        members: &["domain"],
        others: Some(&["bytes", "chrono", "fastrand", "serde", "serde_json", "thiserror", "tokio"]),
        rule: "generated orders depend only on a seed, not on their sender",
    },
    Layer {
        name: "stack",
        members: &["chassis", "connector", "domain", "intake", "messaging", "runtime", "terminal"],
        others: None,
        rule: "it says what stack.yml holds, and neither starts nor deploys it",
    },
    Layer {
        name: "machine",
        members: &[
            "connector",
            "domain",
            "intake",
            "messaging",
            "runtime",
            "products",
            "servers",
            "stack",
            "state",
            "stock",
            "terminal",
        ],
        others: None,
        rule: "it runs on one machine, and knows neither clusters nor flags",
    },
    Layer {
        name: "deploy",
        members: &[
            "chassis",
            "connector",
            "domain",
            "intake",
            "messaging",
            "runtime",
            "stack",
            "tabular",
            "terminal",
        ],
        others: None,
        rule: "it reads files, and starts nothing",
    },
    Layer {
        name: "bench",
        members: &[
            "connector",
            "domain",
            "load",
            "machine",
            "messaging",
            "runtime",
            "servers",
            "stack",
            "terminal",
        ],
        others: None,
        rule: "it measures the program from outside",
    },
    Layer {
        name: "testkit",
        members: &["domain", "load", "messaging", "servers", "state"],
        others: None,
        rule: "it looks at the pipeline from outside",
    },
    Layer {
        name: "orderflow-fuzz",
        members: &[
            "connector",
            "domain",
            "messaging",
            "order-ingest",
            "runtime",
            "state",
            "tabular",
        ],
        others: None,
        rule: "it brings bad input to what reads input",
    },
];

/// Crates that know the functions of this program: they build them, or read their names and settings.
pub(crate) const KNOW_FUNCTIONS: &[&str] = &["stack", "machine", "deploy", "bench"];
/// The dependencies that a function may have.
pub(crate) const FUNCTION: &[&str] = &[
    "archive",
    "domain",
    "tabular",
    "messaging",
    "state",
    "stock",
    "invoices",
    "products",
    "documents",
    "chassis",
    "intake",
    "runtime",
    "outgoing",
];
/// The program that combines all crates.
pub(crate) const CLI: &str = "orderflow";

/// Crates from outside that only these members may use.
pub(crate) const OWNED: &[(&str, &[&str], &str)] = &[
    ("polars", &["tabular"], "it takes minutes to build, and its types change with every release"),
    ("parquet", &["archive"], "files that others read have one form"),
    ("krilla", &["documents"], "documents are made in one place"),
    ("lettre", &["notifier"], "mails go out through one outbox"),
    ("pgp", &["file-transformer"], "only who reads files has their keys"),
    ("ssh2", &["intake"], "partners' folders are reached through intake"),
    ("libssh2-sys", &["intake"], "only its version is named, to refuse old ones"),
    ("hyper-rustls", &["outgoing"], "what calls others' addresses is guarded in one place"),
    ("reqwest", &[], "hyper is there already"),
];
