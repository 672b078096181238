//! Finds customers: the texts that people search, of all cards, close together in memory.
//!
//! A card takes some 200 bytes here, and several times as much if it were held whole. The text is searched as it
//! lies, chunk after chunk: a walk from card to card would wait for memory at each of them.

use crate::card::{Card, email_of};
use domain::person::without_separators;
use memchr::memmem;
use state::record::{Found, Keep, Key};
use std::collections::{BTreeSet, HashMap};

/// Cards of one chunk: when a card changes, its chunk is written again.
const CHUNK_CARDS: usize = 512;
/// What stands between the fields of a card, and after each card.
const FIELD: char = '\u{1f}';
const END: char = '\n';

/// All cards that can be read.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// Cards as lines: key, name, company, e-mail address, telephone number, partner's number.
    chunks: Vec<Chunk>,
    /// Which chunk a card is in, by its key.
    places: HashMap<Box<str>, usize>,
    /// Chunks that have room because cards went.
    roomy: Vec<usize>,
}

#[derive(Debug, Default)]
struct Chunk {
    text: String,
    cards: usize,
}

/// What is looked for, in the form in which it is compared: all that is named has to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// A part of the name or of the company, in small letters.
    pub(crate) name: Option<String>,
    /// As [`email_of`] writes it.
    pub(crate) email: Option<String>,
    /// The last digits of the telephone number.
    pub(crate) phone: Option<String>,
    /// The id or the partner's own number.
    pub(crate) number: Option<String>,
}

impl Wanted {
    /// Does a card fit?
    pub(crate) fn fits(&self, card: &Card) -> bool {
        let is_in = |name: &str| {
            let holds = |text: &Option<String>| {
                text.as_ref().is_some_and(|text| text.to_lowercase().contains(name))
            };
            holds(&card.name) || holds(&card.company)
        };
        let ends = |phone: &str| card.phone.as_ref().is_some_and(|own| own.ends_with(phone));
        let is_number =
            |number: &str| card.id.as_str() == number || card.number.as_deref() == Some(number);
        self.name.as_deref().is_none_or(is_in)
            && (self.email.is_none() || self.email == email_of(card.email.as_deref()))
            && self.phone.as_deref().is_none_or(ends)
            && self.number.as_deref().is_none_or(is_number)
    }

    /// Texts of which a line has to hold one: those of the field that leaves the fewest.
    fn needles(&self) -> Vec<String> {
        match self {
            Self { email: Some(email), .. } => vec![format!("{FIELD}{}{FIELD}", plain(email))],
            Self { phone: Some(phone), .. } => vec![format!("{}{FIELD}", plain(phone))],
            Self { number: Some(number), .. } => {
                let id = messaging::subject::token(number);
                vec![format!(".{id}{FIELD}"), format!("{FIELD}{}{END}", plain(number))]
            }
            Self { name: Some(name), .. } => vec![plain(name)],
            _ => Vec::new(),
        }
    }
}

/// Digits of a telephone number without those with which a country or a region begins.
pub(crate) fn digits(text: &str) -> String {
    let plain = without_separators(text);
    let digits: String = plain.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}

/// A text in which nothing is taken for the end of a field.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn line(key: &str, card: &Card) -> String {
    let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
    let email = email_of(card.email.as_deref()).unwrap_or_default();
    let (phone, number) = (card.phone.as_deref(), card.number.as_deref());
    let fields = [
        lower(&card.name),
        lower(&card.company),
        email,
        phone.unwrap_or_default().to_owned(),
        number.unwrap_or_default().to_owned(),
    ];
    let mut line = key.to_owned();
    for field in fields {
        line.push(FIELD);
        line.push_str(&plain(&field));
    }
    line.push(END);
    line
}

impl Keep<Card> for Directory {
    fn set(&mut self, key: String, card: Option<Found<Card>>) {
        self.remove(&key);
        if let Some(found) = card {
            self.insert(key, &found.value);
        }
    }
}

impl Directory {
    fn insert(&mut self, key: String, card: &Card) {
        let is_full = |chunk: &Chunk| CHUNK_CARDS <= chunk.cards;
        let place = match self.roomy.pop() {
            Some(place) => place,
            None => {
                if self.chunks.last().is_none_or(is_full) {
                    self.chunks.push(Chunk::default());
                }
                self.chunks.len() - 1
            }
        };
        if let Some(chunk) = self.chunks.get_mut(place) {
            chunk.text.push_str(&line(&key, card));
            chunk.cards += 1;
            self.places.insert(key.into(), place);
        }
    }

    fn remove(&mut self, key: &str) {
        let Some(place) = self.places.remove(key) else { return };
        let Some(chunk) = self.chunks.get_mut(place) else { return };
        let head = format!("{key}{FIELD}");
        let begins = |at: &usize| *at == 0 || chunk.text.as_bytes().get(at - 1) == Some(&b'\n');
        let mut found = memmem::find_iter(chunk.text.as_bytes(), &head);
        let Some(from) = found.find(begins) else { return };
        let to = chunk.text.get(from..).and_then(|rest| rest.find(END));
        let to = to.map_or(chunk.text.len(), |length| from + length + 1);
        chunk.text.replace_range(from..to, "");
        chunk.cards -= 1;
        self.roomy.push(place);
    }

    /// How many cards there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.places.len()
    }

    /// Keys of cards that may fit, at most `limit`; of the partner whose key is `partner` if there is one.
    pub(crate) fn find(&self, wanted: &Wanted, partner: Option<&Key>, limit: usize) -> Vec<Key> {
        let prefix = partner.map(|partner| format!("{}.", partner.as_str()));
        let mut keys = BTreeSet::new();
        for needle in wanted.needles() {
            let finder = memmem::Finder::new(&needle);
            for chunk in &self.chunks {
                let text = &chunk.text;
                let mut at = 0;
                while let Some(found) = finder.find(text.as_bytes().get(at..).unwrap_or_default()) {
                    let line = around(text, at + found);
                    at = line.end;
                    let line = text.get(line).unwrap_or_default();
                    let (key, _) = line.split_once(FIELD).unwrap_or((line, ""));
                    if prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
                        && wanted.may_fit(line)
                    {
                        keys.extend(Key::read(key));
                    }
                    if limit <= keys.len() {
                        return keys.into_iter().collect();
                    }
                }
            }
        }
        keys.into_iter().collect()
    }
}

/// The line that has the byte `at`, with its end.
fn around(text: &str, at: usize) -> std::ops::Range<usize> {
    let (before, behind) = text.as_bytes().split_at(at.min(text.len()));
    let from = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    let to = memchr::memchr(b'\n', behind).map_or(text.len(), |end| at + end + 1);
    from..to
}

impl Wanted {
    /// Does a card fit, as its line says?
    fn may_fit(&self, line: &str) -> bool {
        let mut fields = line.trim_end_matches(END).split(FIELD);
        let mut next = || fields.next().unwrap_or_default();
        let (key, name, company) = (next(), next(), next());
        let (email, phone, number) = (next(), next(), next());
        let is = |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(|wanted| fits(&plain(wanted)))
        };
        let id = || key.split_once('.').and_then(|(_, id)| messaging::subject::text(id));
        is(&self.name, &|wanted| name.contains(wanted) || company.contains(wanted))
            && is(&self.email, &|wanted| email == wanted)
            && is(&self.phone, &|wanted| phone.ends_with(wanted))
            && is(&self.number, &|wanted| number == wanted || id().as_deref() == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{CustomerId, PartnerId};
    use serde_json::{Value, json};
    use state::record::Revision;

    fn card(partner: &str, id: &str, fields: Value) -> Card {
        let (partner, id) = (PartnerId::parse(partner).unwrap(), CustomerId::parse(id).unwrap());
        let mut card = serde_json::to_value(Card::new(partner, id)).unwrap();
        card.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(card).unwrap()
    }

    fn key(card: &Card) -> Key {
        Key::new([card.partner.as_str(), card.id.as_str()]).unwrap()
    }

    fn put(directory: &mut Directory, card: &Card) {
        let at = chrono::DateTime::UNIX_EPOCH;
        let found = Found { value: card.clone(), revision: Revision(1), by: "x".into(), at };
        directory.set(key(card).as_str().to_owned(), Some(found));
    }

    fn wanted(field: &str, text: &str) -> Wanted {
        let text = Some(text.to_owned());
        match field {
            "name" => Wanted { name: text, ..Wanted::default() },
            "email" => Wanted { email: text, ..Wanted::default() },
            "phone" => Wanted { phone: text, ..Wanted::default() },
            _ => Wanted { number: text, ..Wanted::default() },
        }
    }

    #[test]
    fn a_customer_is_found_by_what_the_card_says_and_by_nothing_else() {
        let mut directory = Directory::default();
        let ana = json!({"name": "Ana LÓPEZ", "company": "Nova\nSARL", "email": "Ana@example.org", "phone": "+33612345678", "number": "K-7"});
        put(&mut directory, &card("US1", "c.1", ana));
        put(&mut directory, &card("US2", "c.1", json!({"name": "ana@example.org"})));
        put(&mut directory, &card("US2", "c.11", json!({"name": "x", "phone": "+4912345678"})));
        let check = |field: &str, text: &str, expected: &[&str]| {
            let found = directory.find(&wanted(field, text), None, 10);
            let found: Vec<_> = found.iter().map(|key| key.as_str().to_owned()).collect();
            assert_eq!(found, expected, "{field} {text:?}");
        };
        check("name", "lópez", &["US1.c=2E1"]);
        check("name", "a", &["US1.c=2E1", "US2.c=2E1"]);
        check("name", "nova sarl", &["US1.c=2E1"]);
        check("name", "us1", &[]);
        check("name", "612345678", &[]);
        check("email", "ana@example.org", &["US1.c=2E1"]);
        check("email", "ana", &[]);
        check("phone", "12345678", &["US1.c=2E1", "US2.c=2E11"]);
        check("phone", "1234567", &[]);
        check("number", "c.1", &["US1.c=2E1", "US2.c=2E1"]);
        check("number", "K-7", &["US1.c=2E1"]);
        check("number", "K-", &[]);
        let us2 = Key::new(["US2"]).unwrap();
        let both = Wanted { phone: Some("12345678".into()), ..wanted("name", "x") };
        assert_eq!(directory.find(&both, Some(&us2), 10).len(), 1);
        assert_eq!(
            directory.find(&wanted("name", "a"), None, 1).len(),
            1,
            "no more than asked for"
        );
    }

    #[test]
    fn what_changes_or_goes_is_found_as_it_is_now() {
        let mut directory = Directory::default();
        let mut random = fastrand::Rng::with_seed(7);
        let mut known: HashMap<u32, u32> = HashMap::new();
        for _ in 0..6_000 {
            let (id, name) = (random.u32(0..1_500), random.u32(0..50));
            let card = card("US1", &id.to_string(), json!({"name": format!("<{name}>")}));
            if random.u8(0..4) == 0 {
                known.remove(&id);
                directory.set(key(&card).as_str().to_owned(), None);
            } else {
                known.insert(id, name);
                put(&mut directory, &card);
            }
        }
        assert_eq!(directory.len(), known.len());
        assert!(directory.chunks.len() <= 4, "{} chunks", directory.chunks.len());
        for name in 0..50 {
            let mut expected: Vec<String> = known
                .iter()
                .filter(|(_, known)| **known == name)
                .map(|(id, _)| format!("US1.{id}"))
                .collect();
            expected.sort();
            let found = directory.find(&wanted("name", &format!("<{name}>")), None, 2_000);
            let found: Vec<_> = found.iter().map(|key| key.as_str().to_owned()).collect();
            assert_eq!(found, expected);
        }
    }
}
