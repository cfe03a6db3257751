//! `GET /api/auth/{platform}`: begins to connect an account.
use social_functions::{Route, run};

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    run(Route::AuthStart).await
}
