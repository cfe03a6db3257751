//! `GET|PATCH|DELETE /api/posts/{id}`: shows, changes, cancels a post.
use social_functions::{Route, run};

#[tokio::main]
async fn main() -> Result<(), vercel_runtime::Error> {
    run(Route::Post).await
}
