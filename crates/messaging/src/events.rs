//! Every event there is: `docs/EVENTS.md` is this list for people. Who is called with which, `stack.yml` says; the table
//! in the docs is made from both.

/// A complete file stands in an inbox.
pub const FILE_ARRIVED: &str = "orderflow.file.arrived.v1";
/// A file was accepted and its orders are published.
pub const FILE_TRANSFORMED: &str = "orderflow.file.transformed.v1";
/// A file was refused as a whole, or its content was known.
pub const FILE_FAILED: &str = "orderflow.file.failed.v1";
/// An order came in, unchecked.
pub const ORDER_RECEIVED: &str = "orderflow.order.received.v1";
/// An order was checked and accepted, once.
pub const ORDER_PLACED: &str = "orderflow.order.placed.v1";
/// A confirmed order is to be taken back.
pub const ORDER_CANCELLING: &str = "orderflow.order.cancelling.v1";
/// A confirmed order is to have another content.
pub const ORDER_AMENDING: &str = "orderflow.order.amending.v1";
/// Another order has this id.
pub const ORDER_CONFLICT: &str = "orderflow.order.conflict.v1";
/// Stock is reserved, or a return taken.
pub const ORDER_CONFIRMED: &str = "orderflow.order.confirmed.v1";
/// A cancellation or an amendment was refused: the order stays confirmed.
pub const ORDER_KEPT: &str = "orderflow.order.kept.v1";
/// Decided against, or cancelled.
pub const ORDER_REFUSED: &str = "orderflow.order.refused.v1";
/// What was returned of a sale, by returns that name it.
pub const ORDER_RETURNED: &str = "orderflow.order.returned.v1";
/// What was shipped of a sale, by one shipment and by all so far.
pub const ORDER_SHIPPED: &str = "orderflow.order.shipped.v1";
/// A placed message that names no order.
pub const ORDER_UNDECIDABLE: &str = "orderflow.order.undecidable.v1";
/// Stock of a product moved or was set.
pub const INVENTORY_CHANGED: &str = "orderflow.inventory.changed.v1";
/// A token was made, changed or revoked.
pub const TOKEN_CHANGED: &str = "orderflow.token.changed.v1";
/// A subscription to webhooks was made, changed or deleted.
pub const SUBSCRIPTION_CHANGED: &str = "orderflow.subscription.changed.v1";
/// A webhook was taken by its endpoint.
pub const WEBHOOK_DELIVERED: &str = "orderflow.webhook.delivered.v1";
/// A webhook was given up.
pub const WEBHOOK_FAILED: &str = "orderflow.webhook.failed.v1";
/// A product of the catalogue was made, changed or deleted.
pub const PRODUCT_CHANGED: &str = "orderflow.product.changed.v1";
/// The partners' configuration was changed and is wrong.
pub const ALERT_PARTNERS: &str = "orderflow.alert.partners.v1";
/// Less of a product is left than its threshold.
pub const STOCK_LOW: &str = "orderflow.stock.low.v1";
/// A partner's file did not come in time.
pub const ALERT_FILE: &str = "orderflow.alert.file.v1";
/// The card of a customer was made, changed or deleted.
pub const CUSTOMER_CHANGED: &str = "orderflow.customer.changed.v1";
/// A notification was taken by its provider.
pub const NOTIFICATION_SENT: &str = "orderflow.notification.sent.v1";
/// A notification is given up.
pub const NOTIFICATION_FAILED: &str = "orderflow.notification.failed.v1";
/// An invoice was issued.
pub const INVOICE_ISSUED: &str = "orderflow.invoice.issued.v1";
/// A credit note was issued.
pub const CREDIT_NOTE_ISSUED: &str = "orderflow.credit_note.issued.v1";
/// How an order stands in the books.
pub const INVOICE_BALANCE: &str = "orderflow.invoice.balance.v1";
/// A document of an order cannot be issued.
pub const INVOICE_HELD: &str = "orderflow.invoice.held.v1";
/// What was invoiced in a window of time; final.
pub const WINDOW_CLOSED: &str = "orderflow.window.closed.v1";
/// A document that came after the final result of its window.
pub const WINDOW_CORRECTED: &str = "orderflow.window.corrected.v1";
/// Something that was no CloudEvent, wrapped by the connector.
pub const RAW: &str = "orderflow.raw.v1";

/// One kind of event.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Where it is published.
    pub subject: &'static str,
    /// Its `type`.
    pub kind: &'static str,
    /// Who publishes it.
    pub producer: &'static str,
}

const fn event(subject: &'static str, kind: &'static str, producer: &'static str) -> Definition {
    Definition { subject, kind, producer }
}

/// All kinds.
pub const ALL: &[Definition] = &[
    event("files.arrived.<partner>.<arrival>", FILE_ARRIVED, "daily-checker"),
    event("files.transformed.<partner>.<arrival>", FILE_TRANSFORMED, "file-transformer"),
    event("files.failed.<partner>.<arrival>", FILE_FAILED, "file-transformer"),
    event("orders", ORDER_RECEIVED, "file-transformer"),
    event("orders", RAW, "anyone"),
    event("orders.placed.<warehouse>.<partner>.<order>", ORDER_PLACED, "order-ingest"),
    event("orders.placed.<warehouse>.<partner>.<order>", ORDER_CANCELLING, "order-ingest"),
    event("orders.placed.<warehouse>.<partner>.<order>", ORDER_AMENDING, "order-ingest"),
    event("errors.conflict.<partner>.<order>", ORDER_CONFLICT, "order-ingest"),
    event("orders.confirmed.<warehouse>.<partner>.<order>", ORDER_CONFIRMED, "order-processor"),
    event("orders.confirmed.<warehouse>.<partner>.<order>", ORDER_KEPT, "order-processor"),
    event("orders.refused.<warehouse>.<partner>.<order>", ORDER_REFUSED, "order-processor"),
    event("orders.returned.<warehouse>.<partner>.<order>", ORDER_RETURNED, "order-processor"),
    event("orders.shipped.<warehouse>.<partner>.<order>", ORDER_SHIPPED, "inventory"),
    event("errors.undecidable.<warehouse>.<decision>", ORDER_UNDECIDABLE, "order-processor"),
    event("inventory.changed.<warehouse>.<decision>", INVENTORY_CHANGED, "order-processor"),
    event("inventory.changed.<warehouse>.<decision>", INVENTORY_CHANGED, "inventory"),
    event("invoices.issued.<warehouse>.<number>", INVOICE_ISSUED, "billing"),
    event("invoices.issued.<warehouse>.<number>", CREDIT_NOTE_ISSUED, "billing"),
    event("invoices.balance.<warehouse>.<partner>.<order>", INVOICE_BALANCE, "billing"),
    event("errors.billing.<warehouse>.<partner>.<order>", INVOICE_HELD, "billing"),
    event("customers.changed.<partner>.<customer>", CUSTOMER_CHANGED, "customers"),
    event("products.changed.<id>", PRODUCT_CHANGED, "inventory"),
    event("tokens.changed.<name>", TOKEN_CHANGED, "the command"),
    event("analytics.invoices.5s.<window>", WINDOW_CLOSED, "analytics"),
    event("analytics.invoices.5s.<window>.<sequence>", WINDOW_CORRECTED, "analytics"),
    event("notifications.<channel>.<event>", NOTIFICATION_SENT, "notifier"),
    event("notifications.<channel>.<event>", NOTIFICATION_FAILED, "notifier"),
    event("webhooks.delivered.<subscription>.<message>", WEBHOOK_DELIVERED, "webhooks"),
    event("webhooks.delivered.<subscription>.<message>", WEBHOOK_FAILED, "webhooks"),
    event("webhooks.changed.<partner>.<subscription>", SUBSCRIPTION_CHANGED, "webhooks"),
    event("errors.low_stock.<warehouse>.<product>", STOCK_LOW, "inventory"),
    event("errors.alert.file.<partner>.<date>", ALERT_FILE, "daily-checker"),
    event("errors.alert.partners.<digest>", ALERT_PARTNERS, "any that reads partners.yml"),
];
