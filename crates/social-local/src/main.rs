//! `cargo run`: the whole system on this machine. `cargo run -- demo`: the same without a browser.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::process::ExitCode;

use social_local::{
    cron, demo,
    stack::{Stack, StackOptions},
};

const HELP: &str = "\
Organically, on this machine: API, store, platform sandbox, media host, console page and cron.

USAGE
  cargo run [-- OPTIONS]         start everything and keep running
  cargo run -- demo [OPTIONS]    connect, schedule, publish, compare; exits 0 only if all is true

OPTIONS
  --port PORT   where to listen (default 3000; demo: any free port)
  --help        this text

ENVIRONMENT
  FIRESTORE_EMULATOR_HOST   host:port of Google's emulator, in place of the embedded store
  RUST_LOG                  what is logged (default warn)
";

struct Arguments {
    demo: bool,
    help: bool,
    port: Option<u16>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}; see --help");
            return ExitCode::from(2);
        }
    };
    if arguments.help {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match start(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Arguments, lexopt::Error> {
    use lexopt::prelude::*;
    let mut arguments = Arguments { demo: false, help: false, port: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => arguments.help = true,
            Long("port") => arguments.port = Some(parser.value()?.parse()?),
            Value(word) if word == "demo" && !arguments.demo => arguments.demo = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(arguments)
}

async fn start(arguments: Arguments) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the local program's one choice from the environment")]
    let firestore_emulator = std::env::var("FIRESTORE_EMULATOR_HOST").ok().filter(|host| !host.is_empty());
    let port = arguments.port.unwrap_or(if arguments.demo { 0 } else { 3000 });
    let (stack, listener) = Stack::bind(port, StackOptions { firestore_emulator }).await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(stack.clone().serve(listener, async {
        let _ = stopped.await;
    }));
    stack.seed().await?;
    let ticking = tokio::spawn(cron::run(stack.base_url.clone()));
    let outcome = if arguments.demo {
        demo::run(&stack, |line| println!("{line}")).await.map(|table| print!("\n{table}"))
    } else {
        greet(&stack);
        tokio::signal::ctrl_c().await.map_err(Into::into)
    };
    ticking.abort();
    let _ = stop.send(());
    // Ticks that wait for a post's second hold their connection; nothing is lost by leaving them.
    serving.abort();
    if !arguments.demo {
        println!("\nstopped");
    }
    outcome
}

fn greet(stack: &Stack) {
    let base = &stack.base_url;
    println!("console   {base}/");
    println!("API       {base}/api/posts  (cron calls {base}/api/cron/publish each minute)");
    println!("sandbox   {base}/x  (audience: {base}/x/audience/acme, faults: {base}/control/faults)");
    match &stack.app.config.firestore_emulator {
        Some(host) => println!("store     http://{host}/v1"),
        None => println!("store     {base}/v1"),
    }
    println!("media     {base}/media/sample.jpg  (.png, .gif, .mp4)");
    println!("Ctrl-C ends it.");
}
