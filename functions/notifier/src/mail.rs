//! E-mail.

mod compose;
mod server;
mod session;
mod stream;

pub(crate) use compose::{Letter, Parts, message};
pub(crate) use server::{Security, Server};

use crate::answer::{scrubbed, shown};
use lettre::transport::smtp::Error;
use server::chain;
use session::{Refusal, Session, Trouble};
use state::effect::Answer;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// A connection that was not used for so long is closed: servers close theirs after 5 minutes or sooner.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// Before a server that could not be reached is tried once more.
const AGAIN: Duration = Duration::from_secs(1);

/// Sends mails to a server over connections that are kept.
pub(crate) struct Mailer {
    server: Server,
    /// Until the server is ready for a mail's text; and until it has answered to that.
    limits: (Duration, Duration),
    idle: Mutex<Vec<Session>>,
}

impl Mailer {
    pub(crate) fn new(server: Server, limits: (Duration, Duration)) -> Self {
        Self { server, limits, idle: Mutex::default() }
    }

    /// Sends a mail once.
    ///
    /// Until its text is sent, nothing can have arrived: a server that is away, busy or of another opinion about our
    /// login is no failure of the mail, and a connection that the server closed meanwhile is replaced at once. What
    /// fails after the text was sent without an answer may have arrived.
    pub(crate) async fn send(&self, letter: &Letter) -> Answer {
        let (ready_max, answer_max) = self.limits;
        let mut last = format!("no answer within {ready_max:?}");
        let ready = timeout_at(Instant::now() + ready_max, self.ready(letter, &mut last)).await;
        let mut session = match ready {
            Ok(Ok(session)) => session,
            Ok(Err(refusal)) => return refusal.into_answer(&letter.to),
            Err(_) => {
                tracing::warn!(
                    server = self.server.host,
                    reason = scrubbed(&last, &letter.to),
                    "no mail is sent now"
                );
                return Answer::Away { why: scrubbed(&last, &letter.to), after: None };
            }
        };
        match timeout(answer_max, session.text(&letter.bytes)).await {
            Ok(Ok(response)) => {
                self.keep(session);
                Answer::Sent { answer: shown(&response, &letter.to) }
            }
            Ok(Err(error)) => self.after_text(session, &error, letter),
            Err(_) => {
                let why = format!("the mail was sent, and no answer came within {answer_max:?}");
                Answer::Unknown { why }
            }
        }
    }

    fn after_text(&self, session: Session, error: &Error, letter: &Letter) -> Answer {
        match Refusal::of(error) {
            Some(refusal) => {
                self.keep(session);
                refusal.into_answer(&letter.to)
            }
            None => {
                let why = format!("the mail was sent, and its answer was lost: {}", chain(error));
                Answer::Unknown { why: scrubbed(&why, &letter.to) }
            }
        }
    }

    /// A connection on which the server waits for the mail's text. `last` is why there is none yet.
    async fn ready(&self, letter: &Letter, last: &mut String) -> Result<Session, Refusal> {
        loop {
            let idle = self.idle();
            let is_fresh = idle.is_none();
            let session = match idle {
                Some(session) => Ok(session),
                None => Session::open(&self.server).await,
            };
            let offered = match session {
                Ok(session) => self.offer(session, letter).await,
                Err(trouble) => Err(trouble),
            };
            match offered {
                Ok(offered) => return offered,
                Err(Trouble::Closed(why)) => {
                    *last = why;
                    if is_fresh {
                        sleep(AGAIN).await;
                    }
                }
                Err(Trouble::Ours(why)) => {
                    // Servers lock out who tries wrong logins all the time: this attempt is over.
                    *last = why;
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    async fn offer(
        &self,
        mut session: Session,
        letter: &Letter,
    ) -> Result<Result<Session, Refusal>, Trouble> {
        match session.offer(letter).await? {
            Ok(()) => Ok(Ok(session)),
            Err(refusal) => {
                if session.reset().await {
                    self.keep(session);
                }
                Ok(Err(refusal))
            }
        }
    }

    fn idle(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| session.used().elapsed() < IDLE_MAX);
        idle.pop()
    }

    fn keep(&self, mut session: Session) {
        session.touch();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}
