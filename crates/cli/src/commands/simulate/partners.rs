//! Whose orders they are.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use domain::{PartnerId, WarehouseId};
use machine::dir::DataDir;

/// One partner for each of `lanes` warehouses; `None` is the built-in partner.
pub(super) fn of_lanes(dir: &DataDir, lanes: u16) -> Result<Vec<Option<PartnerId>>> {
    let mut of_warehouse = BTreeMap::from([(WarehouseId::main(), None)]);
    if lanes > 1 {
        let path = dir.partners();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let partners = intake::partners::load(&text)
            .map_err(|problems| anyhow!("{}: {} problems", path.display(), problems.len()))?;
        for (name, partner) in partners {
            of_warehouse.entry(partner.warehouse).or_insert(Some(name));
        }
    }
    let found = of_warehouse.len();
    if found < lanes.into() {
        bail!(
            "{lanes} lanes: the partners have {found} warehouses; see `warehouse` in partners.yml"
        );
    }
    // The main one first.
    let direct = of_warehouse.remove(&WarehouseId::main());
    Ok(direct.into_iter().chain(of_warehouse.into_values()).take(lanes.into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_gets_a_partner_of_its_warehouse() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        let text = "partners:\n  A: {currency: EUR}\n  B: {currency: EUR, warehouse: west}\n  C: {currency: EUR, warehouse: west}\n";
        std::fs::write(dir.partners(), text).unwrap();
        assert_eq!(of_lanes(&dir, 1).unwrap(), [None]);
        assert_eq!(of_lanes(&dir, 2).unwrap(), [None, Some(PartnerId::parse("B").unwrap())]);
        let error = of_lanes(&dir, 3).unwrap_err().to_string();
        assert!(error.starts_with("3 lanes: the partners have 2 warehouses"), "{error}");
    }
}
