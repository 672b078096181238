//! Why rows of a file make no order.

/// Why the lines of an order make none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OrderFault {
    /// One of its lines was rejected, and the partner wants all or nothing.
    BadLine,
    /// Its lines name different customers.
    CustomersDiffer,
    /// Quantities above and below zero.
    MixedSigns,
    /// The id says sale or return, the quantities say the other.
    WrongSign,
    /// More lines or bytes than an order may have.
    TooLarge,
    /// The total is beyond the largest amount that can be read again.
    TotalTooLarge,
    /// It has charges and no line.
    NoLines,
    /// Its rows say different shipping, discount, tax or returned sale of the whole order.
    ValuesDiffer,
    /// A discount makes its amount larger.
    DiscountAdds,
    /// Its charges take off more than its lines come to.
    BelowNothing,
    /// Its rows say different things of the person who buys.
    PersonsDiffer,
    /// An address has a part, but no street, city or country.
    AddressIncomplete,
    /// It names a sale that it returns, and is a sale, or that sale itself.
    ReturnsWrong,
}
