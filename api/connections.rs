//! `GET /api/connections`: the accounts of a profile.
use social_functions::{Route, run};

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    run(Route::Connections).await
}
