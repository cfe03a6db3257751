//! Consent, codes, rotation, revocation, scopes.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use social_sandbox::{Fault, FaultAction};
use url::Url;

use crate::harness::{ALL, REDIRECT, Reply, World, world};

const BASIC: Option<(&str, &str)> = Some(("sandbox-x-client", "sandbox-x-secret"));
const TOKEN: &str = "/x/2/oauth2/token";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-1";
const BAD_CODE: &str = "Value passed for the authorization code was invalid.";
const BAD_TOKEN: &str = "Value passed for the token was invalid.";

fn ask<'a>(client: &'a str, challenge: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("scope", scope),
        ("state", "st&te"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

fn location(reply: &Reply) -> Url {
    assert_eq!(reply.status, 302, "{}", reply.text());
    reply.header("location").unwrap().parse().unwrap()
}

fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn code_for(world: &World, client: &str, scope: &str) -> String {
    let challenge = challenge();
    let mut form = ask(client, &challenge, scope);
    form.extend([("decision", "approve"), ("account", "acme")]);
    let url = location(&world.form(None, "/x/i/oauth2/authorize", &form).await);
    assert_eq!(param(&url, "state").as_deref(), Some("st&te"));
    param(&url, "code").unwrap()
}

async fn exchange(world: &World, code: &str, verifier: &str) -> Reply {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
        ("client_id", "sandbox-x-client"),
    ];
    world.form(BASIC, TOKEN, &form).await
}

async fn refresh(world: &World, token: &str) -> Reply {
    world.form(BASIC, TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

#[tokio::test]
async fn authorize_page_refuses_without_redirecting() {
    let world = world();
    let challenge = challenge();
    let good = ask("sandbox-x-client", &challenge, "tweet.read users.read");
    let long = "s".repeat(501);
    let slash = format!("{REDIRECT}/");
    for (name, value) in [
        ("", ""),
        ("client_id", "stranger"),
        ("redirect_uri", slash.as_str()),
        ("code_challenge", ""),
        ("code_challenge_method", "S512"),
        ("state", &long),
        ("scope", "tweet.everything"),
        ("response_type", "token"),
    ] {
        let fields = good.iter().map(|(key, old)| (*key, if *key == name { value } else { *old }));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let reply = world.get("", &format!("/x/i/oauth2/authorize?{query}")).await;
        if name.is_empty() {
            reply.is(200, "Acme Coffee").is(200, "value=\"deny\"").is(200, "value=\"tweet.read\"");
        } else {
            reply.is(400, "Something went wrong");
            assert_eq!(reply.header("location"), None);
        }
    }
}

#[tokio::test]
async fn denial_goes_back_with_the_state() {
    let world = world();
    let challenge = challenge();
    let mut form = ask("sandbox-x-client", &challenge, "tweet.read");
    form.push(("decision", "deny"));
    let url = location(&world.form(None, "/x/i/oauth2/authorize", &form).await);
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&url, "state").as_deref(), Some("st&te"));
}

#[tokio::test]
async fn unticked_scopes_are_not_granted() {
    let world = world();
    let challenge = challenge();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(ask("sandbox-x-client", &challenge, "tweet.read users.read media.write"))
        .finish();
    let form =
        [("decision", "approve"), ("account", "acme"), ("scope", "tweet.read"), ("scope", "users.read")];
    let reply = world.form(None, &format!("/x/i/oauth2/authorize?{query}"), &form).await;
    let code = param(&location(&reply), "code").unwrap();
    let tokens = exchange(&world, &code, VERIFIER).await.json();
    assert_eq!(tokens["scope"], "users.read tweet.read");
    assert!(tokens.get("refresh_token").is_none(), "only with offline.access");
}

#[tokio::test]
async fn a_code_is_good_once_for_30_seconds_and_its_own_verifier() {
    let world = world();
    let scope = ALL.join(" ");
    let code = code_for(&world, "sandbox-x-client", &scope).await;
    let tokens = exchange(&world, &code, VERIFIER).await;
    tokens.is(200, "\"expires_in\":7200").is(200, "refresh_token");
    assert_ne!(tokens.json()["scope"], json!(scope), "in another order");
    exchange(&world, &code, VERIFIER).await.is(400, BAD_CODE).is(400, "invalid_request");
    let code = code_for(&world, "sandbox-x-client", &scope).await;
    exchange(&world, &code, "another").await.is(400, BAD_CODE);
    let code = code_for(&world, "public-client", &scope).await;
    exchange(&world, &code, VERIFIER).await.is(400, BAD_CODE);
    let code = code_for(&world, "sandbox-x-client", &scope).await;
    world.wait(30);
    exchange(&world, &code, VERIFIER).await.is(400, BAD_CODE);
}

#[tokio::test]
async fn token_endpoint_checks_the_client() {
    let world = world();
    let refresh = world.sandbox.x_admin().issue_tokens("acme", ALL).1;
    let form = |extra: &[(&'static str, &'static str)]| {
        let mut form = vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh.clone())];
        form.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        form
    };
    let id = ("client_id", "sandbox-x-client");
    let secret = ("client_secret", "sandbox-x-secret");
    for (basic, extra, status, fragment) in [
        (None, vec![], 400, "Missing required parameter [client_id]."),
        (None, vec![id], 401, "unauthorized_client"),
        (None, vec![id, secret], 401, "Missing valid authorization header"),
        (Some(("sandbox-x-client", "wrong")), vec![], 401, "unauthorized_client"),
        (BASIC, vec![("client_id", "public-client")], 400, "invalid_request"),
        (None, vec![("client_id", "nobody")], 401, "invalid_client"),
        (None, vec![("client_id", "public-client")], 400, BAD_TOKEN),
        (BASIC, vec![id, secret], 200, "access_token"),
    ] {
        let form = form(&extra);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.form(basic, TOKEN, &form).await.is(status, fragment);
    }
    let body = json!({"grant_type": "refresh_token", "refresh_token": refresh});
    world.json("x", TOKEN, &body).await.is(400, "Missing required parameter [grant_type].");
    world.form(BASIC, TOKEN, &[("grant_type", "password")]).await.is(400, "unsupported_grant_type");
}

#[tokio::test]
async fn refresh_rotates_at_once_and_keeps_the_scopes() {
    let world = world();
    let (access, first, _) =
        world.sandbox.x_admin().issue_tokens("acme", &["tweet.read", "users.read", "offline.access"]);
    let tokens = refresh(&world, &first).await.json();
    refresh(&world, &first).await.is(400, BAD_TOKEN).is(400, "invalid_request");
    assert_eq!(tokens["scope"], "offline.access users.read tweet.read");
    assert_eq!(world.sandbox.x().refreshes("acme"), 1);
    world.get(&access, "/x/2/users/me").await.is(200, "acme");
    world.wait(7200);
    world.get(tokens["access_token"].as_str().unwrap(), "/x/2/users/me").await.is(401, "Unauthorized");
    let tokens = refresh(&world, tokens["refresh_token"].as_str().unwrap()).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    world.sandbox.x_admin().expire_access_token(access);
    world.get(access, "/x/2/users/me").await.is(401, "");
    world.sandbox.x_admin().disconnect("acme");
    refresh(&world, tokens["refresh_token"].as_str().unwrap()).await.is(400, BAD_TOKEN);
}

#[tokio::test]
async fn a_lost_answer_loses_the_rotated_token() {
    let world = world();
    let (_, token, _) = world.sandbox.x_admin().issue_tokens("acme", ALL);
    world.sandbox.faults().add(Fault::next("x.oauth2.token", FaultAction::DropAfter));
    assert!(refresh(&world, &token).await.dropped);
    refresh(&world, &token).await.is(400, BAD_TOKEN);
}

#[tokio::test(start_paused = true)]
async fn concurrent_refreshes_race() {
    let world = world();
    let (_, token, _) = world.sandbox.x_admin().issue_tokens("acme", ALL);
    world.sandbox.faults().add(Fault::next("x.oauth2.token", FaultAction::DelayAfter { ms: 500 }));
    let (winner, loser) = tokio::join!(refresh(&world, &token), refresh(&world, &token));
    winner.is(200, "access_token");
    loser.is(400, BAD_TOKEN);
}

#[tokio::test]
async fn revoking_works_with_basic_and_with_client_id() {
    let world = world();
    let (access, token, _) = world.sandbox.x_admin().issue_tokens("acme", ALL);
    world
        .form(None, "/x/2/oauth2/revoke", &[("token", &token), ("client_id", "sandbox-x-client")])
        .await
        .is(401, "");
    world.form(BASIC, "/x/2/oauth2/revoke/", &[("token", &token)]).await.is(200, "\"revoked\":true");
    refresh(&world, &token).await.is(400, BAD_TOKEN);
    world.get(&access, "/x/2/users/me").await.is(401, "");
    assert!(!world.sandbox.x().is_authorized("acme"));

    let code = code_for(&world, "public-client", &ALL.join(" ")).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "public-client"),
    ];
    let tokens = world.form(None, TOKEN, &form).await.json();
    assert!(world.sandbox.x().is_authorized("acme"));
    let token = tokens["refresh_token"].as_str().unwrap();
    world
        .form(None, "/x/2/oauth2/revoke", &[("token", token), ("client_id", "public-client")])
        .await
        .is(200, "true");
    assert!(!world.sandbox.x().is_authorized("acme"));
}

#[tokio::test]
async fn every_call_checks_its_scopes() {
    let world = world();
    let (token, ..) = world.sandbox.x_admin().issue_tokens("acme", &["tweet.read", "users.read"]);
    let generic = "You are not permitted to perform this action.";
    world.post(&token, json!({"text": "hi"})).await.is(403, generic);
    world.bare("DELETE", &token, "/x/2/tweets/1").await.is(403, generic);
    world.json(&token, "/x/2/media/upload/initialize", &json!({})).await.is(403, generic);
    world.finalize(&token, "1").await.is(403, generic);
    world.segment(&token, "1", "0", b"x").await.is(403, generic);
    world.json(&token, "/x/2/media/metadata", &json!({})).await.is(403, generic);
    world.get(&token, "/x/2/media/upload?media_id=1").await.is(403, generic);
    world.multipart(&token, "/x/2/media/upload", &[], b"x").await.is(403, generic);
    world.get(&token, "/x/2/users/me").await.is(200, "acme");
    let (token, ..) = world.sandbox.x_admin().issue_tokens("acme", &["media.write"]);
    world.get(&token, "/x/2/users/me").await.is(403, generic);
}
