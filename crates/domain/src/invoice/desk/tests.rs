use super::*;
use crate::charge::{Charge, ChargeKind};
use crate::invoice::{BalanceState, DocumentKind, Payment, TaxTotal, hash, place_of};
use crate::order::{Kind, Line, kind_and_total};
use crate::partner::{Partners, StockPolicy};
use crate::seller::{Sellers, TaxRates, WithoutSale};
use crate::{ProductId, TaxCategory};
use chrono::NaiveDate;
use serde_json::json;

mod held;
mod people;
mod random;
mod returns;
mod share;

/// A configuration, and the journal's state: what a process has.
struct Shop {
    sellers: Sellers,
    direct: Option<String>,
    rates: TaxRates,
    state: State,
    balances: BTreeMap<Account, Balance>,
    documents: Vec<Document>,
    partners: Partners,
    warehouse: WarehouseId,
    now: DateTime<Utc>,
    fact: u64,
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// Two hours before UTC at every time of the year, so that a day begins elsewhere than in UTC.
fn day(zone: &str, at: DateTime<Utc>) -> NaiveDate {
    let hours = if zone == "East" { 2 } else { 0 };
    (at + chrono::TimeDelta::hours(hours)).date_naive()
}

fn order(id: &str, lines: &[(&str, i64, &str)]) -> Order {
    let lines = lines.iter().map(|(product, quantity, price)| Line {
        product_id: ProductId::parse(product).unwrap(),
        quantity: *quantity,
        unit_price: money(price),
        description: None,
        category: None,
        discount: None,
        tax_category: None,
    });
    let lines: Vec<Line> = lines.collect();
    let (kind, total) = kind_and_total(&lines, &[]).unwrap();
    Order {
        order_id: OrderId::parse(id).unwrap(),
        partner: PartnerId::direct(),
        warehouse: WarehouseId::main(),
        kind,
        attempt: 1,
        ordered_at: DateTime::UNIX_EPOCH,
        currency: "EUR".into(),
        customer: None,
        region: None,
        stock: StockPolicy::Ignore,
        lines,
        charges: Vec::new(),
        tax_given: None,
        metadata: BTreeMap::new(),
        returns: None,
        total,
        cancels: None,
        amends: None,
    }
}

fn back(id: &str, sale: &str, lines: &[(&str, i64, &str)]) -> Order {
    Order { returns: Some(OrderId::parse(sale).unwrap()), ..order(id, lines) }
}

impl Shop {
    fn new(prices: &str) -> Self {
        let seller = json!({
            "name": "Acme SARL", "address": {"street": "1", "postcode": "75002", "city": "Paris", "country": "FR"},
            "currency": "EUR", "time-zone": "UTC", "prices": prices, "series-prefix": "A", "language": "fr",
            "vat-number": "FR40303265045"});
        let rates = json!({"FR": {
            "standard": [{"percent": 19.6, "valid-from": "2000-01-01"}, {"percent": 20, "valid-from": "2014-01-01"}],
            "reduced": [{"percent": 5.5, "valid-from": "2014-01-01"}],
            "reverse": [{"percent": 0, "code": "AE", "reason": "Autoliquidation", "valid-from": "2014-01-01"}],
            "exempt": [{"percent": 0, "code": "E", "reason": "art. 293 B", "valid-from": "2014-01-01"}],
            "other-exempt": [{"percent": 0, "code": "E", "reason": "art. 261", "valid-from": "2014-01-01"}]}});
        Self {
            sellers: [("ACME".to_owned(), serde_json::from_value(seller).unwrap())].into(),
            direct: Some("ACME".into()),
            rates: serde_json::from_value(rates).unwrap(),
            state: State::default(),
            balances: BTreeMap::new(),
            documents: Vec::new(),
            partners: Partners::new(),
            warehouse: WarehouseId::main(),
            now: "2026-11-30T10:00:00Z".parse().unwrap(),
            fact: 0,
        }
    }

    fn seller(&mut self) -> &mut Seller {
        self.sellers.get_mut("ACME").unwrap()
    }

    /// What a lane does: looks up what is not known, decides, and keeps what the entry says.
    fn desk<T>(&mut self, events: &[Event], act: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        let (partners, sellers, rates) = (&self.partners, &self.sellers, &self.rates);
        let terms = Terms { partners, direct: self.direct.as_deref(), sellers, rates, day };
        let mut desk = Desk::new(terms, &self.warehouse, self.now, &self.state);
        for event in events {
            while let Some(unknown) = desk.unknown(event) {
                match unknown {
                    Unknown::Balance(account) => {
                        let balance = self.balances.get(&account).cloned();
                        desk.know_balance(account, balance);
                    }
                    Unknown::Document(number) => {
                        let known = self.documents.iter().find(|it| it.number == number);
                        desk.know_document(known.unwrap().clone());
                    }
                    Unknown::Free(next) => {
                        assert!(self.documents.iter().all(|it| it.number != next.number));
                        desk.know_free(next.series);
                    }
                }
            }
        }
        let made = act(&mut desk);
        let body = desk.into_body(None);
        let body: Body = serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap();
        self.state.apply(&body);
        for Made { hash: said, document } in body.documents {
            assert_eq!(hash(&serde_json::to_vec(&document).unwrap()), said);
            self.documents.push(document);
        }
        let balances = body.balances.into_iter();
        self.balances.extend(balances.map(|balance| (balance.account(), balance)));
        made
    }

    fn event(&mut self, what: HeldWhat, order: Order) -> Event {
        self.fact += 1;
        let (fact, at, attempt) = (self.fact, self.now, order.attempt);
        let person = Person::default();
        Event {
            fact,
            at,
            what,
            placed: fact,
            attempt,
            order: Box::new(order),
            person,
            unreadable: None,
        }
    }

    fn decide(&mut self, what: HeldWhat, order: Order) -> Outcome {
        let event = self.event(what, order);
        self.desk(std::slice::from_ref(&event), |desk| desk.decide(&event, 1 << 20).unwrap())
    }

    fn sell(&mut self, order: Order) -> Outcome {
        self.decide(HeldWhat::Invoice, order)
    }

    fn give_back(&mut self, order: Order) -> Outcome {
        self.decide(HeldWhat::Return, order)
    }

    fn of(&self, id: &str) -> &Balance {
        &self.balances[&(PartnerId::direct(), OrderId::parse(id).unwrap())]
    }

    fn held(&self, id: &str) -> String {
        self.of(id).held.iter().map(|held| held.detail.as_str()).collect::<Vec<_>>().join("|")
    }

    fn last(&self) -> &Document {
        self.documents.last().unwrap()
    }

    fn numbers(&self) -> Vec<&str> {
        self.documents.iter().map(|document| document.number.as_str()).collect()
    }

    /// What must be true of all documents, whatever was decided.
    fn check(&self) {
        let mut last: BTreeMap<&str, (u64, &Document)> = BTreeMap::new();
        for document in &self.documents {
            let (series, number) = place_of(&document.number).unwrap();
            let before = last.insert(series, (number, document));
            let before = before.map_or((0, None), |(number, before)| {
                assert!(before.issued_on <= document.issued_on, "days go on");
                (number, Some(hash(&serde_json::to_vec(before).unwrap())))
            });
            assert_eq!(
                (number, &document.previous),
                (before.0 + 1, &before.1),
                "no gap, one chain"
            );
            let Document { taxes, totals, lines, charges, .. } = document;
            for TaxTotal { tax, base, .. } in taxes {
                let lines = lines.iter().filter(|it| it.tax == *tax).map(|it| it.net.units());
                let charges = charges.iter().filter(|it| it.tax == *tax).map(|it| it.net.units());
                assert_eq!(lines.chain(charges).sum::<i64>(), base.units(), "{document:?}");
            }
            let sum =
                |of: fn(&TaxTotal) -> Money| taxes.iter().map(|it| of(it).units()).sum::<i64>();
            assert_eq!(sum(|it| it.base), totals.net.units());
            assert_eq!(sum(|it| it.amount), totals.tax.units());
            assert_eq!(totals.gross, plus(totals.net, totals.tax));
            assert_eq!(totals.payable, plus(totals.gross, totals.rounding));
        }
        for balance in self.balances.values() {
            let all = self.documents.iter().filter(|it| it.account() == balance.account());
            let sum = |kind: DocumentKind| -> i64 {
                let of_kind = all.clone().filter(|it| it.kind == kind);
                of_kind.map(|it| it.totals.payable.units()).sum()
            };
            assert_eq!(balance.payable.units(), sum(DocumentKind::Invoice));
            assert_eq!(balance.credited.units(), sum(DocumentKind::CreditNote));
            assert_eq!(balance.state, balance.state());
            assert!(Money::ZERO <= balance.payable_left);
        }
    }
}

fn category(mut order: Order, names: &[&str]) -> Order {
    for (line, name) in order.lines.iter_mut().zip(names) {
        line.tax_category = Some(TaxCategory::parse(name).unwrap());
    }
    order
}

#[test]
fn a_sale_has_one_invoice_and_its_cancellation_mirrors_it() {
    let mut shop = Shop::new("net");
    assert_eq!(shop.sell(order("A1", &[("P1", 3, "9.99"), ("P2", 1, "0.333")])), Outcome::Issued);
    assert_eq!(shop.sell(order("A1", &[("P1", 3, "9.99"), ("P2", 1, "0.333")])), Outcome::Nothing);
    assert_eq!(
        shop.decide(HeldWhat::Cancellation, order("A1", &[("P1", 3, "9.99")])),
        Outcome::Issued
    );
    assert_eq!(shop.numbers(), ["A-main-2026-000001", "A-main-C2026-000001"]);
    let [invoice, credit] = &shop.documents[..] else { panic!("two") };
    assert_eq!(
        (&invoice.lines, &invoice.taxes, invoice.totals),
        (&credit.lines, &credit.taxes, credit.totals)
    );
    assert_eq!(credit.original.as_ref().unwrap().number, invoice.number);
    assert_eq!(invoice.due_on.unwrap().to_string(), "2026-12-30");
    assert_eq!((credit.due_on, shop.of("A1").state), (None, BalanceState::Credited));
    assert_eq!(
        shop.decide(HeldWhat::Cancellation, order("A1", &[("P1", 3, "9.99")])),
        Outcome::Nothing
    );
    // Tried again after that.
    assert_eq!(
        shop.sell(Order { attempt: 3, ..order("A1", &[("P1", 1, "9.99")]) }),
        Outcome::Issued
    );
    assert_eq!(shop.of("A1").invoice.as_deref(), Some("A-main-2026-000002"));
    assert_eq!(shop.of("A1").open, money("11.99"));
    shop.check();
}

#[test]
fn a_replaced_attempt_is_credited_before_the_next_is_invoiced_in_either_order_of_facts() {
    for cancelled_first in [true, false] {
        let mut shop = Shop::new("gross");
        shop.sell(order("A1", &[("P1", 3, "10")]));
        let next = Order { attempt: 2, ..order("A1", &[("P1", 2, "10")]) };
        let old = order("A1", &[("P1", 3, "10")]);
        if cancelled_first {
            assert_eq!(shop.decide(HeldWhat::Cancellation, old), Outcome::Issued);
            assert_eq!(shop.sell(next), Outcome::Issued);
        } else {
            assert_eq!(shop.sell(next), Outcome::Issued);
            assert_eq!(shop.decide(HeldWhat::Cancellation, old), Outcome::Nothing);
        }
        assert_eq!(
            shop.numbers(),
            ["A-main-2026-000001", "A-main-C2026-000001", "A-main-2026-000002"]
        );
        assert_eq!(shop.of("A1").open, money("20"));
        shop.check();
    }
}

#[test]
fn the_rate_of_the_day_of_supply_holds_and_codes_follow_from_rates() {
    let mut shop = Shop::new("net");
    shop.now = "2013-12-31T23:00:00Z".parse().unwrap();
    shop.sell(order("A1", &[("P1", 1, "100")]));
    assert_eq!(shop.last().totals.tax, money("19.6"));
    shop.seller().time_zone = "East".into();
    shop.sell(order("A2", &[("P1", 1, "100")]));
    assert_eq!(
        (shop.last().totals.tax, shop.last().supply.supplied_on.to_string()),
        (money("20"), "2014-01-01".into())
    );
    assert_eq!(shop.numbers(), ["A-main-2013-000001", "A-main-2014-000001"]);
    shop.sell(category(order("A3", &[("P1", 1, "100")]), &["exempt"]));
    assert_eq!(shop.last().taxes[0].tax.reason.as_deref(), Some("art. 293 B"));
    shop.check();
}

#[test]
fn currencies_have_their_own_decimals() {
    for (currency, price, expected) in [("JPY", "99.5", "120.00"), ("KWD", "0.3335", "0.401")] {
        let mut shop = Shop::new("net");
        shop.seller().currency = currency.into();
        shop.sell(Order { currency: currency.into(), ..order("A1", &[("P1", 1, price)]) });
        assert_eq!(shop.last().totals.payable, money(expected), "{currency}");
        shop.check();
    }
}

#[test]
fn a_thousand_lines_fit_and_an_entry_ends_before_what_does_not() {
    let mut shop = Shop::new("gross");
    let lines: Vec<(String, i64, String)> =
        (0..1_000).map(|n| (format!("product-{n}"), 7, format!("{n}.9999"))).collect();
    let lines: Vec<_> = lines.iter().map(|(p, q, m)| (p.as_str(), *q, m.as_str())).collect();
    let large = shop.event(HeldWhat::Invoice, order("A1", &lines));
    let small = shop.event(HeldWhat::Invoice, order("A2", &[("P1", 1, "1")]));
    let events = [small, large];
    let outcomes = shop.desk(&events, |desk| {
        let both = [desk.decide(&events[0], 100_000), desk.decide(&events[1], 100_000)];
        assert_eq!(desk.body.asked.len(), 1, "nothing of the second is left");
        both
    });
    assert_eq!(outcomes, [Some(Outcome::Issued), None]);
    let alone = std::slice::from_ref(&events[1]);
    let outcome = shop.desk(alone, |desk| desk.decide(&events[1], 100_000));
    assert_eq!(outcome, Some(Outcome::Held(HeldCode::TooLarge)));
    let json = serde_json::to_string(&shop.documents[0]).unwrap();
    assert!(json.len() < 1_500, "{json}");
    let outcome = shop.desk(alone, |desk| {
        desk.know_balance(events[1].account(), None);
        desk.decide(&events[1], 900_000)
    });
    assert_eq!(outcome, Some(Outcome::Issued));
    shop.check();
}
