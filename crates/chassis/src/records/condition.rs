//! `If-Match` and `If-None-Match`: at which revision of a record a request is meant.

use axum::http::{HeaderMap, HeaderName, header};
use runtime::Problem;
use state::record::{Revision, When};

/// What a request says of the revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    /// `If-Match`: the record as it has to be.
    pub(super) matches: Option<When>,
    /// `If-None-Match: *`: there has to be none.
    pub(super) is_absent: bool,
}

impl Conditions {
    /// Of a request that changes something.
    ///
    /// # Errors
    /// 400: a header says something that is not understood here.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let matches = text(headers, &header::IF_MATCH)?.map(when).transpose()?;
        let is_absent = match text(headers, &header::IF_NONE_MATCH)? {
            None => false,
            Some("*") => true,
            Some(other) => {
                let detail = format!("If-None-Match of a change is *, not {other}");
                return Err(Problem::bad_request(detail));
            }
        };
        if is_absent && matches.is_some() {
            return Err(Problem::bad_request("If-Match and If-None-Match exclude each other"));
        }
        Ok(Self { matches, is_absent })
    }
}

/// Does the sender of a `GET` know this revision?
pub(super) fn is_known(headers: &HeaderMap, revision: Revision) -> bool {
    let given = text(headers, &header::IF_NONE_MATCH).ok().flatten().unwrap_or_default();
    let is_it = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == etag(revision);
    given.split(',').any(|tag| is_it(tag.trim()))
}

/// A revision as an entity tag.
pub(super) fn etag(revision: Revision) -> String {
    format!("\"{revision}\"")
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let wrong = |_| Problem::bad_request(format!("header {name} is not text"));
    let value = headers.get(name).map(|value| value.to_str().map_err(wrong)).transpose()?;
    Ok(value.map(str::trim))
}

fn when(tag: &str) -> Result<When, Problem> {
    if tag == "*" {
        return Ok(When::Present);
    }
    let inside = tag.trim_start_matches("W/").strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let Some(inside) = inside.filter(|inside| !inside.contains('"')) else {
        let detail = format!(
            "If-Match is {tag}; it has to be * or one ETag as it was answered, with its quotes: \"7\""
        );
        return Err(Problem::bad_request(detail));
    };
    // A weak tag, or one that is no revision, matches no record.
    let revision = inside.parse().ok().filter(|_| !tag.starts_with('W'));
    Ok(When::Is(revision.unwrap_or(Revision(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> Result<Conditions, String> {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        let headers = pairs.iter().map(header).collect();
        Conditions::of(&headers).map_err(|problem| problem.detail.clone().unwrap_or_default())
    }

    #[test]
    fn a_condition_is_one_entity_tag_or_any() {
        let is = |when| Ok(Conditions { matches: Some(when), is_absent: false });
        assert_eq!(of(&[]), Ok(Conditions::default()));
        assert_eq!(of(&[("if-match", "\"7\"")]), is(When::Is(Revision(7))));
        assert_eq!(of(&[("if-match", " * ")]), is(When::Present));
        for never in ["W/\"7\"", "\"x\"", "\"-1\"", "\"\""] {
            assert_eq!(of(&[("if-match", never)]), is(When::Is(Revision(0))), "{never}");
        }
        let absent = Conditions { matches: None, is_absent: true };
        assert_eq!(of(&[("if-none-match", "*")]), Ok(absent));
        for wrong in [
            [("if-match", "7"), ("x", "")],
            [("if-match", "\"7\", \"8\""), ("x", "")],
            [("if-match", "\""), ("x", "")],
            [("if-none-match", "\"7\""), ("x", "")],
            [("if-none-match", "*"), ("if-match", "*")],
        ] {
            assert!(of(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn who_has_it_already_is_not_sent_it_again() {
        let known = |tag: &str| {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag.parse().unwrap())]);
            is_known(&headers, Revision(7))
        };
        for tag in ["\"7\"", "W/\"7\"", "*", "\"1\", \"7\""] {
            assert!(known(tag), "{tag}");
        }
        assert!(!known("\"1\"") && !known("7") && !is_known(&HeaderMap::new(), Revision(7)));
    }
}
