//! `GET /api/auth/{platform}/callback`: the way back from the platform.
use social_functions::{Route, run};

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    run(Route::AuthCallback).await
}
