//! What a person reads of a document, in the seller's language: the same in HTML and in PDF.

use crate::countries::{country, town};
use crate::format::{Format, iban};
use crate::party::{buyer_address, buyer_name, buyer_siren, delivery};
use crate::sums::taxes;
use crate::words::Words;
use domain::Money;
use domain::invoice::{Document, DocumentKind, DocumentLine, TaxTotal, Taxed};
use domain::person;
use domain::seller::Prices;
use serde::Serialize;

/// A document in texts.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    /// RFC 5646.
    pub(crate) language: &'static str,
    /// `Facture A-2026-000001`.
    pub(crate) title: String,
    pub(crate) number: String,
    /// The seller's name, then its address.
    pub(crate) seller: Vec<String>,
    /// The seller in one line, above the address in the window of an envelope.
    pub(crate) sender: String,
    /// Name and address.
    pub(crate) buyer: Vec<String>,
    /// Names and values: dates, order, original.
    pub(crate) facts: Vec<(String, String)>,
    /// Name of the field, then the lines; empty if goods go where the invoice goes.
    pub(crate) delivery: Vec<String>,
    pub(crate) columns: Columns,
    pub(crate) rows: Vec<Row>,
    /// Heads of the summary of taxes: rate, base, tax.
    pub(crate) tax_heads: [&'static str; 3],
    pub(crate) taxes: Vec<[String; 3]>,
    /// Why no tax is taken.
    pub(crate) reasons: Vec<String>,
    pub(crate) totals: Vec<Total>,
    /// When and where to pay.
    pub(crate) payment: Vec<String>,
    /// What the law or the seller wants to be said.
    pub(crate) notes: Vec<String>,
    /// Who the seller is by law.
    pub(crate) legal: String,
    /// Between a name and its value.
    pub(crate) colon: &'static str,
    pub(crate) carried: &'static str,
    pub(crate) brought: &'static str,
    pub(crate) page: &'static str,
    pub(crate) of: &'static str,
    /// Is the window of an envelope on the right? In France it is.
    #[serde(skip)]
    pub(crate) window_right: bool,
}

/// Heads of the columns. Prices with tax have one more: what a line comes to without it.
#[derive(Debug, Serialize)]
pub(crate) struct Columns {
    pub(crate) position: &'static str,
    pub(crate) description: &'static str,
    pub(crate) quantity: &'static str,
    pub(crate) price: &'static str,
    pub(crate) rate: &'static str,
    pub(crate) net: Option<&'static str>,
    pub(crate) amount: &'static str,
}

/// A line or a charge.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Lines only.
    pub(crate) position: String,
    pub(crate) description: String,
    /// Article number and discount.
    pub(crate) details: String,
    pub(crate) quantity: String,
    pub(crate) price: String,
    pub(crate) rate: String,
    pub(crate) net: String,
    pub(crate) amount: String,
    /// Of this row and all before it: what is carried to the next page.
    pub(crate) sum_net: String,
    pub(crate) sum: String,
}

/// A sum with its name.
#[derive(Debug, Serialize)]
pub(crate) struct Total {
    pub(crate) name: String,
    pub(crate) amount: String,
    /// Is it what is paid?
    pub(crate) is_payable: bool,
}

/// What texts are made with.
struct Maker<'a> {
    document: &'a Document,
    words: &'static Words,
    format: Format,
}

impl View {
    pub(crate) fn of(document: &Document) -> Self {
        let language = document.seller.language;
        let (words, format) = (Words::of(language), Format::of(language));
        let maker = Maker { document, words, format };
        let seller = maker.seller();
        Self {
            language: words.tag,
            title: format!("{} {}", words.title(document.kind), document.number),
            number: document.number.clone(),
            sender: seller.join(" · "),
            seller,
            buyer: maker.buyer(),
            facts: maker.facts(),
            delivery: maker.delivery(),
            columns: maker.columns(),
            rows: maker.rows(),
            tax_heads: [words.tax_summary, words.base, words.tax],
            taxes: maker.taxes(),
            reasons: maker.reasons(),
            totals: maker.totals(),
            payment: maker.payment(),
            notes: maker.notes(),
            legal: maker.legal(),
            colon: words.colon,
            carried: words.carried,
            brought: words.brought,
            page: words.page,
            of: words.of,
            window_right: document.seller.address.country == "FR",
        }
    }
}

impl Maker<'_> {
    fn seller(&self) -> Vec<String> {
        let (seller, address) = (&self.document.seller, &self.document.seller.address);
        let mut lines = vec![seller.name.clone(), address.street.clone()];
        lines.extend(address.street2.clone());
        lines.extend(town(&address.postcode, &address.city, "", &address.country));
        let abroad = buyer_address(&self.document.buyer)
            .is_some_and(|buyer| buyer.country != address.country);
        lines.extend(abroad.then(|| country(&address.country, seller.language)));
        lines
    }

    fn buyer(&self) -> Vec<String> {
        let (buyer, person) = (&self.document.buyer, &self.document.buyer.person);
        let name = buyer_name(buyer).unwrap_or(self.words.nameless);
        let mut lines = vec![name.to_owned()];
        // A company first, then who works there.
        lines.extend(person.name.clone().filter(|person| person != name));
        lines.extend(buyer_address(buyer).into_iter().flat_map(|address| self.address(address)));
        lines
    }

    fn address(&self, address: &person::Address) -> Vec<String> {
        let mut lines = address.lines.clone();
        let code = address.postal_code.as_deref().unwrap_or_default();
        let region = address.region.as_deref().unwrap_or_default();
        lines.extend(town(code, &address.city, region, &address.country));
        let seller = &self.document.seller;
        let abroad = address.country != seller.address.country;
        lines.extend(abroad.then(|| country(&address.country, seller.language)));
        lines
    }

    fn delivery(&self) -> Vec<String> {
        let Some(address) = delivery(self.document) else { return Vec::new() };
        let mut lines = vec![self.words.delivery.to_owned()];
        lines.extend(self.address(address));
        lines
    }

    fn facts(&self) -> Vec<(String, String)> {
        let (document, words) = (self.document, self.words);
        let mut facts = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            facts.extend(value.map(|value| (name.to_owned(), value)));
        };
        add(words.issued_on, Some(self.format.day(document.issued_on)));
        add(words.supplied_on, Some(self.format.day(document.supply.supplied_on)));
        add(words.due_on, document.due_on.map(|due| self.format.day(due)));
        add(
            words.original,
            document.original.as_ref().map(|original| {
                let day = self.format.day(original.issued_on);
                format!("{} {} {day}", original.number, words.dated)
            }),
        );
        add(words.order, Some(document.supply.order_id.to_string()));
        add(words.customer, document.buyer.customer.as_ref().map(ToString::to_string));
        add(words.buyer_vat, document.buyer.person.vat_number.clone());
        add("SIREN", buyer_siren(&document.buyer).map(str::to_owned));
        let supplies = document.seller.supplies;
        add(words.supplies, supplies.map(|supplies| words.supplied(supplies).to_owned()));
        add(words.reason, document.reason.clone());
        facts
    }

    fn columns(&self) -> Columns {
        let words = self.words;
        let gross = self.is_gross();
        Columns {
            position: words.position,
            description: words.description,
            quantity: words.quantity,
            price: if gross { words.price_gross } else { words.price_net },
            rate: words.rate,
            net: gross.then_some(words.net),
            amount: if gross { words.gross } else { words.net },
        }
    }

    fn is_gross(&self) -> bool {
        self.document.prices == Prices::Gross
    }

    fn rows(&self) -> Vec<Row> {
        let (mut sum_net, mut sum) = (Money::ZERO, Money::ZERO);
        let mut row = |mut row: Row, net: Money, amount: Money| {
            let amount = if self.is_gross() { amount } else { net };
            sum_net = sum_net.plus(net).unwrap_or(sum_net);
            sum = sum.plus(amount).unwrap_or(sum);
            (row.net, row.amount) = (self.amount(net), self.amount(amount));
            (row.sum_net, row.sum) = (self.amount(sum_net), self.amount(sum));
            row
        };
        let mut rows = Vec::with_capacity(self.document.lines.len());
        for (position, line) in (1..).zip(&self.document.lines) {
            rows.push(row(self.line(position, line), line.net, line.amount));
        }
        for charge in &self.document.charges {
            let name = charge.description.clone();
            let name = name.unwrap_or_else(|| self.words.charge(charge.kind).to_owned());
            rows.push(row(self.row(name, &charge.tax), charge.net, charge.amount));
        }
        rows
    }

    fn line(&self, position: i64, line: &DocumentLine) -> Row {
        let id = line.product_id.to_string();
        let mut details = Vec::new();
        let name = match &line.description {
            Some(name) => {
                details.push(format!("{} {id}", self.words.article));
                name.clone()
            }
            None => id,
        };
        if let Some(discount) = line.discount.filter(|discount| *discount != Money::ZERO) {
            details.push(format!("{} {}", self.words.discount, self.amount(discount.negated())));
        }
        Row {
            position: position.to_string(),
            details: details.join(" · "),
            quantity: self.format.number(line.quantity),
            price: self.amount(line.unit_price),
            ..self.row(name, &line.tax)
        }
    }

    fn row(&self, description: String, tax: &Taxed) -> Row {
        Row {
            position: String::new(),
            description,
            details: String::new(),
            quantity: String::new(),
            price: String::new(),
            rate: self.format.percent(tax.percent),
            net: String::new(),
            amount: String::new(),
            sum_net: String::new(),
            sum: String::new(),
        }
    }

    fn taxes(&self) -> Vec<[String; 3]> {
        let row = |tax: &TaxTotal| {
            let mut rate = self.format.percent(tax.tax.percent);
            if tax.tax.code.needs_reason() {
                rate = format!("{rate} ({})", tax.tax.code.as_str());
            }
            [rate, self.amount(tax.base), self.amount(tax.amount)]
        };
        taxes(self.document).iter().map(row).collect()
    }

    fn reasons(&self) -> Vec<String> {
        let taxes = taxes(self.document);
        let taxes = taxes.into_iter().filter(|tax| tax.tax.code.needs_reason());
        let reason = |tax: TaxTotal| {
            let reason = tax.tax.reason?;
            Some(format!("{}{}{reason}", tax.tax.code.as_str(), self.words.colon))
        };
        taxes.filter_map(reason).collect()
    }

    fn totals(&self) -> Vec<Total> {
        let (document, words) = (self.document, self.words);
        let sums = &document.totals;
        let mut totals = Vec::new();
        let mut add = |name: &str, amount: Money, is_payable| {
            totals.push(Total { name: name.to_owned(), amount: self.money(amount), is_payable });
        };
        add(words.total_net, sums.net, false);
        add(words.rate, sums.tax, false);
        add(words.total_gross, sums.gross, false);
        if sums.rounding != Money::ZERO {
            add(words.rounding, sums.rounding, false);
        }
        let payable = match document.kind {
            DocumentKind::Invoice => words.payable,
            DocumentKind::CreditNote => words.credited,
        };
        add(payable, sums.payable, true);
        totals
    }

    fn payment(&self) -> Vec<String> {
        let (document, words) = (self.document, self.words);
        if document.kind == DocumentKind::CreditNote {
            return vec![words.refunded.to_owned()];
        }
        let mut lines = vec![match document.due_on {
            Some(due) => format!("{} {}", words.pay_by, self.format.day(due)),
            None => words.pay_now.to_owned(),
        }];
        if let Some(account) = &document.seller.iban {
            let colon = words.colon;
            lines.push(format!("{}{colon}{}", words.account, iban(account)));
            lines.push(format!("{}{colon}{}", words.reference, document.number));
        }
        lines
    }

    fn notes(&self) -> Vec<String> {
        let seller = &self.document.seller;
        let notes = [&seller.penalties, &seller.recovery_costs, &seller.discount_terms];
        notes.into_iter().flatten().filter(|note| !note.trim().is_empty()).cloned().collect()
    }

    fn legal(&self) -> String {
        let seller = &self.document.seller;
        let named = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("{name} {value}").replace(' ', "\u{a0}"))
        };
        let parts = [
            Some(seller.name.clone()),
            seller.legal_form.clone(),
            seller.register.clone(),
            named("SIREN", &seller.siren),
            named(self.words.vat_number, &seller.vat_number),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    fn amount(&self, amount: Money) -> String {
        self.format.amount(amount, self.document.decimals)
    }

    fn money(&self, amount: Money) -> String {
        self.format.money(amount, self.document.decimals, &self.document.currency)
    }
}
