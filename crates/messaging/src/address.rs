//! Where nats-server is, and as whom to log in: what `ORDERFLOW_NATS_URL` says.
//!
//! `nats://USER:PASSWORD@HOST:PORT`, or several of these separated by commas. Nothing here shows a user
//! or a password, and no error repeats a part of the text: what cannot be read may be a password.

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;
use std::fmt;

/// Servers, and one login for all of them.
#[derive(Clone)]
pub struct Address {
    servers: Vec<ServerAddr>,
    login: Option<Login>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    User { name: String, password: String },
    Token(String),
}

/// A text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URL of NATS: server {number}: {reason}")]
pub struct AddressError {
    /// Which of the servers in the text, from 1.
    number: usize,
    reason: &'static str,
}

const NO_ADDRESS: &str = "is no nats://HOST:PORT; also tls:// is known";
const WEB_SOCKET: &str = "is a web socket, which orderflow does not speak: use nats://, or tls:// instead of wss://, \
                          with nats-server's port for clients (4222)";
const RAW: &str = "has a character in its user or password that must be written in percent form: \
                   , is %2C, @ is %40, / is %2F, ? is %3F, # is %23, a blank is %20";
const NO_TEXT: &str = "has a user or password that is no UTF-8 when its percent forms are decoded";
const PERCENT: &str =
    "has a % in its user or password without two digits behind it; % itself is %25";
const OTHER_LOGIN: &str = "has another user or password than the first one, which is used for all";

impl Address {
    /// Reads `text`. What is in percent form in a user or password is decoded; a lone `%` stays one.
    ///
    /// # Errors
    /// It has no server, or one of them cannot be read.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (mut servers, mut login) = (Vec::new(), None);
        for (number, part) in split(text)? {
            let found = part.login.map(decoded).transpose();
            let found = found.map_err(|reason| AddressError { number, reason })?;
            login = login.or(found);
            servers.push(part.server(number)?);
        }
        Ok(Self { servers, login })
    }

    /// The same, for a text that somebody can still correct: what is read, and probably not meant, is
    /// an error as well.
    ///
    /// # Errors
    /// Those of [`Address::parse`]; a lone `%` in a password; logins that differ.
    pub fn check(text: &str) -> Result<(), AddressError> {
        let Self { login, .. } = Self::parse(text)?;
        for (number, part) in split(text)? {
            let wrong = |reason| Err(AddressError { number, reason });
            let Some(found) = part.login else { continue };
            if has_lone_percent(found) {
                return wrong(PERCENT);
            }
            if decoded(found).ok() != login {
                return wrong(OTHER_LOGIN);
            }
        }
        Ok(())
    }

    pub(crate) fn servers(&self) -> Vec<ServerAddr> {
        self.servers.clone()
    }

    pub(crate) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }
}

/// `HOST:PORT`, of all servers.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.servers.iter().enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}{}:{}", server.host(), server.port())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// One server of the text.
struct Part<'a> {
    scheme: &'a str,
    login: Option<&'a str>,
    place: &'a str,
}

impl Part<'_> {
    fn server(&self, number: usize) -> Result<ServerAddr, AddressError> {
        if matches!(self.scheme, "ws" | "wss") {
            return Err(AddressError { number, reason: WEB_SOCKET });
        }
        let no_address = AddressError { number, reason: NO_ADDRESS };
        let text = format!("{}://{}", self.scheme, self.place);
        let server: ServerAddr = text.parse().map_err(|_| no_address.clone())?;
        if server.host().is_empty() { Err(no_address) } else { Ok(server) }
    }
}

/// The servers of `text`, numbered from 1.
///
/// A comma separates servers, and may as well be a part of a password that was not written in percent
/// form: then a piece without a login stands before one that has the rest of it.
fn split(text: &str) -> Result<Vec<(usize, Part<'_>)>, AddressError> {
    let mut parts = Vec::new();
    let (mut scheme, mut has_place_only) = ("nats", false);
    for (index, piece) in text.split(',').enumerate() {
        let (number, piece) = (index + 1, piece.trim());
        let wrong = |reason| Err(AddressError { number, reason });
        let rest = match piece.split_once("://") {
            Some((name, rest)) if name.bytes().all(|b| b.is_ascii_lowercase()) => {
                (scheme, has_place_only) = (name, false);
                rest
            }
            Some(_) => return wrong(NO_ADDRESS),
            None => {
                scheme = if index == 0 { "nats" } else { scheme };
                piece
            }
        };
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        match login {
            None => has_place_only = true,
            Some(login) => {
                let is_raw = |c: char| "@/?#".contains(c) || c.is_whitespace() || c.is_control();
                if has_place_only || login.contains(is_raw) {
                    return wrong(RAW);
                }
            }
        }
        parts.push((number, Part { scheme, login, place }));
    }
    Ok(parts)
}

fn decoded(login: &str) -> Result<Login, &'static str> {
    let decode = |text| {
        let bytes = percent_decode_str(text).decode_utf8();
        bytes.map(|text| text.into_owned()).map_err(|_| NO_TEXT)
    };
    match login.split_once(':') {
        Some((name, password)) => {
            Ok(Login::User { name: decode(name)?, password: decode(password)? })
        }
        None => Ok(Login::Token(decode(login)?)),
    }
}

fn has_lone_percent(login: &str) -> bool {
    let mut pieces = login.split('%');
    pieces.next();
    pieces.any(|piece| !piece.bytes().take(2).filter(u8::is_ascii_hexdigit).count().eq(&2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str, places: &str, login: Option<(&str, &str)>) {
        let address = Address::parse(text).unwrap();
        let user =
            login.map(|(name, word)| Login::User { name: name.into(), password: word.into() });
        assert!(address.login == user, "{text}: another login");
        assert_eq!(address.to_string(), places, "{text}");
        assert_eq!(format!("{address:?}"), format!("Address({places})"));
    }

    #[test]
    fn servers_and_one_login_are_read_and_decoded() {
        read("nats://nats:4222", "nats:4222", None);
        read("nats", "nats:4222", None);
        read("nats://me:secret@a:1, nats://b", "a:1, b:4222", Some(("me", "secret")));
        read("nats://a,b:7,tls://me:x@c", "a:4222, b:7, c:4222", Some(("me", "x")));
        read("me:x@a,me:x@b", "a:4222, b:4222", Some(("me", "x")));
        read("nats://m%65:p%2Cw%40%25%2f@[::1]:5", "::1:5", Some(("me", "p,w@%/")));
        read("nats://me:50%off@a", "a:4222", Some(("me", "50%off")));
        read("nats://me:@a", "a:4222", Some(("me", "")));
        let token = Address::parse("nats://s3cr%20et@a").unwrap();
        assert!(token.login == Some(Login::Token("s3cr et".into())));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_number_and_never_repeated() {
        for (text, expected) in [
            ("nats://me:p4ss,w0rd@h0st:1", "server 2: has a character in its user or password"),
            ("nats://me:1234,w0rd@h0st", "server 2: has a character"),
            ("nats://a,nats://me:p4ss@w0rd@h0st", "server 2: has a character"),
            ("nats://me:p4ss/w0rd@h0st", "server 1: has a character"),
            ("nats://me:p4ss w0rd@h0st", "server 1: has a character"),
            ("nats://me:p4ss,w0rd", "server 1: is no nats://HOST:PORT"),
            ("nats://me:%ff@h0st", "server 1: has a user or password that is no UTF-8"),
            ("http://me:p4ss@h0st", "server 1: is no nats://"),
            ("p4ss://x:w0rd@h0st", "server 1: is no nats://"),
            ("ws://me:p4ss@h0st:80", "server 1: is a web socket, which orderflow does not speak"),
            ("nats://a,wss://h0st", "use nats://, or tls:// instead of wss://"),
            ("", "server 1: is no nats://"),
            ("nats://", "server 1: is no nats://"),
            ("nats://a,,b", "server 2: is no nats://"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
            for part in ["p4ss", "w0rd", "1234", "h0st", "%ff"] {
                assert!(!error.contains(part), "{text}: {error}");
            }
        }
    }

    #[test]
    fn a_check_finds_what_is_probably_not_meant() {
        for text in ["nats://me:50%25off@a", "nats://me:x@a,nats://me:x@b", "nats://a,nats://b"] {
            assert_eq!(Address::check(text), Ok(()), "{text}");
        }
        for (text, expected) in [
            ("nats://me:50%off@a", "server 1: has a % in its user or password without two digits"),
            ("nats://me:5%@a", "server 1: has a %"),
            ("nats://me:x@a,nats://me:y@b", "server 2: has another user or password"),
            ("nats://me:p,w@a", "server 2: has a character"),
        ] {
            let error = Address::check(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
