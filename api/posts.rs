//! `GET|POST /api/posts`: the posts of a profile; schedules one.
use social_functions::{Route, run};

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    run(Route::Posts).await
}
