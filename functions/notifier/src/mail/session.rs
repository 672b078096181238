//! The dialogue with a mail server, step by step, so that it is known how far it came.

use super::compose::Letter;
use super::server::{Security, Server, chain};
use super::stream::Encrypted;
use crate::answer::scrubbed;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use state::effect::Answer;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The server closes the connection (RFC 5321, 4.2.1).
const CLOSING: u16 = 421;

/// A connection, logged in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    used: Instant,
}

/// Why no mail can be offered.
pub(super) enum Trouble {
    /// The connection is gone, or was not made.
    Closed(String),
    /// The server takes nothing from us: login, certificate, sender. People have to change something.
    Ours(String),
}

/// What a server answers that does not take a mail.
pub(super) enum Refusal {
    /// Not now (4xx).
    Later(String),
    /// Never (5xx).
    Never(String),
    /// It is closing (421).
    Closing(String),
}

impl Refusal {
    /// Nothing if the server did not answer.
    pub(super) fn of(error: &Error) -> Option<Self> {
        let code = u16::from(error.status()?);
        let why = format!("{code} {}", words(error));
        Some(match code {
            CLOSING => Self::Closing(why),
            500.. => Self::Never(why),
            _ => Self::Later(why),
        })
    }

    pub(super) fn into_answer(self, to: &str) -> Answer {
        match self {
            Self::Later(why) => Answer::Again { why: scrubbed(&why, to), after: None },
            Self::Never(why) => Answer::Never { why: scrubbed(&why, to) },
            Self::Closing(why) => Answer::Away { why: scrubbed(&why, to), after: None },
        }
    }
}

/// The words of an answer behind its code.
fn words(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

impl Session {
    /// Connects and logs in.
    pub(super) async fn open(server: &Server) -> Result<Self, Trouble> {
        let address = (server.host.as_str(), server.port);
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| {
            Trouble::Closed(format!("{}:{}: {error}", server.host, server.port))
        })?;
        // A mail ends with a write of 5 bytes behind another one. Without this the kernel keeps it back until the server
        // has acknowledged the first one, which it delays: 40 ms a mail.
        stream.set_nodelay(true).map_err(|error| Trouble::Closed(error.to_string()))?;
        let hello = ClientId::Domain(server.hello.clone());
        let closed = |error: Error| Trouble::Closed(chain(&error));
        let connection = match server.security {
            Security::Tls => {
                let stream = Encrypted::new(stream, tls(server)?).await.map_err(ours)?;
                AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await
            }
            Security::Open | Security::StartTls => {
                AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await
            }
        };
        let mut connection = connection.map_err(closed)?;
        if server.security == Security::StartTls {
            if !connection.can_starttls() {
                let why =
                    "the server offers no STARTTLS; smtps:// or ?tls=none in ORDERFLOW_SMTP_URL";
                return Err(Trouble::Ours(why.to_owned()));
            }
            connection.starttls(tls(server)?, &hello).await.map_err(ours)?;
        }
        if let Some((user, password)) = &server.login {
            let login = Credentials::new(user.clone(), password.clone());
            if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &login).await {
                return Err(ours(error));
            }
        }
        Ok(Self { connection, used: Instant::now() })
    }

    /// Offers a mail: afterwards the server waits for its text, or has refused it.
    pub(super) async fn offer(&mut self, letter: &Letter) -> Result<Result<(), Refusal>, Trouble> {
        let mut options = Vec::new();
        if !letter.to.is_ascii() {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the server takes no address with letters beyond ASCII (SMTPUTF8)";
                return Ok(Err(Refusal::Never(why.to_owned())));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = Mail::new(letter.envelope.from().cloned(), options);
        match self.connection.command(from).await.map_err(Refused::from) {
            Ok(_) => {}
            // The sender is ours: no mail of this shop goes out.
            Err(Refused(Some(Refusal::Never(why)), _)) => return Err(Trouble::Ours(why)),
            Err(refused) => return refused.told(),
        }
        for to in letter.envelope.to() {
            let to = Rcpt::new(to.clone(), Vec::new());
            if let Err(refused) = self.connection.command(to).await.map_err(Refused::from) {
                return refused.told();
            }
        }
        match self.connection.command(Data).await.map_err(Refused::from) {
            Ok(_) => Ok(Ok(())),
            Err(refused) => refused.told(),
        }
    }

    /// Sends the text of a mail that was offered.
    pub(super) async fn text(&mut self, bytes: &[u8]) -> Result<Response, Error> {
        self.connection.message(bytes).await
    }

    /// Forgets a mail that was refused; whether the connection can be used again.
    pub(super) async fn reset(&mut self) -> bool {
        self.connection.command(Rset).await.is_ok()
    }

    pub(super) fn used(&self) -> Instant {
        self.used
    }

    pub(super) fn touch(&mut self) {
        self.used = Instant::now();
    }
}

/// A command that was not done.
struct Refused(Option<Refusal>, String);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(Refusal::of(&error), chain(&error))
    }
}

impl Refused {
    fn told(self) -> Result<Result<(), Refusal>, Trouble> {
        match self {
            Self(Some(Refusal::Closing(why)), _) => Err(Trouble::Closed(why)),
            Self(Some(refusal), _) => Ok(Err(refusal)),
            Self(None, why) => Err(Trouble::Closed(why)),
        }
    }
}

/// What the server or its certificate has against us; a connection that broke is only closed.
fn ours(error: Error) -> Trouble {
    match Refusal::of(&error) {
        Some(Refusal::Never(why)) => Trouble::Ours(why),
        Some(Refusal::Later(why) | Refusal::Closing(why)) => Trouble::Closed(why),
        None if error.is_tls() || error.is_client() => Trouble::Ours(chain(&error)),
        None => Trouble::Closed(chain(&error)),
    }
}

fn tls(server: &Server) -> Result<TlsParameters, Trouble> {
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(file) = &server.authority {
        let wrong =
            |why: String| Trouble::Ours(format!("ORDERFLOW_SMTP_CA: {}: {why}", file.display()));
        let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let authority = Certificate::from_pem(&pem).map_err(|error| wrong(chain(&error)))?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build().map_err(ours)
}
