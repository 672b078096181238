//! How each partner's customers are written to.

use crate::facts::{Net, Shop, base};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::PartnerId;
use domain::partner::Notify;
use intake::partners::{Configuration, Live, Sold};
use lettre::message::Mailbox;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What partners.yml says of all of them.
#[derive(Debug, Default)]
pub(crate) struct Shops(BTreeMap<PartnerId, (Notify, Tz, Option<Net>)>);

impl Shops {
    pub(crate) fn of(configuration: &Configuration) -> Self {
        let Sold { sellers, tax_rates, direct, .. } = &configuration.sold;
        let rates = Arc::new(tax_rates.clone());
        let net = |seller: Option<&String>| Net::of(sellers.get(seller?)?, &rates);
        let of_direct = (Notify::default(), Tz::UTC, net(direct.as_ref()));
        let shop = |partner: &domain::partner::Partner| {
            let zone = partner.time_zone.parse().unwrap_or(Tz::UTC);
            (partner.notify.clone(), zone, net(partner.seller.as_ref()))
        };
        let partners = configuration.partners.iter();
        let shops = partners.map(|(id, partner)| (id.clone(), shop(partner)));
        Self(std::iter::once((PartnerId::direct(), of_direct)).chain(shops).collect())
    }
}

/// Senders and languages: of the partner where it says something, and the function's own.
pub(crate) struct Senders {
    pub(crate) shops: Option<Live<Shops>>,
    pub(crate) from: Mailbox,
    pub(crate) language: String,
}

impl Senders {
    fn of(&self, partner: Option<&PartnerId>) -> (Notify, Tz, Option<Net>) {
        let shops = self.shops.as_ref().map(Live::get);
        let found = partner.and_then(|partner| shops.as_ref()?.0.get(partner).cloned());
        found.unwrap_or((Notify::default(), Tz::UTC, None))
    }

    fn notify(&self, partner: Option<&PartnerId>) -> (Notify, Tz) {
        let (notify, zone, _) = self.of(partner);
        (notify, zone)
    }

    /// Is the partner's customer told by mail, and by SMS?
    pub(crate) fn wants(&self, partner: &PartnerId) -> (bool, bool) {
        let (notify, _) = self.notify(Some(partner));
        (notify.mail, notify.sms)
    }

    /// Who sends mails of a partner (nothing: alerts), and where answers go.
    pub(crate) fn mailboxes(&self, partner: Option<&PartnerId>) -> (Mailbox, Option<Mailbox>) {
        let (notify, _) = self.notify(partner);
        let parsed = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        let from: Mailbox = parsed(&notify.from).unwrap_or_else(|| self.from.clone());
        let from = match &notify.name {
            Some(name) if from.name.is_none() => Mailbox::new(Some(name.clone()), from.email),
            _ => from,
        };
        (from, parsed(&notify.reply_to))
    }

    /// The shop as its messages name it.
    pub(crate) fn shop(&self, partner: Option<&PartnerId>) -> Shop {
        let (notify, zone, net) = self.of(partner);
        let from = self.mailboxes(partner).0;
        let name = notify.name.or(from.name).unwrap_or_else(|| from.email.domain().to_owned());
        Shop { name, zone, net }
    }

    /// Languages to try: the person's, the partner's, the function's.
    pub(crate) fn languages(
        &self,
        person: Option<&str>,
        partner: Option<&PartnerId>,
    ) -> Vec<String> {
        let (notify, _) = self.notify(partner);
        let named = [person, notify.language.as_deref(), Some(&self.language)];
        let mut languages: Vec<String> = Vec::new();
        for language in named.into_iter().flatten().flat_map(|language| [language, base(language)])
        {
            if !languages.iter().any(|known| known == language) {
                languages.push(language.to_owned());
            }
        }
        languages
    }

    /// How long no SMS is sent to the partner's customers, if it is night there.
    pub(crate) fn quiet(&self, partner: &PartnerId, now: DateTime<Utc>) -> Option<Duration> {
        let (notify, zone) = self.notify(Some(partner));
        let left = notify.quiet_hours?.left(now.with_timezone(&zone).naive_local())?;
        left.to_std().ok()
    }
}
