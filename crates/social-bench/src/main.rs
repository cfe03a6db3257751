//! `cargo run --release -p social-bench -- NAME`: one line per figure. `--help` lists names and sizes.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

mod backlog;
mod client;
mod coldstart;
mod drain;
mod figure;
mod idle;
mod options;
mod punctuality;
mod world;

use std::process::ExitCode;

use figure::Figure;
use options::{Asked, Bench, HELP, Options};

#[tokio::main]
async fn main() -> ExitCode {
    let (bench, options) = match options::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Run(bench, options)) => (bench, options),
        Ok(Asked::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}; see --help");
            return ExitCode::from(2);
        }
    };
    match run(bench, &options).await {
        Ok(figures) => {
            for figure in figures {
                if options.json {
                    println!("{}", figure.json(bench.name()));
                } else {
                    println!("{}", figure.line(bench.name()));
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(bench: Bench, options: &Options) -> anyhow::Result<Vec<Figure>> {
    match bench {
        Bench::Punctuality => punctuality::run(options).await,
        Bench::Drain => drain::run(options).await,
        Bench::Idle => idle::run(options).await,
        Bench::Coldstart => coldstart::run(options).await,
        Bench::Backlog => backlog::run(options).await,
    }
}
