//! Asking before something is done that is hard to take back.
//!
//! A command that uses it flattens [`Yes`] into its arguments, finds out what it would do, and calls
//! [`confirm`] before it does the first thing of it.

use std::io::{BufRead, IsTerminal as _, Write};

use anyhow::{Context as _, Result};
use clap::Args;
use terminal::Failure;
use terminal::output;

/// `--yes`, for the arguments of a command that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Yes {
    /// Do it without asking, as in a script.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Says on standard error what would be done (`preview`, a line each), and asks `question`, which
/// ends with a question mark, unless `--yes` was given. Standard output stays free for the answer.
///
/// # Errors
/// [`Failure::NotConfirmed`]: the answer was not `y` or `yes`, or there is no terminal to ask on.
pub(crate) fn confirm(preview: &[String], question: &str, yes: Yes) -> Result<()> {
    for line in preview {
        output::note(line);
    }
    if yes.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::NotConfirmed { question: question.to_owned() }.into());
    }
    ask(question, std::io::stdin().lock(), std::io::stderr().lock())
}

fn ask(question: &str, mut input: impl BufRead, mut output: impl Write) -> Result<()> {
    let asked = write!(output, "{question} [y/N] ").and_then(|()| output.flush());
    asked.context("cannot ask on standard error")?;
    let mut answer = String::new();
    input.read_line(&mut answer).context("cannot read the answer from standard input")?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::NotConfirmed { question: question.to_owned() }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, expected) in [
            ("y\n", true),
            ("Yes\n", true),
            (" YES \r\n", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yep\n", false),
            ("yes please\n", false),
        ] {
            let mut asked = Vec::new();
            let confirmed = ask("Do it?", answer.as_bytes(), &mut asked);
            assert_eq!(confirmed.is_ok(), expected, "{answer:?}");
            assert_eq!(asked, b"Do it? [y/N] ");
            if let Err(error) = confirmed {
                assert!(error.to_string().starts_with("nothing was done"), "{error}");
            }
        }
    }
}
