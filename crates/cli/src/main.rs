#![doc = include_str!("../README.md")]

mod cli;
mod commands;
mod confirm;
mod global;

use std::process::ExitCode;

use clap::Parser as _;
use terminal::output;

use cli::{Cli, Command};
use global::Global;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Function(args) => commands::function::run(&args),
        Command::Connector => commands::function::connector(),
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.expect("the system gives threads");
            let ended = runtime.block_on(run(&cli.global, command));
            ended.unwrap_or_else(|error| {
                output::note(format_args!("orderflow: {}", terminal::text(&error)));
                terminal::exit_code(&error)
            })
        }
    }
}

async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(args) => return Box::pin(commands::up::run(global, args)).await,
        Command::Function(args) => return Ok(commands::function::run(&args)),
        Command::Connector => return Ok(commands::function::connector()),
        Command::Setup(args) => commands::setup::run(global, args).await?,
        Command::Send(args) => commands::send::run(global, args).await?,
        Command::Manifests(args) => commands::manifests::run(&args)?,
        Command::Check(_) => commands::check::run(global).await?,
        Command::Wait(args) => commands::wait::run(global, &args).await?,
        Command::Orders(command) => commands::orders::run(global, &command).await?,
        Command::Files(command) => commands::files::run(global, &command).await?,
        Command::Partners(command) => return commands::partners::run(global, command).await,
        Command::Products(command) => Box::pin(commands::products::run(global, &command)).await?,
        Command::Stock(command) => commands::stock::run(global, &command).await?,
        Command::Notify(command) => commands::notify::run(global, &command).await?,
        Command::Customers(command) => commands::customers::run(global, &command).await?,
        Command::Invoices(command) => Box::pin(commands::invoices::run(global, &command)).await?,
        Command::Analytics(command) => commands::analytics::run(global, &command).await?,
        Command::Tokens(command) => commands::tokens::run(global, &command).await?,
        Command::Webhooks(command) => Box::pin(commands::webhooks::run(global, &command)).await?,
        Command::Journal(command) => commands::journal::run(global, &command).await?,
        Command::Bench(args) => Box::pin(commands::bench::run(global, args)).await?,
        Command::Lint(args) => Box::pin(commands::lint::run(global, &args)).await?,
        Command::Schema(args) => commands::schema::run(&args),
        Command::Doctor(args) => Box::pin(commands::doctor::run(global, &args)).await?,
        Command::Simulate(args) => commands::simulate::run(global, &args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
