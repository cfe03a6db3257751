//! `DELETE /api/connections/{platform}`: disconnects an account.
use social_functions::{Route, run};

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    run(Route::Connection).await
}
