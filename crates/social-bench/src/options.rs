//! The command line.

use std::{ffi::OsString, path::PathBuf};

pub(crate) const HELP: &str = "\
Measures the publishing engine against limits measured in the same run.

USAGE
  cargo run --release -p social-bench -- NAME [OPTIONS]

NAMES
  punctuality   many posts due the same second: how late the public calls are
  drain         many overdue posts: posts per second, requests, writes, memory
  idle          an empty tick: requests and round trips
  coldstart     from spawning the function to its first answer; its size
  backlog       a tick beside many future posts

OPTIONS
  --json            one JSON object per figure
  --posts N         punctuality: default 1000; drain: default 10000
  --accounts N      punctuality: default 50; drain: default 500
  --future N        posts days ahead; idle: default 1000; backlog: default 1000000
  --latency-ms N    drain: how long the platform takes to answer, default 100
  --calls N         public calls at once, default as in production
  --lead-secs N     punctuality: how long before its time the posts are found, default 8
  --runs N          coldstart: starts of each program, default 20; backlog: ticks, default 5
  --binary PATH     coldstart: the function's program; built when not given
  --help            this text
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    Punctuality,
    Drain,
    Idle,
    Coldstart,
    Backlog,
}

impl Bench {
    const ALL: [Self; 5] = [Self::Punctuality, Self::Drain, Self::Idle, Self::Coldstart, Self::Backlog];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Punctuality => "punctuality",
            Self::Drain => "drain",
            Self::Idle => "idle",
            Self::Coldstart => "coldstart",
            Self::Backlog => "backlog",
        }
    }
}

/// Sizes; `None` is the bench's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) json: bool,
    pub(crate) posts: Option<usize>,
    pub(crate) accounts: Option<usize>,
    pub(crate) future: Option<usize>,
    pub(crate) latency_ms: Option<u32>,
    pub(crate) calls: Option<usize>,
    pub(crate) lead_secs: Option<u32>,
    pub(crate) runs: Option<usize>,
    pub(crate) binary: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Help,
    Run(Bench, Options),
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut bench = None;
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Asked::Help),
            Long("json") => options.json = true,
            Long("posts") => options.posts = Some(size(&mut parser, "posts")?),
            Long("accounts") => options.accounts = Some(size(&mut parser, "accounts")?),
            Long("future") => options.future = Some(size(&mut parser, "future")?),
            Long("calls") => options.calls = Some(size(&mut parser, "calls")?),
            Long("runs") => options.runs = Some(size(&mut parser, "runs")?),
            Long("latency-ms") => options.latency_ms = Some(parser.value()?.parse()?),
            Long("lead-secs") => options.lead_secs = Some(parser.value()?.parse()?),
            Long("binary") => options.binary = Some(parser.value()?.into()),
            Value(name) if bench.is_none() => {
                if name == "upload" {
                    return Err("upload is not there yet: it comes with video".into());
                }
                let known = Bench::ALL.into_iter().find(|known| name == known.name());
                bench = Some(known.ok_or_else(|| format!("there is no bench {name:?}"))?);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    let bench = bench.ok_or("the name of a bench is missing")?;
    Ok(Asked::Run(bench, options))
}

fn size(parser: &mut lexopt::Parser, name: &str) -> Result<usize, lexopt::Error> {
    use lexopt::prelude::*;
    match parser.value()?.parse()? {
        0 => Err(format!("--{name} must be at least 1").into()),
        size => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Asked, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_names_and_sizes() {
        let options = Options { json: true, posts: Some(10), ..Options::default() };
        assert_eq!(read("drain --posts 10 --json"), Ok(Asked::Run(Bench::Drain, options)));
        assert_eq!(read("--help"), Ok(Asked::Help));
    }

    #[test]
    fn says_what_is_wrong() {
        for (line, part) in [
            ("", "missing"),
            ("sprint", "no bench"),
            ("upload", "not there yet"),
            ("drain --fast", "--fast"),
            ("drain --posts 0", "at least 1"),
            ("drain --posts many", "many"),
            ("drain idle", "idle"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
