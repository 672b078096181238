//! All verbs, and what they have in common.

use clap::{Parser, Subcommand};

use crate::commands::{
    Analytics, Bench, Check, Customers, Doctor, Files, Function, Invoices, Journal, Lint,
    Manifests, Notify, Orders, Partners, Products, Schema, Send, Setup, Simulate, Stock, Tokens,
    Up, Wait, Webhooks,
};
use crate::global::Global;

/// Runs the order pipeline on one machine, and looks into a running one.
#[derive(Debug, Parser)]
#[command(name = "orderflow", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 time is up (wait), \
4 not found, 5 nothing is running here, 6 accepted with rejected rows and 7 refused (partners \
check), 8 not confirmed, 64 a setting of a function is wrong";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(Up),
    Function(Function),
    /// Run the connector as its own process, with settings from the environment.
    Connector,
    Setup(Setup),
    Manifests(Manifests),
    Send(Send),
    Check(Check),
    Wait(Wait),
    #[command(subcommand)]
    Orders(Orders),
    #[command(subcommand)]
    Files(Files),
    #[command(subcommand)]
    Partners(Partners),
    #[command(subcommand)]
    Products(Products),
    #[command(subcommand)]
    Stock(Stock),
    #[command(subcommand)]
    Customers(Customers),
    #[command(subcommand)]
    Invoices(Invoices),
    #[command(subcommand)]
    Analytics(Analytics),
    #[command(subcommand)]
    Notify(Notify),
    #[command(subcommand)]
    Webhooks(Webhooks),
    #[command(subcommand)]
    Journal(Journal),
    #[command(subcommand)]
    Tokens(Tokens),
    Doctor(Doctor),
    Lint(Lint),
    Schema(Schema),
    Simulate(Simulate),
    Bench(Bench),
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    /// Words as a shell makes them of a line without its comment.
    fn words(line: &str) -> Vec<String> {
        let line = line.trim().split("   ").next().unwrap_or_default();
        let line = line.split(" > ").next().unwrap_or_default();
        let parts = line.split('"').enumerate();
        let words = parts.flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.collect()
    }

    #[test]
    fn every_verb_has_examples_that_can_be_typed() {
        for verb in Cli::command().get_subcommands() {
            let name = verb.get_name();
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  ")).collect();
            assert!(!examples.is_empty() || name == "connector", "{name} has no examples");
            for example in examples {
                let typed = Cli::try_parse_from(words(example));
                assert!(typed.is_ok(), "{example}: {}", typed.unwrap_err());
                assert_eq!(words(example).get(1).map(String::as_str), Some(name), "{example}");
            }
        }
    }

    #[test]
    fn global_options_may_stand_before_or_after_the_command() {
        for line in [
            "orderflow --data-dir d --json orders count",
            "orderflow orders --data-dir d --json count",
            "orderflow orders count --json --data-dir d",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.global.data_dir, PathBuf::from("d"), "{line}");
            assert!(cli.global.json, "{line}");
        }
    }

    #[test]
    fn a_refused_value_says_what_is_allowed() {
        for (line, expected) in [
            ("orderflow stock set P001 -5", "is no whole number from 0 to 1000000000"),
            ("orderflow stock set P001 abc", "is no whole number from 0 to 1000000000"),
            ("orderflow stock set P001 1.5", "is no whole number from 0 to 1000000000"),
            ("orderflow stock set P001 1000000001", "is no whole number from 0 to 1000000000"),
            ("orderflow orders retry --all-refused --since yesterday", "2026-01-31T08:00:00Z"),
            ("orderflow orders retry --all-refused --since yesterday", "2h"),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for line in [
            "orderflow wait --timeout soon",
            "orderflow simulate --orders 0 --rate 1",
            "orderflow simulate --orders 1 --rate 0",
            "orderflow simulate --orders 1 --rate 1 --broken 101",
            "orderflow simulate --orders 1 --rate 1 --broken -1",
            "orderflow simulate --orders 1 --rate 1 --duplicates many",
            "orderflow simulate --orders 1 --rate 1 --lines 1001",
            "orderflow stock set P001 -1",
            "orderflow stock set P001 many",
            "orderflow send a.csv --partner US.1",
            "orderflow send a.csv",
            "orderflow orders list --status lost",
            "orderflow orders list --limit 0",
            "orderflow up --port 70000",
            "orderflow invoices pay A-1 5 --reference x --dry-run",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
