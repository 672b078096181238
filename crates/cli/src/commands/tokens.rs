//! `orderflow tokens …`: tokens of people and programs, beside those that are secrets of functions.

use anyhow::{Context as _, Result, bail};
use chassis::tokens::{NAME_CHARS_MAX, TOKENS_MAX, Token};
use chassis::{Role, state::record};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use domain::PartnerId;
use machine::client::Pipeline;
use machine::{clock, random};
use record::{Author, Conflict, Cursor, Found, Key, Records, When, WriteError};
use serde_json::json;
use terminal::{Failure, output};

use crate::confirm::{Yes, confirm};
use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow tokens add warehouse --role stock --role orders:read
  orderflow tokens add shop-lyon --role orders:write --partner US1 --days 90
  orderflow tokens list
  orderflow tokens revoke shop-lyon";

/// Tokens that open functions over HTTP, each with roles of its own.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Tokens {
    /// Make a token, and show it once. Only its hash is kept.
    Add {
        /// What it is called: 1 to 64 letters, digits, `_` and `-`. It names who changed something.
        #[arg(value_parser = name)]
        name: String,
        /// What it may do; several times for more. docs/API.md has the role of each call. `admin` is all of them, and
        /// who may change something may read it too.
        #[arg(long = "role", required = true, value_name = "ROLE", value_parser = roles())]
        roles: Vec<String>,
        /// Only for data of this partner: on calls that keep a partner to its own data.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Ends after so many days. Without it, it ends when it is revoked.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: Option<u32>,
        /// What it is for.
        #[arg(long)]
        note: Option<String>,
    },
    /// List tokens: their names, what they may do, and when they end.
    List,
    /// Take a token back. Within a second no function knows it any more.
    Revoke {
        /// Which one.
        #[arg(value_parser = name)]
        name: String,
        #[command(flatten)]
        yes: Yes,
    },
}

fn roles() -> PossibleValuesParser {
    PossibleValuesParser::new(Role::given().into_iter().map(Role::name))
}

fn name(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match (1..=NAME_CHARS_MAX).contains(&text.len()) && text.chars().all(is_good) {
        true => Ok(text.to_owned()),
        false => Err(format!("is not 1 to {NAME_CHARS_MAX} letters, digits, _ and -")),
    }
}

pub(crate) async fn run(global: &Global, command: &Tokens) -> Result<()> {
    let pipeline = global.pipeline()?;
    let records = Records::new(pipeline.nats().await?);
    match command {
        Tokens::Add { name, roles, partner, days, note } => {
            if let Some(partner) = partner {
                pipeline.partner_known(partner)?;
            }
            let roles = roles.iter().filter_map(|role| Role::named(role)).collect();
            let (text, token) = Token::made(random::bytes()?, &roles);
            let expires = days.map(|days| clock::now() + TimeDelta::days(days.into()));
            let token = Token { partner: partner.clone(), expires, note: note.clone(), ..token };
            add(&pipeline, &records, name, (text, token)).await
        }
        Tokens::List => list(&pipeline, &records).await,
        Tokens::Revoke { name, yes } => revoke(&records, name, *yes).await,
    }
}

fn author() -> Author {
    Author { by: "orderflow tokens".to_owned(), at: clock::now(), key: None }
}

async fn add(
    pipeline: &Pipeline,
    records: &Records<Token>,
    name: &str,
    (text, token): (String, Token),
) -> Result<()> {
    if all(records).await?.len() >= TOKENS_MAX {
        bail!("there are {TOKENS_MAX} tokens, which is the limit; revoke one that nobody uses");
    }
    match records.create(&Token::key(name)?, token.clone(), &author()).await {
        Ok(_) => {}
        Err(WriteError::Conflict(Conflict::Exists { .. })) => {
            bail!("there is a token {name}; revoke it first, or give this one another name")
        }
        Err(error) => return Err(error).context("the token was not kept; nothing was given out"),
    }
    if pipeline.json {
        let Token { roles, partner, expires, note, .. } = token;
        output::json(&json!({
            "name": name, "token": text, "roles": roles, "partner": partner, "expires": expires, "note": note,
        }));
        return Ok(());
    }
    output::line(&text);
    output::note(format_args!(
        "This is the only time that {name} is shown. Send it as: Authorization: Bearer TOKEN"
    ));
    Ok(())
}

async fn all(records: &Records<Token>) -> Result<Vec<(Key, Found<Token>)>> {
    let (mut found, mut after): (Vec<_>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = records.list(None, after.as_ref(), record::PAGE_MAX).await?;
        for stray in page.unreadable {
            let (key, reason) = (stray.key, stray.reason);
            output::note(format_args!("! {key} cannot be read, and opens nothing: {reason}"));
        }
        found.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

async fn list(pipeline: &Pipeline, records: &Records<Token>) -> Result<()> {
    let (now, all) = (clock::now(), all(records).await?);
    if pipeline.json {
        let shown = all.iter().map(|(key, found)| {
            let Token { roles, partner, expires, note, .. } = &found.value;
            json!({
                "name": key.to_string(), "roles": roles, "partner": partner, "expires": expires, "note": note,
                "made": found.at, "expired": found.value.is_over(now),
            })
        });
        output::json(&shown.collect::<Vec<_>>());
        return Ok(());
    }
    if all.is_empty() {
        output::line("no tokens; `orderflow tokens add NAME --role ROLE` makes one");
        return Ok(());
    }
    let rows = all.iter().map(|(key, found)| {
        let Token { roles, partner, expires, note, .. } = &found.value;
        let ends = match expires {
            None => "never".to_owned(),
            Some(_) if found.value.is_over(now) => "has ended".to_owned(),
            Some(at) => day(*at),
        };
        let partner = partner.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
        let note = note.as_deref().map(output::name).unwrap_or_default().into_owned();
        vec![key.to_string(), roles.join(" "), partner, day(found.at), ends, note]
    });
    output::table(&["NAME", "ROLES", "PARTNER", "MADE", "ENDS", "NOTE"], &[], rows);
    Ok(())
}

fn day(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

async fn revoke(records: &Records<Token>, name: &str, yes: Yes) -> Result<()> {
    let key = Token::key(name)?;
    let missing = || Failure::NotFound { what: format!("a token {name}") };
    let Some(found) = records.get(&key).await? else { return Err(missing().into()) };
    let preview = [format!("{name} may: {}", found.value.roles.join(" "))];
    confirm(&preview, &format!("Revoke the token {name}?"), yes)?;
    match records.delete(&key, When::Present, &author()).await {
        Ok(_) => output::line(format_args!("✓ {name} is revoked")),
        Err(WriteError::Missing) => return Err(missing().into()),
        Err(error) => return Err(error).context("the token may still hold; try again"),
    }
    Ok(())
}
