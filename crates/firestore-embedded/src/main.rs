//! `firestore-embedded --port 4020`: the store over HTTP, for trying things out from a shell.

use std::{io::Write, net::Ipv4Addr, process::ExitCode};

use anyhow::Context;
use firestore_embedded::Store;
use tokio::net::TcpListener;

const HELP: &str = "\
An in-memory Firestore over REST. Data is gone when it ends.

Usage: firestore-embedded [--port PORT]

Options:
  --port PORT  listen on 127.0.0.1:PORT, 0 for any free one [default: 4020]
  -h, --help   print this
";

enum Command {
    Serve { port: u16 },
    Help,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match parse() {
        Ok(Command::Help) => say(HELP),
        Ok(Command::Serve { port }) => serve(port).await,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "firestore-embedded: {error} (see --help)");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "firestore-embedded: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;

    let mut port = 4020;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => port = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve { port })
}

async fn serve(port: u16) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("cannot listen on port {port}"))?;
    say(&format!("http://{}/v1\n", listener.local_addr()?))?;
    axum::serve(listener, Store::new().router()).await.context("cannot serve")
}

fn say(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot print")
}
