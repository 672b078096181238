//! A mail server that does what a script says, at each step of the dialogue.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Where in the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    From,
    To,
    Data,
    /// Behind the final dot.
    Text,
}

/// What it does there.
pub(crate) enum Do {
    /// What a good server does.
    Go,
    /// It says this instead.
    Say(&'static str),
    /// It says nothing more.
    Hang,
    /// It closes the connection.
    Cut,
    /// It takes the mail, and closes the connection without a word. Only behind the final dot.
    TakeAndCut,
    /// It takes the mail, and says nothing more. Only behind the final dot.
    TakeAndHang,
}

/// A step, what came with it, and the number of the mail (from 0) that is offered next.
type Script = dyn Fn(Step, &str, usize) -> Do + Send + Sync;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) text: String,
}

impl Mail {
    /// A header of its own, without folding.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.text.lines().take_while(|line| !line.is_empty());
        let mut found = lines.filter_map(|line| line.split_once(": "));
        found.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

struct Shared {
    script: Box<Script>,
    tls: Option<TlsAcceptor>,
    /// TLS from the beginning.
    is_smtps: bool,
    /// Those that it has taken.
    taken: watch::Sender<Vec<Mail>>,
    steps: watch::Sender<Vec<Step>>,
    connections: watch::Sender<usize>,
    talks: Mutex<Vec<JoinHandle<()>>>,
}

pub(crate) struct Smtp {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.talks.lock().unwrap().drain(..).for_each(|talk| talk.abort());
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Smtp {
    pub(crate) async fn start(
        script: impl Fn(Step, &str, usize) -> Do + Send + Sync + 'static,
    ) -> Self {
        Self::on(0, script, None, false).await
    }

    /// One that takes everything.
    pub(crate) async fn good() -> Self {
        Self::start(|_, _, _| Do::Go).await
    }

    pub(crate) async fn on(
        port: u16,
        script: impl Fn(Step, &str, usize) -> Do + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
        is_smtps: bool,
    ) -> Self {
        let until = std::time::Instant::now() + Duration::from_secs(10);
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", port)).await {
                Ok(listener) => break listener,
                // The one before it, which was dropped just now.
                Err(error) => assert!(std::time::Instant::now() < until, "{error}"),
            }
            tokio::task::yield_now().await;
        };
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            tls,
            is_smtps,
            taken: watch::Sender::default(),
            steps: watch::Sender::default(),
            connections: watch::Sender::default(),
            talks: Mutex::default(),
        });
        let to = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                to.connections.send_modify(|count| *count += 1);
                let talking = Arc::clone(&to);
                let talk = tokio::spawn(async move { drop(talking.talk(stream).await) });
                to.talks.lock().unwrap().push(talk);
            }
        });
        Self { port, shared, accepting }
    }

    /// Waits until it has taken so many mails.
    pub(crate) async fn taken(&self, count: usize) -> Vec<Mail> {
        let mut taken = self.shared.taken.subscribe();
        let found = taken.wait_for(|taken| count <= taken.len());
        let found = tokio::time::timeout(Duration::from_secs(60), found).await;
        let found =
            found.unwrap_or_else(|_| panic!("not within 60 s: {count} mails; {:?}", self.steps()));
        found.unwrap().clone()
    }

    /// What it has taken so far.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.taken.borrow().clone()
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.shared.steps.borrow().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until a step was reached so often.
    pub(crate) async fn reached(&self, step: Step, count: usize) {
        let mut steps = self.shared.steps.subscribe();
        let is_so = |steps: &Vec<Step>| count <= steps.iter().filter(|it| **it == step).count();
        let reached = tokio::time::timeout(Duration::from_secs(60), steps.wait_for(is_so)).await;
        assert!(reached.is_ok(), "not within 60 s: {step:?}");
    }

    /// Closes every connection that there is.
    pub(crate) fn cut(&self) {
        self.shared.talks.lock().unwrap().drain(..).for_each(|talk| talk.abort());
    }
}

impl Shared {
    async fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        let Some(tls) = &self.tls else {
            return self.dialogue(&mut BufReader::new(stream), true).await.map(drop);
        };
        let mut stream = BufReader::new(stream);
        if self.is_smtps || self.dialogue(&mut stream, true).await? {
            let stream = tls.accept(stream.into_inner()).await?;
            let greets = self.is_smtps;
            self.dialogue(&mut BufReader::new(stream), greets).await?;
        }
        Ok(())
    }

    /// What the script says; nothing if the dialogue is over.
    async fn at<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        (step, with): (Step, &str),
        good: &str,
    ) -> std::io::Result<bool> {
        let number = self.taken.borrow().len();
        let done = (self.script)(step, with, number);
        self.steps.send_modify(|steps| steps.push(step));
        let said = match done {
            Do::Go => good,
            Do::Say(said) => said,
            Do::Hang | Do::TakeAndHang => std::future::pending().await,
            Do::Cut | Do::TakeAndCut => return Err(std::io::ErrorKind::ConnectionAborted.into()),
        };
        stream.write_all(format!("{said}\r\n").as_bytes()).await?;
        stream.flush().await?;
        Ok(said == good)
    }

    /// One dialogue; true where TLS begins.
    async fn dialogue<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        greets: bool,
    ) -> std::io::Result<bool> {
        if greets {
            self.at(stream, (Step::Greeting, ""), "220 test ESMTP").await?;
        }
        let (mut to, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(false);
            }
            let command = line.trim_end().to_owned();
            let verb = command.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    let offers = match (&self.tls, greets) {
                        (Some(_), true) if !self.is_smtps => {
                            "250-test\r\n250-8BITMIME\r\n250 STARTTLS"
                        }
                        _ => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
                    };
                    self.at(stream, (Step::Ehlo, &command), offers).await?;
                }
                "STARTTLS" => {
                    if self.at(stream, (Step::StartTls, &command), "220 go ahead").await? {
                        return Ok(true);
                    }
                }
                "AUTH" => drop(self.at(stream, (Step::Auth, &command), "235 ok").await?),
                "MAIL" => drop(self.at(stream, (Step::From, &command), "250 ok").await?),
                "RCPT" => {
                    to = command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    self.at(stream, (Step::To, &to), "250 ok").await?;
                }
                "DATA" => {
                    if self.at(stream, (Step::Data, &to), "354 go ahead").await? {
                        let text = text(stream).await?;
                        self.end(stream, &to, text).await?;
                    }
                }
                "RSET" | "NOOP" => stream.write_all(b"250 ok\r\n").await?,
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(false);
                }
                _ => stream.write_all(b"500 what?\r\n").await?,
            }
        }
    }

    async fn end<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        to: &str,
        text: String,
    ) -> std::io::Result<()> {
        let number = self.taken.borrow().len();
        let done = (self.script)(Step::Text, to, number);
        let is_taken = matches!(done, Do::Go | Do::TakeAndCut | Do::TakeAndHang);
        if is_taken {
            let mail = Mail { to: to.to_owned(), text };
            self.taken.send_modify(|taken| taken.push(mail));
        }
        self.steps.send_modify(|steps| steps.push(Step::Text));
        match done {
            Do::Go => {
                stream.write_all(format!("250 2.0.0 queued as M{number}\r\n").as_bytes()).await
            }
            Do::Say(said) => stream.write_all(format!("{said}\r\n").as_bytes()).await,
            Do::Hang | Do::TakeAndHang => std::future::pending().await,
            Do::Cut | Do::TakeAndCut => Err(std::io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

async fn text<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
