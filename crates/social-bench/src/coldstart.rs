//! From spawning the function's program to its first complete answer. The limit is a function of the same runtime
//! that does nothing; the two take turns.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{
    figure::{Figure, percentile},
    options::Options,
};

/// Valid and fake. The request brings no secret, so it is refused before anything outside is asked.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("PUBLIC_URL", "https://api.example.com"),
    ("APP_ORIGINS", "https://app.example.com"),
    ("CRON_SECRET", "bench-cron-secret-0123456789"),
    ("TOKEN_KEYS", "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("FIREBASE_PROJECT_ID", "demo-bench"),
    ("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1"),
    ("X_CLIENT_ID", "bench-x-client"),
    ("X_CLIENT_SECRET", "bench-x-secret"),
];

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let (runs, given) = (options.runs.unwrap_or(20), options.binary.clone());
    tokio::task::spawn_blocking(move || measure(runs, given)).await?
}

fn measure(runs: usize, given: Option<PathBuf>) -> anyhow::Result<Vec<Figure>> {
    let function = match given {
        Some(path) => path,
        None => build("social-functions", "cron_publish")?,
    };
    let bare = build("social-bench", "bare")?;
    // Once each, so that both programs are in memory.
    first_answer_ms(&function, "401")?;
    first_answer_ms(&bare, "200")?;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        ours.push(first_answer_ms(&function, "401")?);
        limit.push(first_answer_ms(&bare, "200")?);
    }
    let bytes = |path: &Path| Ok::<_, std::io::Error>(std::fs::metadata(path)?.len() as f64);
    let mib = |bytes: f64| bytes / (1024.0 * 1024.0);
    Ok(vec![
        Figure::new("first_answer_ms", percentile(&mut ours, 0.5), "ms").against(percentile(&mut limit, 0.5)),
        Figure::new("binary_mib", mib(bytes(&function)?), "MiB").against(mib(bytes(&bare)?)),
    ])
}

/// Beside this program, which is where cargo puts it.
fn build(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--package", package, "--bin", name])
        .status()
        .context("cargo could not be started")?;
    anyhow::ensure!(status.success(), "{name} could not be built");
    let folder = std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
    let path = folder.join(name);
    anyhow::ensure!(
        path.exists(),
        "{name} is not beside this program; run the bench with cargo run --release"
    );
    Ok(path)
}

/// Ends with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn first_answer_ms(program: &Path, expected: &str) -> anyhow::Result<f64> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.env_clear().envs(ENVIRONMENT).env("VERCEL_DEV_PORT", address.port().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let child = command.spawn().with_context(|| format!("{} could not be started", program.display()))?;
    let mut running = Running(child);
    loop {
        if let Ok(answer) = ask(address) {
            let took = began.elapsed().as_secs_f64() * 1_000.0;
            let status = answer.split_whitespace().nth(1).unwrap_or_default();
            anyhow::ensure!(status == expected, "expected {expected}, and the answer was {status:?}");
            return Ok(took);
        }
        if let Some(status) = running.0.try_wait()? {
            bail!("{} ended with {status}", program.display());
        }
        anyhow::ensure!(began.elapsed() < Duration::from_secs(20), "no answer within 20 s");
        std::thread::sleep(Duration::from_micros(100));
    }
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(b"GET /api/cron/publish HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
