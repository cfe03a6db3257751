//! `GET /api/cron/publish`: one tick.

use http::{StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Request, Response};
use crate::{
    app::App,
    respond::{Error, json_response},
};

pub(super) async fn publish(app: &App, request: &Request) -> Result<Response, Error> {
    let refused = || {
        Error::new(
            StatusCode::UNAUTHORIZED,
            "cron.secret_required",
            "the scheduler's secret is missing or wrong",
            "Set CRON_SECRET, and send it as bearer",
        )
    };
    let secret = app.config.cron_secret.as_ref().ok_or_else(refused)?;
    let given = request.header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    // Hashed first, so that not even the length shows in the time it takes.
    let same = Sha256::digest(given.unwrap_or_default()).ct_eq(&Sha256::digest(secret.expose()));
    if given.is_none() || !bool::from(same) {
        return Err(refused());
    }
    let summary = app.publisher.tick().await?;
    tracing::info!(summary = %serde_json::to_string(&summary).unwrap_or_default(), "tick");
    Ok(json_response(StatusCode::OK, &summary))
}
