//! Finds the column of each role: by name first, then by content.

use std::cmp::Reverse;

use super::aliases::{Role, words};
use super::assigned::{Assigned, Found};
use super::guess::{NoProposal, Trust};
use super::table::{Column, Table};
use super::totals::{are_products, differ};
use super::{dates, numbers, persons, totals};

/// Most values of a column that are examined.
const VALUES_MAX: usize = 2_000;
/// A column with a lower share of fitting values, in percent, is not what its name says.
const FIT_MIN: usize = 50;
/// The lowest score of a name that is certainly meant.
const NAME_GOOD: u32 = 900;

/// Finds a column for each role.
pub(super) fn assign(table: &Table, named: &[(Role, String)]) -> Result<Assigned, NoProposal> {
    let mut assigned = Assigned::default();
    for (role, name) in named {
        let same = |column: &Column| column.name.to_lowercase() == name.trim().to_lowercase();
        let at = table.columns.iter().position(same).ok_or_else(|| NoProposal::NoSuchColumn {
            role: role.key(),
            name: name.clone(),
            found: table.names(),
        })?;
        assigned.add(*role, at, Trust::Sure, "named by hand");
    }
    by_name(table, &mut assigned);
    by_content(table, &mut assigned);
    let is_missing = |role: &Role| role.is_required() && assigned.at(*role).is_none();
    let missing: Vec<&str> = Role::ALL.into_iter().filter(is_missing).map(Role::key).collect();
    if !missing.is_empty() {
        return Err(NoProposal::Missing { missing, found: table.names() });
    }
    if named.iter().all(|(role, _)| *role != Role::UnitPrice) {
        compare_totals(table, &mut assigned);
    }
    Ok(assigned)
}

/// Assigns columns by name, the best names first, each column and role once.
fn by_name(table: &Table, assigned: &mut Assigned) {
    let mut pairs = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        for role in Role::ALL {
            let name = role.named_by(&column.name);
            let fit = fit(role, column);
            // The name of somebody is no name of a product.
            let is_other = matches!(role, Role::Description | Role::OrderId | Role::ProductId);
            if is_other && name < NAME_GOOD && persons::is_person(&column.name) {
                continue;
            }
            if name > 0 && fit >= FIT_MIN {
                pairs.push((name, fit, at, role));
            }
        }
    }
    pairs.sort_by_key(|(name, fit, at, role)| (Reverse((*name, *fit)), *at, *role));
    for (name, fit, at, role) in pairs {
        if assigned.found.iter().any(|found| found.role == role || found.at == at) {
            continue;
        }
        let trust = match (name >= NAME_GOOD, fit >= 95) {
            (true, true) => Trust::Sure,
            (true, false) | (false, true) => Trust::Likely,
            (false, false) => Trust::Unsure,
        };
        let known = if name >= NAME_GOOD { "a usual name" } else { "part of a usual name" };
        match table.columns.get(at).and_then(|column| doubt(role, column)) {
            Some(doubt) => {
                assigned.add(role, at, Trust::Unsure, format!("{known}, but {doubt}: please look"));
            }
            None => assigned.add(role, at, trust, format!("{known}; {fit} % of its values fit")),
        }
    }
}

/// Assigns required roles that have no column by name.
fn by_content(table: &Table, assigned: &mut Assigned) {
    for role in [Role::OrderedAt, Role::UnitPrice, Role::Quantity, Role::OrderId, Role::ProductId] {
        if assigned.at(role).is_some() {
            continue;
        }
        let free = |at: &usize| assigned.found.iter().all(|found| found.at != *at);
        let columns = table.columns.iter().enumerate();
        let best = columns
            .filter(|(at, column)| free(at) && looks_like(role, column))
            .map(|(at, _)| at)
            .next();
        if let Some(at) = best {
            assigned.add(role, at, Trust::Unsure, "by what it holds, not by its name: please look");
        }
    }
}

/// The values that are not empty.
fn filled(column: &Column) -> impl Iterator<Item = &String> {
    column.values.iter().take(VALUES_MAX).filter(|value| !value.is_empty())
}

fn percent<'a>(values: impl Iterator<Item = &'a String>, fits: impl Fn(&str) -> bool) -> usize {
    let (mut all, mut good) = (0, 0);
    for value in values {
        all += 1;
        good += usize::from(fits(value));
    }
    good * 100 / all.max(1)
}

/// A reason to doubt that the values match the column's name.
fn doubt(role: Role, column: &Column) -> Option<&'static str> {
    let texts: Vec<&str> = filled(column).map(String::as_str).collect();
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let most = |count: usize| !texts.is_empty() && count * 10 >= texts.len() * 9;
    let count = |is: &dyn Fn(&&str) -> bool| texts.iter().filter(|text| is(text)).count();
    let zeros = count(&|text| digits(text) && text.len() > 1 && text.starts_with('0'));
    let mut different = texts.clone();
    different.sort_unstable();
    different.dedup();
    let is_long = |least: usize| {
        let len = texts.first().map_or(0, |text| text.len());
        least <= len && most(count(&|text| digits(text) && text.len() == len))
    };
    match role {
        Role::UnitPrice if zeros > 0 || (is_long(5) && different.len() > 1) => {
            Some("its values look like postal codes or other numbers, not like amounts")
        }
        Role::Quantity
            if zeros > 0 || is_long(4) || most(count(&|text| digits(text) && text.len() > 4)) =>
        {
            Some("its values look like numbers of something, not like pieces")
        }
        Role::OrderId | Role::ProductId if most(count(&|text| is_price(text))) => {
            Some("its values look like amounts")
        }
        _ => None,
    }
}

/// An amount with two decimals.
fn is_price(text: &str) -> bool {
    let decimals = text.rsplit_once(['.', ',']).map(|(_, places)| places);
    numbers::is_amount(text) && decimals.is_some_and(|places| places.len() == 2)
}

/// The share of a column's values, in percent, that the role accepts.
fn fit(role: Role, column: &Column) -> usize {
    let values = filled(column);
    match role {
        Role::Quantity => percent(values, |text| numbers::whole(text).is_some()),
        Role::UnitPrice => percent(values, numbers::is_amount),
        Role::OrderedAt => dates::fit(values),
        Role::OrderId => percent(values, |text| text.len() <= 128),
        // A text of many words is a product's name and not its id.
        Role::ProductId => percent(values, |text| text.split_whitespace().count() <= 3),
        // These may be empty.
        Role::CustomerId | Role::Description | Role::Region | Role::Category => 100,
    }
}

/// Does the column contain only values of this role, and would no other role fit better?
fn looks_like(role: Role, column: &Column) -> bool {
    let is_full = filled(column).count() * 100 >= column.values.len().min(VALUES_MAX) * 95;
    if !is_full || filled(column).next().is_none() || fit(role, column) < 95 {
        return false;
    }
    match role {
        Role::UnitPrice => filled(column).any(|text| text.contains(['.', ','])),
        Role::Quantity => filled(column).all(|text| text.len() <= 4),
        Role::OrderId | Role::ProductId => {
            let mut values: Vec<&String> = filled(column).collect();
            let all = values.len();
            values.sort_unstable();
            values.dedup();
            let is_code = |text: &str| text.chars().any(|c| c.is_ascii_digit());
            // An order or a product may occur several times, but not in every row.
            (all < 3 || values.len() > all / 20) && percent(filled(column), is_code) >= 95
        }
        _ => true,
    }
}

/// Looks for a column that equals quantity times price. If there is one, the price is per piece; if it
/// is the price column itself, it is a total.
fn compare_totals(table: &Table, assigned: &mut Assigned) {
    let (Some(quantity), Some(price)) = (assigned.at(Role::Quantity), assigned.at(Role::UnitPrice))
    else {
        return;
    };
    let amounts: Vec<(usize, Vec<Option<i64>>)> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(at, column)| *at != quantity && fit(Role::UnitPrice, column) >= 95)
        .map(|(at, column)| {
            let mark = numbers::decimal_mark(&column.values).value;
            (at, column.values.iter().map(|text| numbers::amount(text, mark)).collect())
        })
        .collect();
    let Some(column) = table.columns.get(quantity) else { return };
    let pieces: Vec<Option<i64>> = column.values.iter().map(|text| numbers::whole(text)).collect();
    let of = |at: usize| amounts.iter().find(|(other, _)| *other == at).map(|(_, values)| values);
    let Some(prices) = of(price) else { return };
    let name = |at: usize| table.columns.get(at).map(|column| column.name.as_str()).unwrap_or("");
    for (other, values) in amounts.iter().filter(|(other, _)| *other != price) {
        let (found, trust, why) = if are_products(&pieces, prices, values) {
            (price, Trust::Sure, format!("quantity × it = {:?}", name(*other)))
        } else if are_products(&pieces, values, prices) {
            let why = format!("quantity × it = {:?}, which so is a total", name(price));
            (*other, Trust::Likely, why)
        } else {
            continue;
        };
        assigned.found.retain(|found| found.role == Role::UnitPrice || found.at != *other);
        if let Some(slot) = assigned.found.iter_mut().find(|found| found.role == Role::UnitPrice) {
            *slot = Found { role: Role::UnitPrice, at: found, trust, why };
        }
        return;
    }
    if let Some(why) = totals::of_lines(&pieces, prices, assigned.values(table, Role::ProductId)) {
        assigned.doubt_price(&why);
        return;
    }
    let is_total =
        |at: &usize| words(name(*at)).iter().any(|word| totals::NAMES.contains(&word.as_str()));
    let others = amounts.iter().filter(|(at, _)| *at != price && is_total(at));
    let differing = others.map(|(at, totals)| (*at, differ(&pieces, prices, totals)));
    if let Some((at, _)) = differing.into_iter().find(|(_, differs)| *differs) {
        assigned.doubt_price(&format!("quantity × it is not {:?}", name(at)));
    }
}
