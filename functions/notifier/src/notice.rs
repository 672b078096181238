//! What is told of which event.

use messaging::events;

macro_rules! notices {
    ($($(#[$doc:meta])* $notice:ident $name:literal;)*) => {
        /// What is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Notice {
            $($(#[$doc])* $notice,)*
        }

        impl Notice {
            /// All of them.
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$notice),*];

            /// Its name, as that of its templates.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$notice => $name,)*
                }
            }
        }
    };
}

notices! {
    /// An order is confirmed.
    OrderConfirmed "order_confirmed";
    /// It was confirmed, and has another content now.
    OrderAmended "order_amended";
    /// It is refused for lack of stock.
    OrderOutOfStock "order_out_of_stock";
    /// It is refused for another reason.
    OrderRefused "order_refused";
    /// It was confirmed, and is taken back.
    OrderCancelled "order_cancelled";
    /// A part of it, or all, has left the house.
    OrderShipped "order_shipped";
    /// An invoice, which is attached.
    InvoiceIssued "invoice_issued";
    /// A credit note, which is attached.
    CreditNoteIssued "credit_note_issued";
    /// A return is confirmed.
    ReturnConfirmed "return_confirmed";
    /// A return is refused.
    ReturnRefused "return_refused";
    /// A return is taken back.
    ReturnCancelled "return_cancelled";
    /// A partner's file did not come; for those who run this.
    AlertFile "alert_file";
    /// The partners' configuration is wrong; for those who run this.
    AlertPartners "alert_partners";
}

/// Types of the events that are told.
pub(crate) const TYPES: [&str; 7] = [
    events::ORDER_CONFIRMED,
    events::ORDER_REFUSED,
    events::ORDER_SHIPPED,
    events::INVOICE_ISSUED,
    events::CREDIT_NOTE_ISSUED,
    events::ALERT_FILE,
    events::ALERT_PARTNERS,
];

impl Notice {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.name() == name)
    }

    /// Is it for those who run this, and not for a customer?
    pub(crate) const fn is_alert(self) -> bool {
        matches!(self, Self::AlertFile | Self::AlertPartners)
    }

    /// Is it about a return?
    pub(crate) const fn is_return(self) -> bool {
        matches!(self, Self::ReturnConfirmed | Self::ReturnRefused | Self::ReturnCancelled)
    }

    /// Is it about an invoice or a credit note?
    pub(crate) const fn is_document(self) -> bool {
        matches!(self, Self::InvoiceIssued | Self::CreditNoteIssued)
    }

    /// What is told of an order; nothing if `kind` is no such type. `amended`: does it take the place of a confirmed
    /// attempt?
    pub(crate) fn of_order(
        kind: &str,
        (is_return, amended): (bool, bool),
        reason: Option<&str>,
    ) -> Option<Self> {
        let is_cancelled = reason == Some("cancelled");
        let is_short = matches!(reason, Some("insufficient_stock" | "unknown_product"));
        match kind {
            events::ORDER_SHIPPED => Some(Self::OrderShipped),
            events::INVOICE_ISSUED => Some(Self::InvoiceIssued),
            events::CREDIT_NOTE_ISSUED => Some(Self::CreditNoteIssued),
            events::ORDER_CONFIRMED if is_return => Some(Self::ReturnConfirmed),
            events::ORDER_CONFIRMED if amended => Some(Self::OrderAmended),
            events::ORDER_CONFIRMED => Some(Self::OrderConfirmed),
            events::ORDER_REFUSED => Some(match is_return {
                true if is_cancelled => Self::ReturnCancelled,
                true => Self::ReturnRefused,
                false if is_cancelled => Self::OrderCancelled,
                false if is_short => Self::OrderOutOfStock,
                false => Self::OrderRefused,
            }),
            _ => None,
        }
    }

    /// What is told of an alert.
    pub(crate) fn of_alert(kind: &str) -> Option<Self> {
        match kind {
            events::ALERT_FILE => Some(Self::AlertFile),
            events::ALERT_PARTNERS => Some(Self::AlertPartners),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_decision_has_its_notice_and_kept_has_none() {
        let of = |kind, is_return, reason| Notice::of_order(kind, (is_return, false), reason);
        let refused = events::ORDER_REFUSED;
        assert_eq!(of(events::ORDER_CONFIRMED, false, None), Some(Notice::OrderConfirmed));
        assert_eq!(of(events::ORDER_CONFIRMED, true, None), Some(Notice::ReturnConfirmed));
        let amended = Notice::of_order(events::ORDER_CONFIRMED, (false, true), None);
        assert_eq!(amended, Some(Notice::OrderAmended));
        assert_eq!(of(refused, false, Some("unknown_product")), Some(Notice::OrderOutOfStock));
        assert_eq!(of(refused, false, Some("cancelled")), Some(Notice::OrderCancelled));
        assert_eq!(of(refused, false, Some("skipped")), Some(Notice::OrderRefused));
        assert_eq!(of(refused, false, None), Some(Notice::OrderRefused));
        assert_eq!(of(refused, true, Some("exceeds_sale")), Some(Notice::ReturnRefused));
        assert_eq!(of(refused, true, Some("cancelled")), Some(Notice::ReturnCancelled));
        assert_eq!(of(events::ORDER_KEPT, false, Some("cancelled")), None);
        assert_eq!(of(events::ORDER_RETURNED, false, None), None);
    }
}
