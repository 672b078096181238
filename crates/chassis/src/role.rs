//! What a caller must be allowed to do, and whose data an answer holds.

use runtime::Door;

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident $name:literal $door:ident;)*) => {
        /// What a caller must be allowed to do at a route.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Role {
            $($(#[$doc])* $role,)*
        }

        impl Role {
            /// All of them.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$role),*];

            /// Its name, as tokens carry it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)*
                }
            }

            /// The role of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|role| role.name() == name)
            }

            /// The door whose static tokens have this role.
            #[must_use]
            pub const fn door(self) -> Door {
                match self {
                    $(Self::$role => Door::$door,)*
                }
            }
        }
    };
}

roles! {
    /// Nothing.
    Anyone "anyone" Open;
    /// Bring events: the connector.
    Connector "connector" Connector;
    /// Place orders.
    OrdersWrite "orders:write" Orders;
    /// Look at orders and files.
    OrdersRead "orders:read" Read;
    /// Look at stock.
    StockRead "stock:read" Read;
    /// Change stock.
    Stock "stock" Admin;
    /// Look at products.
    ProductsRead "products:read" Read;
    /// Change products.
    Products "products" Admin;
    /// Look at customers.
    CustomersRead "customers:read" Read;
    /// Change customers.
    Customers "customers" Admin;
    /// Look at webhooks and their deliveries.
    WebhooksRead "webhooks:read" Read;
    /// Change webhooks, and send deliveries again.
    Webhooks "webhooks" Admin;
    /// Look at notifications and their texts.
    NotificationsRead "notifications:read" Read;
    /// Send notifications again, and try providers.
    Notifications "notifications" Admin;
    /// Look at invoices.
    BillingRead "billing:read" Read;
    /// Issue and correct invoices.
    Billing "billing" Admin;
    /// Everything that people may do.
    Admin "admin" Admin;
}

impl Role {
    /// The roles that `orderflow tokens add` can give. The connector's is not one of them: its token is a secret.
    #[must_use]
    pub fn given() -> Vec<Self> {
        let is_given = |role: &Self| !matches!(role, Self::Anyone | Self::Connector);
        Self::ALL.into_iter().filter(is_given).collect()
    }

    /// This role and those that follow from it: `admin` has all, and `stock` has `stock:read`.
    #[must_use]
    pub fn includes(self) -> Vec<Self> {
        let reading = format!("{}:read", self.name());
        let follows = |role: &Self| self == Self::Admin || *role == self || role.name() == reading;
        Self::given().into_iter().filter(follows).collect()
    }
}

/// Whose data a route shows or changes. Static tokens are of the operator and see all partners, but for
/// those of partners, which open routes of the scope [`Scope::Own`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing that belongs to a partner.
    NoPartner,
    /// One partner's, whom the request names.
    OnePartner,
    /// A partner's token: its own only; a token of the operator: those that the request names, or all.
    Own,
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
            Self::Own => "its own",
            Self::AllPartners => "all partners",
        }
    }
}
