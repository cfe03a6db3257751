//! The sandbox's own switches over HTTP, for one that runs as a separate program.
use axum::Router;

use crate::sandbox::Sandbox;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new().with_state(sandbox)
}
