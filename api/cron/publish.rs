//! `GET /api/cron/publish`: one tick of the publishing engine.
use social_functions::{Route, run};

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    run(Route::CronPublish).await
}
