//! What a caller must be allowed to do, and whose data an answer holds.

use runtime::Door;

/// What a caller must be allowed to do at a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Nothing.
    Anyone,
    /// Bring events: the connector.
    Connector,
    /// Place orders.
    OrdersWrite,
    /// Look at orders and files.
    OrdersRead,
    /// Look at stock.
    StockRead,
    /// Change stock.
    Stock,
    /// Everything that people may do.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Anyone,
        Self::Connector,
        Self::OrdersWrite,
        Self::OrdersRead,
        Self::StockRead,
        Self::Stock,
        Self::Admin,
    ];

    /// Its name, as tokens carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Connector => "connector",
            Self::OrdersWrite => "orders:write",
            Self::OrdersRead => "orders:read",
            Self::StockRead => "stock:read",
            Self::Stock => "stock",
            Self::Admin => "admin",
        }
    }

    /// The door whose static tokens have this role.
    #[must_use]
    pub const fn door(self) -> Door {
        match self {
            Self::Anyone => Door::Open,
            Self::Connector => Door::Connector,
            Self::OrdersWrite => Door::Orders,
            Self::OrdersRead | Self::StockRead => Door::Read,
            Self::Stock | Self::Admin => Door::Admin,
        }
    }
}

/// Whose data a route shows or changes. Static tokens are of the operator and see all partners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing that belongs to a partner.
    NoPartner,
    /// One partner's, whom the request names.
    OnePartner,
    /// Those of all partners.
    AllPartners,
}

impl Scope {
    /// Its name in the documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoPartner => "none",
            Self::OnePartner => "one partner",
            Self::AllPartners => "all partners",
        }
    }
}
