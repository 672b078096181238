//! Does what was decided fit what was placed, and what is in force?

use super::Lane;
use crate::history::decisions::{Content, Entry, Outcome, Wanted};
use crate::history::report::Rule;
use crate::history::stock::holds;
use domain::inventory::{Shipped, Verdict};
use domain::order::Amends;
use domain::stock::Refusal;
use messaging::subject::{self, Stage};

impl<'a> Lane<'a, '_> {
    /// A cancellation that was not carried out because of what it says.
    fn rejected(
        &mut self,
        placed: u64,
        verdict: &Verdict,
        cancels: (u32, u64),
    ) -> Option<(Rule, String)> {
        let summary = &mut self.report.summary;
        match verdict {
            Verdict::Kept(_) => summary.kept += 1,
            _ => summary.refused += 1,
        }
        let detail = format!("#{placed} cancels what is confirmed and was refused");
        self.fits(placed, cancels).then_some((Rule::RefusalWrong, detail))
    }

    /// Does a cancellation name what is confirmed, and take back all of it?
    fn fits(&self, placed: u64, (attempt, in_force): (u32, u64)) -> bool {
        let (this, sold) = (self.placed.get(&placed), self.placed.get(&in_force));
        let same = this.zip(sold).is_some_and(|(this, sold)| {
            this.key() == sold.key() && this.is_same_order(sold) && sold.attempt == attempt
        });
        same && self.is_in_force(in_force)
    }

    /// Is this message of an order confirmed, and not cancelled?
    fn is_in_force(&self, placed: u64) -> bool {
        let order = self.placed.get(&placed).map(|placed| placed.key());
        order.is_some_and(|key| self.standing.get(key).is_some_and(|all| all.contains(&placed)))
    }

    /// Is another message of the same order in force, which the refusal of this one would hide?
    fn hides(&self, placed: u64) -> bool {
        let placed = self.placed.get(&placed);
        placed.is_some_and(|one| self.standing.get(one.key()).is_some_and(|all| !all.is_empty()))
    }

    /// What is wrong where something was refused for this reason behind a confirmed attempt, or behind a
    /// cancellation of it that could not be carried out.
    fn wrongly_kept(&self, outcome: &Outcome, holds: bool) -> Option<(Rule, String)> {
        let placed = outcome.placed;
        let in_force = outcome.in_force?;
        let one = |sequence| self.placed.get(&sequence).map(|placed| placed.key());
        let cancels = self.placed.get(&in_force).and_then(|placed| placed.cancels);
        let confirmed = cancels.map_or(in_force, |(_, confirmed)| confirmed);
        if !self.is_in_force(confirmed) || one(in_force) != one(placed) {
            let detail = format!("#{placed} keeps #{in_force}, which is not in force");
            return Some((Rule::CancelWrong, detail));
        }
        let detail = || (Rule::RefusalWrong, format!("#{placed} was kept: {:?}", outcome.verdict));
        (!holds).then(detail)
    }

    /// Does a refusal say what is true of the message, which asks for this?
    fn is_true(
        &self,
        placed: u64,
        refusal: &Refusal,
        wanted: Option<&Wanted>,
        skipped: bool,
    ) -> bool {
        match wanted {
            _ if skipped => matches!(refusal, Refusal::Skipped { .. }),
            Some(Wanted { amends: Some(amends), .. }) if !self.is_own(placed, amends) => {
                matches!(refusal, Refusal::Unreadable { .. })
            }
            Some(Wanted { amends: Some(amends), .. })
                if matches!(refusal, Refusal::ExceedsSale(_)) =>
            {
                self.sales.is_touched(amends.placed)
            }
            Some(wanted) if matches!(refusal, Refusal::ExceedsSale(_)) => match &wanted.cancels {
                Some(cancels) => self.sales.is_touched(cancels.placed),
                None => {
                    wanted.returns.is_some()
                        && self
                            .sale_of(placed, wanted)
                            .is_none_or(|sale| self.sales.exceeds(sale, wanted))
                }
            },
            Some(wanted) => {
                let amends = wanted.amends.as_ref();
                let back = amends.map_or(&[][..], |amends| self.sales.pieces(amends.placed));
                holds(&self.stock, wanted, back, refusal)
            }
            None => matches!(refusal, Refusal::Unreadable { .. }),
        }
    }

    /// Does an amendment name what is confirmed of its own order?
    fn is_own(&self, placed: u64, amends: &Amends) -> bool {
        let (this, sold) = (self.placed.get(&placed), self.placed.get(&amends.placed));
        let own = this.zip(sold).is_some_and(|(this, sold)| {
            this.key() == sold.key()
                && !sold.is_return
                && sold.attempt == amends.attempt
                && sold.total == Some(amends.total.units())
        });
        own && self.is_in_force(amends.placed)
    }

    fn amended(
        &mut self,
        outcome: &'a Outcome,
        attempt: u32,
        amends: &Amends,
    ) -> Option<(Rule, String)> {
        let (placed, before) = (outcome.placed, amends.placed);
        self.report.summary.amended += 1;
        let is_own = self.is_own(placed, amends) && attempt == amends.attempt;
        self.takes_back(before);
        let confirmed = self.confirmed(outcome);
        if !is_own {
            let detail = format!("#{placed} amends #{before}, which is not in force");
            return Some((Rule::CancelWrong, detail));
        }
        if self.sales.is_touched(before) {
            let detail =
                format!("#{placed} amends #{before}, of which something was shipped or came back");
            return Some((Rule::ReturnWrong, detail));
        }
        confirmed
    }

    /// The sale in force that the message `placed` names as the one which it returns.
    fn sale_of(&self, placed: u64, wanted: &Wanted) -> Option<u64> {
        let (own, sale) = (self.placed.get(&placed)?.key(), wanted.returns.as_ref()?);
        let key = format!("{}.{}", own.rsplit_once('.')?.0, subject::token(sale.as_str()));
        self.standing.get(key.as_str())?.last().copied()
    }

    /// What is wrong with what a return, or its cancellation, says of its sale.
    fn returned(&mut self, outcome: &Outcome) -> Option<(Rule, String)> {
        let (wanted, placed) = (outcome.wanted.as_ref()?, outcome.placed);
        wanted.returns.as_ref()?;
        let named = self.sale_of(placed, wanted);
        let problem = match (outcome.verdict.sale(), named) {
            (Some(said), Some(sale)) if said.placed == sale => self.sales.step(said, wanted),
            (None, None) if wanted.cancels.is_some() => None,
            (said, sale) => Some(format!("its sale is {sale:?}, the entry says {said:?}")),
        };
        problem.map(|text| (Rule::ReturnWrong, format!("#{placed}: {text}")))
    }

    /// This message is in force no longer. Was it before?
    fn takes_back(&mut self, placed: u64) -> bool {
        let order = self.placed.get(&placed).and_then(|one| self.standing.get_mut(one.key()));
        order.is_some_and(|all| all.remove(&placed))
    }

    fn confirmed(&mut self, outcome: &'a Outcome) -> Option<(Rule, String)> {
        self.report.summary.confirmed += 1;
        let (problem, placed) = (self.returned(outcome), outcome.placed);
        if let Some(one) = self.placed.get(&placed) {
            self.standing.entry(one.key()).or_default().insert(placed);
            let sale = outcome.wanted.as_ref().filter(|_| !one.is_return);
            sale.into_iter().for_each(|sale| self.sales.sold(placed, sale));
        }
        problem
    }

    fn cancelled(
        &mut self,
        outcome: &Outcome,
        attempt: u32,
        (of, in_force): (u32, u64),
    ) -> Option<(Rule, String)> {
        self.report.summary.cancelled += 1;
        let placed = outcome.placed;
        if !self.takes_back(in_force) || attempt != of {
            let detail = format!("#{placed} cancels #{in_force}, which is not in force");
            return Some((Rule::CancelWrong, detail));
        }
        if self.sales.is_touched(in_force) {
            let detail = format!(
                "#{placed} cancels #{in_force}, of which something was shipped or came back"
            );
            return Some((Rule::ReturnWrong, detail));
        }
        self.returned(outcome)
    }

    /// Checks a shipment against what is in force.
    pub(super) fn shipped(&mut self, entry: &Entry, said: &Shipped) {
        self.report.summary.shipments += 1;
        let Shipped { partner, order_id, attempt, placed, .. } = said;
        let own = self.placed.get(placed).filter(|one| one.attempt == *attempt && !one.is_return);
        let key = subject::order(Stage::Placed, &entry.warehouse, partner, order_id);
        let is_own = own.is_some_and(|one| *one.subject == key) && self.is_in_force(*placed);
        let problem = match is_own {
            true => self.sales.ship(said),
            false => Some(format!("#{placed} is not the confirmed sale {order_id} of {partner}")),
        };
        if let Some(detail) = problem {
            self.report.add(Rule::ShipmentWrong, &entry.journal, entry.sequence, detail);
        }
    }

    /// Checks the verdict against the placed order and the state of the lane.
    pub(super) fn verdict(&mut self, entry: &Entry, outcome: &'a Outcome) {
        let placed = outcome.placed;
        let summary = &mut self.report.summary;
        let skipped = matches!(entry.content, Content::Skip(_));
        let wanted = outcome.wanted.as_ref();
        // What is skipped is not repeated; the placed message says what it was.
        let cancels = match skipped {
            true => self.placed.get(&placed).and_then(|placed| placed.cancels),
            false => wanted
                .and_then(|wanted| wanted.cancels.as_ref())
                .map(|cancels| (cancels.attempt, cancels.placed)),
        };
        let amends = wanted.and_then(|wanted| wanted.amends.as_ref());
        let problem = match (&outcome.verdict, cancels) {
            (Verdict::Amended { attempt, .. }, None) if amends.is_some() => {
                amends.and_then(|amends| self.amended(outcome, *attempt, amends))
            }
            (Verdict::Confirmed(_) | Verdict::Returned { .. }, None) if amends.is_none() => {
                self.confirmed(outcome)
            }
            (Verdict::Refused(refusal), None) => {
                summary.refused += 1;
                let holds = self.is_true(placed, refusal, wanted, skipped);
                let hides = self.hides(placed);
                let detail = || (Rule::RefusalWrong, format!("#{placed} was refused: {refusal}"));
                (!holds || hides).then(detail)
            }
            (
                Verdict::Cancelled { attempt, .. } | Verdict::ReturnCancelled { attempt, .. },
                Some((of, in_force)),
            ) if !skipped => self.cancelled(outcome, *attempt, (of, in_force)),
            (
                Verdict::Refused(Refusal::Unreadable { .. })
                | Verdict::Kept(Refusal::Unreadable { .. }),
                Some(cancels),
            ) => {
                let wrong = self.rejected(placed, &outcome.verdict, cancels);
                wrong.or_else(|| self.wrongly_kept(outcome, true))
            }
            (Verdict::Kept(refusal), Some((_, in_force))) => {
                summary.kept += 1;
                let detail = |what: &str| format!("#{placed} {what}");
                if !self.is_in_force(in_force) {
                    let what = format!("keeps #{in_force}, which is not in force");
                    Some((Rule::CancelWrong, detail(&what)))
                } else if self.is_true(placed, refusal, wanted, skipped) {
                    None
                } else {
                    Some((Rule::RefusalWrong, detail(&format!("was kept: {refusal}"))))
                }
            }
            (Verdict::Kept(refusal), None) if outcome.in_force.is_some() => {
                summary.kept += 1;
                let holds = self.is_true(placed, refusal, wanted, skipped);
                self.wrongly_kept(outcome, holds)
            }
            (verdict, _) => {
                Some((Rule::VerdictWrong, format!("#{placed} cannot end as {verdict:?}")))
            }
        };
        if let Some((rule, detail)) = problem {
            self.report.add(rule, &entry.journal, entry.sequence, detail);
        }
        if !matches!(outcome.verdict, Verdict::Refused(_) | Verdict::Kept(_)) {
            self.moved(entry, outcome, outcome.verdict.movements());
        }
    }
}
