//! `cargo run -p social-sandbox -- --port 4010`: the platforms on localhost, for any client or SDK.
use std::net::Ipv4Addr;
use std::process::ExitCode;

use lexopt::prelude::*;
use social_sandbox::{Sandbox, SandboxOptions, x};
use tokio::net::TcpListener;

const HELP: &str = "\
social-sandbox: strict local stand-ins for the platforms

Usage: social-sandbox [options]

  --port <port>     where to listen on 127.0.0.1 (default 4010)
  --app <app>       an X app: client_id:client_secret:redirect_uri[,redirect_uri...]; repeatable;
                    without a secret (client_id::redirect_uri) it is a public client.
                    The first --app replaces the built-in one
  --account <name>  one more X account; repeatable
  --seed <number>   draws tokens and codes (default 1)
  --help            this text

Switches while it runs: POST /control/faults, DELETE /control/faults, POST /control/clock, GET /control/state
";

struct Arguments {
    port: u16,
    options: SandboxOptions,
    accounts: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            complain(&format!("{error} (see --help)"));
            return ExitCode::from(2);
        }
    };
    match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    let mut arguments = Arguments { port: 4010, options: SandboxOptions::default(), accounts: Vec::new() };
    let mut apps = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => arguments.port = parser.value()?.parse()?,
            Long("seed") => arguments.options.seed = parser.value()?.parse()?,
            Long("app") => apps.push(parser.value()?.parse_with(app)?),
            Long("account") => arguments.accounts.push(parser.value()?.string()?),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if !apps.is_empty() {
        arguments.options.x.apps = apps;
    }
    Ok(Some(arguments))
}

fn app(text: &str) -> Result<x::App, &'static str> {
    let mut parts = text.splitn(3, ':');
    let (Some(id), Some(secret), Some(redirects)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("an app is client_id:client_secret:redirect_uri");
    };
    let redirects: Vec<&str> = redirects.split(',').collect();
    if id.is_empty() || redirects.iter().any(|uri| url::Url::parse(uri).is_err()) {
        return Err("an app needs a client_id and absolute redirect URIs");
    }
    Ok(if secret.is_empty() {
        x::App::public(id, &redirects)
    } else {
        x::App::confidential(id, secret, &redirects)
    })
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { port, mut options, accounts } = arguments;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| anyhow::anyhow!("cannot listen on 127.0.0.1:{port}: {error}"))?;
    options.public_url = format!("http://{}", listener.local_addr()?);
    let mut lines = vec![
        format!("X API        {}/x", options.public_url),
        format!("X authorize  {}/x/i/oauth2/authorize", options.public_url),
        format!("X audience   {}/x/audience/{{username}}", options.public_url),
        format!("control      {}/control/state", options.public_url),
    ];
    for app in &options.x.apps {
        let secret = app.client_secret.as_deref().unwrap_or("(none, public client)");
        let redirects = app.redirect_uris.join(", ");
        lines.push(format!(
            "X app        client id {}, secret {secret}, redirects {redirects}",
            app.client_id
        ));
    }
    let names =
        options.x.accounts.iter().map(|account| account.username.clone()).chain(accounts.iter().cloned());
    lines.push(format!("X accounts   {}", names.collect::<Vec<_>>().join(", ")));
    let sandbox = Sandbox::new(options);
    for name in &accounts {
        sandbox.x_admin().add_account(name, name);
    }
    lines.push(String::new());
    say(&lines.join("\n"));
    axum::serve(listener, sandbox.router()).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what the program says to the person who started it")]
fn say(text: &str) {
    print!("{text}");
}

fn complain(text: &str) {
    eprintln!("social-sandbox: {}", text.replace('\n', " "));
}
