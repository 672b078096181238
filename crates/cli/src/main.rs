#![doc = include_str!("../README.md")]

mod args;
mod catalogue;
mod clock;
mod commands;
mod confirm;
mod cron;
mod dir;
mod duration;
mod failure;
mod gateway;
mod http;
mod output;
mod propose;
mod quantity;
mod stack;
mod up;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Function { name } => commands::function::run(&name),
        Command::Connector => commands::function::connector(),
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.expect("the system gives threads");
            let ended = runtime.block_on(run(&cli.global, command));
            ended.unwrap_or_else(|error| {
                output::note(format_args!("orderflow: {}", failure::text(&error)));
                failure::exit_code(&error)
            })
        }
    }
}

async fn run(global: &args::Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(args) => return Box::pin(up::run(global, &args)).await,
        Command::Function { name } => return Ok(commands::function::run(&name)),
        Command::Connector => return Ok(commands::function::connector()),
        Command::Setup(args) => commands::setup::run(global, args).await?,
        Command::Send { file, partner, name } => {
            commands::send::run(global, &file, partner, name).await?;
        }
        Command::Manifests(args) => commands::manifests::run(&args)?,
        Command::Check => commands::check::run(global).await?,
        Command::Wait { timeout } => commands::wait::run(global, timeout).await?,
        Command::Orders(command) => commands::orders::run(global, &command).await?,
        Command::Files(command) => commands::files::run(global, &command).await?,
        Command::Partners(command) => return commands::partners::run(global, command).await,
        Command::Stock(command) => commands::stock::run(global, &command).await?,
        Command::Journal(command) => commands::journal::run(global, &command).await?,
        Command::Bench(args) => Box::pin(commands::bench::run(global, &args)).await?,
        Command::Lint(args) => Box::pin(commands::lint::run(global, &args)).await?,
        Command::Doctor(args) => Box::pin(commands::doctor::run(global, &args)).await?,
        Command::Simulate(args) => commands::simulate::run(global, &args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
