//! What may not be meant in partners.yml: partners of one warehouse whose stock policies differ (the
//! stricter one holds for shared products), and partners without a folder.

use std::collections::BTreeMap;

use domain::order::Terms;
use domain::partner::{Partner, Partners, StockPolicy};
use domain::{PartnerId, WarehouseId};

/// What helps partners without a folder.
pub const GIVE_FOLDER: &str = "add `sftp`, if they are to drop files in an installation (docs/OPERATIONS.md, \"Adding a partner\")";

/// Partners without `sftp`.
pub fn without_folder(partners: &Partners) -> Vec<&str> {
    let without = partners.iter().filter(|(_, partner)| partner.sftp.is_none());
    without.map(|(name, _)| name.as_str()).collect()
}

/// What is wrong with that.
pub fn deaf(names: &[&str]) -> String {
    format!(
        "no `sftp` for {}: `orderflow up` gives each a folder of its own, and an installation looks for no \
         files of them",
        names.join(", ")
    )
}

/// Such partners of one warehouse.
#[derive(Debug)]
pub struct Clash {
    /// The first of those whose orders are refused although their own policy would not.
    pub partner: PartnerId,
    /// What that means for whom.
    pub text: String,
}

/// One for each warehouse with such partners.
pub fn clashes<'a>(partners: impl Iterator<Item = (&'a PartnerId, &'a Partner)>) -> Vec<Clash> {
    let mut warehouses: BTreeMap<&WarehouseId, [Vec<String>; 2]> = BTreeMap::new();
    let mut first: BTreeMap<&WarehouseId, &PartnerId> = BTreeMap::new();
    let mut names = 0;
    for (name, partner) in partners {
        names += 1;
        let policy = match partner.stock {
            StockPolicy::Enforce => "enforce",
            StockPolicy::IfKnown => "if-known",
            StockPolicy::Backorder => "backorder",
            StockPolicy::Ignore => "ignore",
        };
        let [checked, free] = warehouses.entry(&partner.warehouse).or_default();
        let list = if partner.stock.has_floor() { checked } else { free };
        list.push(format!("{name} ({policy})"));
        if !partner.stock.has_floor() {
            first.entry(&partner.warehouse).or_insert(name);
        }
    }
    // Orders of no configured partner are checked as well.
    let direct = Terms::direct();
    if names > 0
        && let Some([checked, _]) = warehouses.get_mut(&direct.warehouse)
    {
        checked.push(format!("{} (enforce)", direct.partner));
    }
    let clashing =
        warehouses.iter().filter(|(_, [checked, free])| !checked.is_empty() && !free.is_empty());
    let text = |(warehouse, [checked, free]): (&&WarehouseId, &[Vec<String>; 2])| {
        let partner = PartnerId::clone(first.get(*warehouse)?);
        let text = format!(
            "warehouse {warehouse}: products that {} ordered never go below zero, so orders of {} \
             are refused where they would",
            checked.join(", "),
            free.join(", ")
        );
        Some(Clash { partner, text })
    };
    clashing.filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partners_of_a_warehouse_are_named_with_their_policies() {
        let partner = |stock: &str, warehouse: &str| -> Partner {
            let yaml = format!(
                "{{currency: EUR, stock: {stock}, warehouse: {warehouse}, file: {{columns: {{order-id: \
                 A, product-id: B, quantity: C, unit-price: D, ordered-at: E}}}}}}"
            );
            serde_yaml_ng::from_str(&yaml).unwrap()
        };
        let id = |name: &str| PartnerId::parse(name).unwrap();
        let found = |partners: &[(&str, &str, &str)]| {
            let partners: BTreeMap<PartnerId, Partner> = partners
                .iter()
                .map(|(name, stock, warehouse)| (id(name), partner(stock, warehouse)))
                .collect();
            let clashes = clashes(partners.iter()).into_iter();
            clashes.map(|clash| clash.text).collect::<Vec<_>>()
        };
        assert_eq!(found(&[]), [""; 0]);
        let west = [("US1", "if-known", "west"), ("US2", "enforce", "west")];
        assert_eq!(found(&west), [""; 0]);
        let apart = [("US1", "if-known", "west"), ("US2", "ignore", "east")];
        assert_eq!(found(&apart), [""; 0]);
        let both =
            [("US1", "if-known", "west"), ("US2", "ignore", "west"), ("US3", "backorder", "west")];
        let expected = "warehouse west: products that US1 (if-known) ordered never go below zero, so \
                        orders of US2 (ignore), US3 (backorder) are refused where they would";
        assert_eq!(found(&both), [expected]);
        let direct = "warehouse main: products that DIRECT (enforce) ordered never go below zero, so \
                      orders of US1 (ignore) are refused where they would";
        assert_eq!(found(&[("US1", "ignore", "main")]), [direct]);
    }
}
