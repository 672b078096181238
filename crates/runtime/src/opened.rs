//! What a grant opens on a route.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::door::{Caller, Door};
use crate::grant::Grant;
use crate::problem::Problem;

/// Who may enter a route with a grant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened {
    /// Names of roles, each with the door that it opens.
    pub(crate) by: Arc<[(&'static str, Door)]>,
    /// Does the route keep a partner to its own data?
    pub(crate) own: bool,
}

/// Why a grant opens no door: 403.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotGranted {
    /// None of its roles is one of the route.
    #[error("the token {name} has the roles {has}; this needs {needs}")]
    Role { name: Arc<str>, has: String, needs: String },
    /// The route shows or changes data of several partners.
    #[error("the token {name} is for partner {partner} only; this is about data of all partners")]
    Partner { name: Arc<str>, partner: Arc<str> },
}

impl Opened {
    /// The kind of caller as which the holder of the grant enters this route.
    pub(crate) fn to(&self, grant: &Grant) -> Result<Caller, NotGranted> {
        let is_open = |door| door == Door::Open;
        let opens = |(role, door): &&(&str, Door)| is_open(*door) || grant.roles.contains(role);
        let doors: Vec<Door> = self.by.iter().filter(opens).map(|(_, door)| *door).collect();
        let reaches = |door: &&Door| self.own || grant.partner.is_none() || is_open(**door);
        let reached = doors.iter().filter(reaches);
        let callers = reached.filter_map(|door| caller(*door, grant.partner.is_some()));
        if let Some(caller) = callers.max_by_key(|caller| rank(*caller)) {
            return Ok(caller);
        }
        let name = Arc::clone(&grant.name);
        match &grant.partner {
            Some(partner) if !doors.is_empty() => {
                Err(NotGranted::Partner { name, partner: Arc::clone(partner) })
            }
            _ => {
                let needs: Vec<&str> = self.by.iter().map(|(role, _)| *role).collect();
                let (has, needs) = (grant.roles.join(", "), needs.join(" or "));
                Err(NotGranted::Role { name, has, needs })
            }
        }
    }
}

/// The kind of caller for whom this door opens. No grant opens the connector's.
const fn caller(door: Door, is_partner: bool) -> Option<Caller> {
    match door {
        Door::Open => Some(Caller::Anyone),
        Door::Connector => None,
        Door::Orders => Some(Caller::Orders),
        Door::Read | Door::ReadOwn | Door::Admin | Door::ChangeOwn if is_partner => {
            Some(Caller::Partner)
        }
        Door::Read | Door::ReadOwn => Some(Caller::Read),
        Door::Admin | Door::ChangeOwn => Some(Caller::Admin),
    }
}

/// A caller with a higher rank may do more.
const fn rank(caller: Caller) -> u8 {
    match caller {
        Caller::Anyone | Caller::Stranger | Caller::Connector => 0,
        Caller::Partner | Caller::Read => 1,
        Caller::Orders => 2,
        Caller::Admin => 3,
    }
}

impl IntoResponse for NotGranted {
    fn into_response(self) -> Response {
        let problem = Problem::new(StatusCode::FORBIDDEN).detail(self.to_string());
        let mut response = problem.into_response();
        let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(roles: &[&'static str], partner: Option<&str>) -> Grant {
        Grant { name: "t".into(), roles: roles.into(), partner: partner.map(Into::into) }
    }

    fn route(by: &[(&'static str, Door)], own: bool) -> Opened {
        Opened { by: by.into(), own }
    }

    #[test]
    fn a_role_opens_the_routes_that_name_it() {
        let read = route(&[("orders:read", Door::Read)], false);
        assert_eq!(read.to(&grant(&["orders:read"], None)), Ok(Caller::Read));
        let refused = read.to(&grant(&["stock:read", "billing"], None)).unwrap_err();
        let said = "the token t has the roles stock:read, billing; this needs orders:read";
        assert_eq!(refused.to_string(), said);
    }

    #[test]
    fn of_several_doors_the_one_with_the_most_rights_is_taken() {
        let more = route(&[("orders:read", Door::Read), ("admin", Door::Admin)], false);
        assert_eq!(more.to(&grant(&["orders:read"], None)), Ok(Caller::Read));
        assert_eq!(more.to(&grant(&["admin", "orders:read"], None)), Ok(Caller::Admin));
    }

    #[test]
    fn no_grant_brings_events() {
        let events = route(&[("connector", Door::Connector)], false);
        assert!(events.to(&grant(&["connector", "admin"], None)).is_err());
    }

    #[test]
    fn what_is_open_to_anyone_is_open_to_each() {
        let roles = [("anyone", Door::Open), ("admin", Door::Admin)];
        for partner in [None, Some("US1")] {
            let entered = route(&roles, false).to(&grant(&["stock:read"], partner));
            assert_eq!(entered, Ok(Caller::Anyone));
        }
        assert_eq!(route(&roles, false).to(&grant(&["admin"], None)), Ok(Caller::Admin));
    }

    #[test]
    fn a_partner_enters_where_it_is_kept_to_its_own() {
        let roles = [("billing:read", Door::ReadOwn), ("admin", Door::Admin)];
        let partners = grant(&["billing:read", "admin"], Some("US1"));
        assert_eq!(route(&roles, true).to(&partners), Ok(Caller::Partner));
        let refused = route(&roles, false).to(&partners).unwrap_err().to_string();
        assert!(refused.contains("for partner US1 only"), "{refused}");
    }
}
