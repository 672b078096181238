use super::*;
use chrono::TimeZone as _;
use state::record::Revision;

fn at(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 1, day, 0, 0, 0).unwrap()
}

fn found(token: Token) -> Option<Found<Token>> {
    Some(Found { value: token, revision: Revision(1), by: "x".to_owned(), at: at(1) })
}

/// What is known of the token `name`, made with these roles, after `change`.
fn known(
    roles: &[Role],
    change: impl FnOnce(&mut Token),
    now: DateTime<Utc>,
) -> Option<runtime::Found> {
    let (text, mut token) = Token::made([7; 32], &roles.iter().copied().collect());
    change(&mut token);
    let mut held = Held::default();
    held.set("name".to_owned(), found(token));
    held.find(&hash(text.as_bytes()), now)
}

fn grant(found: Option<runtime::Found>) -> Grant {
    match found {
        Some(runtime::Found::Grant(grant)) => grant,
        other => panic!("no grant: {other:?}"),
    }
}

#[test]
fn what_is_kept_does_not_tell_the_token() {
    let (text, token) = Token::made([7; 32], &BTreeSet::from([Role::Stock]));
    assert_eq!(text, format!("oft_{}", "07".repeat(32)));
    let kept = serde_json::to_string(&token).unwrap();
    assert!(!kept.contains(&"07".repeat(8)), "{kept}");
    let event = token.shown().unwrap().to_string();
    assert!(!event.contains(&token.hash), "{event}");
}

#[test]
fn a_token_has_the_roles_that_follow_from_its_own() {
    let grant_of = |roles: &[Role]| grant(known(roles, |_| {}, at(1)));
    assert_eq!(*grant_of(&[Role::Stock]).roles, ["stock", "stock:read"]);
    assert_eq!(*grant_of(&[Role::OrdersWrite]).roles, ["orders:write"]);
    let all = grant_of(&[Role::Admin]).roles;
    assert!(all.contains(&"billing") && all.contains(&"orders:read"), "{all:?}");
    assert!(!all.contains(&"connector"), "{all:?}");
}

#[test]
fn a_role_of_a_later_version_opens_nothing() {
    let later = |token: &mut Token| token.roles.push("warp:drive".to_owned());
    assert_eq!(*grant(known(&[Role::StockRead], later, at(1))).roles, ["stock:read"]);
}

#[test]
fn a_token_ends_at_its_time() {
    let ends = |token: &mut Token| token.expires = Some(at(10));
    assert_eq!(&*grant(known(&[Role::Stock], ends, at(9))).name, "name");
    let over = known(&[Role::Stock], ends, at(10));
    let expected =
        runtime::Found::Expired { name: "name".into(), at: "2027-01-10T00:00:00Z".into() };
    assert_eq!(over, Some(expected));
}

#[test]
fn what_is_revoked_or_made_again_is_not_known_any_more() {
    let of = |random: u8| Token::made([random; 32], &BTreeSet::from([Role::Stock]));
    let ((first, kept), (second, other)) = (of(1), of(2));
    let mut held = Held::default();
    let is_known = |held: &Held, text: &str| held.find(&hash(text.as_bytes()), at(1)).is_some();
    held.set("name".to_owned(), found(kept));
    assert!(is_known(&held, &first));
    held.set("name".to_owned(), found(other));
    assert!(!is_known(&held, &first) && is_known(&held, &second));
    held.set("name".to_owned(), None);
    assert!(!is_known(&held, &second));
    assert!(held.by_hash.is_empty() && held.hashes.is_empty());
}
