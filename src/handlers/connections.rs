//! `GET /api/connections` and `DELETE /api/connections/{platform}`.

use http::StatusCode;
use serde_json::{Value, json};
use social_core::{
    connection::{Connection, ConnectionStatus, StoredConnection},
    platform::PlatformId,
};

use super::{
    Request, Response, auth,
    caller::{authenticate, own_profile},
};
use crate::{
    app::App,
    respond::{Error, json_response},
};

/// Every platform, connected or not; never a token.
pub(super) async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let caller = authenticate(app, request).await?;
    let profile = own_profile(app, &caller, request.query("profileId")).await?;
    let connections: Vec<Value> = PlatformId::ALL
        .into_iter()
        .map(|platform| {
            let available = app.platforms.get(platform).is_some();
            let mut view = json!({ "platform": platform, "available": available, "connected": false });
            match profile.connections.get(&platform) {
                None => {}
                Some(StoredConnection::Readable(connection)) => show(&mut view, connection),
                Some(StoredConnection::Unreadable(_)) => {
                    view["connected"] = json!(true);
                    view["status"] = json!("reconnect");
                    view["reason"] = json!({
                        "code": "connection.unreadable",
                        "message": "the stored connection cannot be read",
                        "action": "Connect the account again",
                    });
                }
            }
            view
        })
        .collect();
    Ok(json_response(StatusCode::OK, &json!({ "profileId": profile.id, "connections": connections })))
}

fn show(view: &mut Value, connection: &Connection) {
    view["connected"] = json!(true);
    view["accountId"] = json!(connection.account_id);
    view["username"] = json!(connection.username);
    view["displayName"] = json!(connection.display_name);
    view["avatarUrl"] = json!(connection.avatar_url);
    view["scopes"] = json!(connection.scopes);
    view["connectedAt"] = json!(connection.connected_at);
    view["expiresAt"] = json!(connection.access_expires_at());
    view["renewsByItself"] = json!(connection.refresh_token.is_some());
    view["status"] = json!(connection.status);
    if connection.status == ConnectionStatus::Reconnect {
        view["reason"] = json!(connection.reason);
    }
}

/// Revokes at the platform, then forgets; forgets also when the platform is down, and says so.
pub(super) async fn disconnect(app: &App, request: &Request) -> Result<Response, Error> {
    let platform = auth::platform(request)?;
    let caller = authenticate(app, request).await?;
    let profile = own_profile(app, &caller, request.query("profileId")).await?;
    let outcome = app.tokens.disconnect(&profile.id, platform).await;
    let warning = outcome.map_err(|problem| Error::of(StatusCode::SERVICE_UNAVAILABLE, problem))?;
    let warning = warning.map(|problem| {
        json!({
            "code": "connection.not_revoked",
            "message": format!("{} could not be told: {}", platform.label(), problem.message),
            "action": format!("Remove the app in {}'s own settings as well", platform.label()),
        })
    });
    Ok(json_response(
        StatusCode::OK,
        &json!({ "platform": platform, "connected": false, "warning": warning }),
    ))
}
