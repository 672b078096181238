//! `POST /invoices/payments`: payments as CSV, all of them or none.

mod rows;

use crate::app::{App, unavailable};
use crate::lists::today;
use crate::people;
use axum::Json;
use axum::extract::State;
use chassis::{Csv, Query};
use domain::WarehouseId;
use domain::invoice::{Account, Desk, Document, Payment, Refused, Unknown};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use runtime::{Actor, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::{BoundKey, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rows::{ROWS_MAX, Row, Wrong};

/// Documents that are looked up at once.
const AT_ONCE: usize = 64;
/// Payments of one entry.
const ENTRY_MAX: usize = 200;
/// How often orders are looked at again that others change meanwhile.
const LOOKS_MAX: usize = 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// `true`: nothing is recorded, and the answer says what would be.
    #[serde(default)]
    dry_run: bool,
}

/// What came of a file of payments.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Recorded {
    /// Payments that were recorded; in a dry run, that would be.
    new: usize,
    /// Payments that were recorded before: the same reference, document, amount and day.
    known: usize,
    /// Was nothing recorded, because only that was asked for?
    dry_run: bool,
}

/// A payment of a line, and the order that it is of.
struct Line {
    line: u64,
    account: Account,
    payment: Payment,
}

/// What a line comes to.
type Judged = (u64, Result<bool, Refused>);

pub(crate) async fn payments(
    State(app): State<Arc<App>>,
    actor: Actor,
    Query(Which { dry_run }): Query<Which>,
    Csv(file): Csv,
) -> Result<Json<Recorded>, Problem> {
    app.check_clock().await?;
    let rows = rows::read(&file).map_err(refused)?;
    let lines = documented(&app, rows, actor.name()).await?;
    let mut judged = Vec::new();
    for (warehouse, lines) in &lines {
        judged.extend(app.record(warehouse, lines, None).await?);
    }
    let wrong: Vec<Wrong> = judged.iter().filter_map(of_refused).collect();
    if !wrong.is_empty() {
        return Err(refused(wrong));
    }
    if !dry_run {
        judged.clear();
        for (warehouse, lines) in &lines {
            judged.extend(app.record(warehouse, lines, Some(actor.name())).await?);
        }
    }
    recorded(&judged, dry_run).map(Json)
}

/// What came of it when it was recorded.
fn recorded(judged: &[Judged], dry_run: bool) -> Result<Recorded, Problem> {
    let new = judged.iter().filter(|(_, done)| *done == Ok(true)).count();
    let wrong: Vec<Wrong> = judged.iter().filter_map(of_refused).collect();
    if !wrong.is_empty() {
        // Others have recorded payments since these were looked at.
        let detail = format!(
            "{new} payments of the file are recorded, and {} are wrong now, because others were recorded since they were \
             looked at; correct them and send the file again: what is recorded is not recorded twice",
            count(wrong.len())
        );
        return Err(named(Problem::invalid(detail), wrong).with("new", new));
    }
    Ok(Recorded { new, known: judged.len() - new, dry_run })
}

/// What is wrong with a line that was refused.
fn of_refused((line, done): &Judged) -> Option<Wrong> {
    let refused = done.as_ref().err()?;
    Some(Wrong { line: *line, column: "", reason: refused.to_string() })
}

/// 422: what is wrong, by line.
fn refused(wrong: Vec<Wrong>) -> Problem {
    let detail = format!("no payment is recorded: {} of the file are wrong", count(wrong.len()));
    named(Problem::invalid(detail), wrong)
}

fn named(problem: Problem, wrong: Vec<Wrong>) -> Problem {
    wrong.into_iter().take(ROWS_MAX).fold(problem, |problem, Wrong { line, column, reason }| {
        let field = match column {
            "" => format!("line {line}"),
            column => format!("line {line}: {column}"),
        };
        problem.field(field, reason)
    })
}

fn count(lines: usize) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}

/// The payments with their documents, by warehouse.
async fn documented(
    app: &App,
    rows: Vec<Row>,
    by: &str,
) -> Result<BTreeMap<WarehouseId, Vec<Line>>, Problem> {
    let numbers: BTreeSet<String> = rows.iter().map(|row| row.number.clone()).collect();
    let found = stream::iter(numbers).map(|number| async move {
        let found = invoices::document(&app.nats, &number).await?;
        Ok((number, found.map(|(document, _)| document)))
    });
    let found: Result<BTreeMap<String, Option<Document>>, _> =
        found.buffer_unordered(AT_ONCE).try_collect().await;
    let found = found.map_err(|error| unavailable(&error))?;
    let (mut lines, mut wrong) = (BTreeMap::<WarehouseId, Vec<Line>>::new(), Vec::new());
    for row in rows {
        let Row { line, number, amount, paid_on, reference } = row;
        let Some(document) = found.get(&number).and_then(Option::as_ref) else {
            let reason = format!("there is no invoice or credit note {number}");
            wrong.push(Wrong { line, column: "number", reason });
            continue;
        };
        if let Some((column, reason)) = people::wrong(document, amount, paid_on, today()) {
            wrong.push(Wrong { line, column, reason });
            continue;
        }
        let by = Some(by.to_owned());
        let payment = Payment { document: number, amount, paid_on, reference, by };
        let of = lines.entry(document.supply.warehouse.clone()).or_default();
        of.push(Line { line, account: document.account(), payment });
    }
    if wrong.is_empty() { Ok(lines) } else { Err(refused(wrong)) }
}

impl App {
    /// Records payments of a warehouse, some in each entry; by nobody: only says what would come of it. Says of each
    /// whether it is new. One that was recorded before is not recorded again, so that all of it may be repeated.
    async fn record(
        &self,
        warehouse: &WarehouseId,
        lines: &[Line],
        by: Option<&str>,
    ) -> Result<Vec<Judged>, Problem> {
        let mut judged = Vec::new();
        for lines in lines.chunks(ENTRY_MAX) {
            let mut left = lines;
            while !left.is_empty() {
                let done = self.entry(warehouse, left, by).await?;
                left = left.get(done.len()..).unwrap_or_default();
                judged.extend(done);
            }
        }
        Ok(judged)
    }

    /// Records as many payments in one entry as it has room for.
    async fn entry(
        &self,
        warehouse: &WarehouseId,
        lines: &[Line],
        by: Option<&str>,
    ) -> Result<Vec<Judged>, Problem> {
        let (configured, mut looked) = (self.configured.get(), self.looked(warehouse));
        let bytes_max = self.journals.body_bytes_max();
        // A payment is known by its reference. The key only keeps one append from being made twice.
        let key = BoundKey::new(&self.nats.client.new_inbox(), &"payments");
        for _ in 0..LOOKS_MAX {
            let (mut question, mut judged, mut idle) = (None, Vec::new(), false);
            let done = self.journals.command(warehouse, &key, |view| {
                let mut desk = Desk::new(configured.terms(), warehouse, view.now, view.state);
                let mut unknown = BTreeSet::<Unknown>::new();
                for line in lines {
                    unknown.extend(looked.give(&mut desk, view.state, |desk| {
                        desk.lacks(&line.account).or_else(|| desk.unsure(&line.account))
                    }));
                }
                if !unknown.is_empty() {
                    question = Some((view.state.decisions, unknown.into_iter().collect()));
                    return Err(Problem::unavailable("the orders have to be looked up"));
                }
                judged = pay(&mut desk, lines, bytes_max);
                if by.is_none() || !desk.is_changed() {
                    idle = true;
                    return Err(Problem::unavailable("there is nothing to do"));
                }
                Ok(Command::decision(desk.into_body(by.map(str::to_owned))))
            });
            let done = done.await;
            match question {
                Some(question) => self.look(&mut looked, warehouse, question, |_| false).await?,
                None if idle => return Ok(judged),
                None => return done.map(|_| judged),
            }
        }
        Err(Problem::unavailable("others change the orders all the time; repeat it"))
    }
}

/// Pays one after the other, until the balances take more than an entry may have. At least one is paid.
fn pay(desk: &mut Desk<'_>, lines: &[Line], bytes_max: usize) -> Vec<Judged> {
    let (mut judged, mut bytes) = (Vec::new(), BTreeMap::<&Account, usize>::new());
    for Line { line, account, payment } in lines {
        let size = |desk: &Desk<'_>| {
            let balance = desk.known(account);
            balance.and_then(|it| serde_json::to_vec(it).ok()).map_or(0, |json| json.len())
        };
        let more = if bytes.contains_key(account) { 0 } else { size(desk) };
        // A payment takes up to a kilobyte.
        if !judged.is_empty() && bytes_max < bytes.values().sum::<usize>() + more + 1_024 {
            break;
        }
        judged.push((*line, desk.pay(account, payment.clone())));
        bytes.insert(account, size(desk));
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Others may record payments between the look and the record.
    #[test]
    fn what_is_refused_when_it_is_recorded_is_named_beside_what_is_recorded() {
        let again = || Err(Refused("was recorded before, with 13.00".into()));
        let judged = [(2, Ok(true)), (3, again()), (4, Ok(false)), (5, again()), (6, Ok(true))];
        let problem = recorded(&judged, false).unwrap_err();
        let detail = problem.detail.clone().unwrap_or_default();
        assert!(
            detail.starts_with("2 payments of the file are recorded, and 2 lines are wrong now"),
            "{detail}"
        );
        let lines: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!((problem.status, lines), (422, vec!["line 3", "line 5"]));
        let all = recorded(&[(2, Ok(true)), (3, Ok(false))], false).unwrap();
        assert_eq!(all, Recorded { new: 1, known: 1, dry_run: false });
    }
}
