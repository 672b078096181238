//! The sample products in the catalogue, so that there is something to look at.

use anyhow::{Context as _, Result};
use domain::{Currency, Money, Product, ProductId};
use messaging::Nats;
use products::Item;
use state::record::{Author, Conflict, Records, WriteError};

use crate::clock;

/// Id, name, price in EUR and category. Their stock is `domain::inventory::SEED`.
const SAMPLES: [(&str, &str, &str, &str); 5] = [
    ("P001", "Desk lamp", "19.99", "electronics"),
    ("P002", "Headphones", "149.00", "electronics"),
    ("P003", "Notebook", "7.50", "books"),
    ("P004", "Green tea", "3.25", "grocery"),
    ("P005", "Chocolate bar", "0.99", "grocery"),
];

fn sample((id, name, price, category): (&str, &str, &str, &str)) -> Result<Product> {
    Ok(Product {
        id: ProductId::parse(id)?,
        name: name.to_owned(),
        price: Money::parse(price)?,
        currency: Currency::parse("EUR")?,
        category: Some(category.to_owned()),
        tax_category: None,
        active: true,
        low_stock: None,
        metadata: domain::order::Metadata::new(),
    })
}

/// Makes those that are not there. It is called before the stock of the samples is set, and not after that: one
/// that people delete stays deleted.
pub(super) async fn ensure(nats: &Nats) -> Result<()> {
    let records = Records::new(nats.clone());
    let author = Author { by: "orderflow up".to_owned(), at: clock::now(), key: None };
    for product in SAMPLES {
        let product = sample(product).context("sample products")?;
        let key = Item::key(&product.id)?;
        match records.create(&key, Item(product), &author).await {
            Ok(_) | Err(WriteError::Conflict(Conflict::Exists { .. })) => {}
            Err(error) => return Err(error).context("the sample products cannot be made"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_has_stock_and_keeps_to_the_rules() {
        let ids = SAMPLES.map(|(id, ..)| id);
        assert_eq!(ids, domain::inventory::SEED.map(|(id, _)| id));
        for product in SAMPLES {
            assert_eq!(sample(product).unwrap().problems(), []);
        }
    }
}
