//! Connecting, and everybody who should not be able to.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use social_sandbox::{Fault, FaultAction};
use url::Url;

use crate::world::{PROFILE, Process, USER, World};

struct Begun {
    cookie: String,
    authorize: Url,
}

async fn begin(world: &World, process: &Process) -> Begun {
    let bearer = format!("Bearer {}", world.token(USER));
    let path = format!("/api/auth/twitter?profileId={PROFILE}&returnTo=/settings?tab=connections");
    let (status, body, headers) =
        process.ask(Method::GET, &path, &[("authorization", &bearer)], Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let cookie = headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-social_flow=") && cookie.contains("HttpOnly") && cookie.contains("Secure")
    );
    let authorize = Url::parse(body["authorizationUrl"].as_str().unwrap()).unwrap();
    Begun { cookie: cookie.split(';').next().unwrap().to_owned(), authorize }
}

/// The person's decision on the consent page; where X sends the browser.
async fn decide(process: &Process, begun: &Begun, form: &str) -> Url {
    let request = http::Request::post(begun.authorize.as_str())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned().into())
        .unwrap();
    let answer = process.app.tokens.http.send(request).await.unwrap();
    Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
}

async fn come_back(process: &Process, url: &Url, cookie: &str) -> Url {
    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let (status, _, headers) = process.ask(Method::GET, &path, &[("cookie", cookie)], Value::Null).await;
    assert_eq!(status, StatusCode::FOUND);
    Url::parse(headers["location"].to_str().unwrap()).unwrap()
}

fn outcome(url: &Url) -> String {
    let find =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    find("connected").map(|platform| format!("connected {platform}")).or(find("error")).unwrap_or_default()
}

async fn new_world() -> (World, Process) {
    let world = World::new(1);
    world.seed_profile(PROFILE, USER).await;
    let process = world.process();
    (world, process)
}

#[tokio::test(start_paused = true)]
async fn connecting_stores_a_sealed_connection_and_disconnecting_revokes_it() {
    let (world, process) = new_world().await;
    let begun = begin(&world, &process).await;
    let back = decide(&process, &begun, "decision=approve&account=acme").await;
    let home = come_back(&process, &back, &begun.cookie).await;
    assert_eq!(outcome(&home), "connected twitter");
    assert!(home.as_str().starts_with("https://app.test/settings?tab=connections"), "{home}");
    let bearer = format!("Bearer {}", world.token(USER));
    let headers = [("authorization", bearer.as_str())];
    let path = format!("/api/connections?profileId={PROFILE}");
    let (_, body, _) = process.ask(Method::GET, &path, &headers, Value::Null).await;
    let x = &body["connections"][0];
    assert_eq!((&x["username"], &x["status"]), (&json!("acme"), &json!("active")), "{body}");
    assert!(!body.to_string().contains("Token"), "{body}");
    let stored = format!("{:?}", process.app.store.profile(PROFILE).await.unwrap());
    assert!(stored.contains("v1.k1."), "{stored}");
    assert!(world.sandbox.x().is_authorized("acme"));
    let path = format!("/api/connections/x?profileId={PROFILE}");
    let (status, body, _) = process.ask(Method::DELETE, &path, &headers, Value::Null).await;
    assert_eq!((status, &body["warning"]), (StatusCode::OK, &Value::Null), "{body}");
    assert!(!world.sandbox.x().is_authorized("acme"));
    assert!(process.app.store.profile(PROFILE).await.unwrap().unwrap().connections.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_platform_being_down_does_not_keep_a_connection() {
    let world = World::connected().await;
    world.sandbox.faults().add(Fault {
        operation: "x.oauth2.revoke".to_owned(),
        skip: 0,
        times: 9,
        action: FaultAction::Unavailable { html: false, after: false },
    });
    let process = world.process();
    let bearer = format!("Bearer {}", world.token(USER));
    let path = format!("/api/connections/twitter?profileId={PROFILE}");
    let (status, body, _) =
        process.ask(Method::DELETE, &path, &[("authorization", &bearer)], Value::Null).await;
    assert_eq!(
        (status, &body["warning"]["code"]),
        (StatusCode::OK, &json!("connection.not_revoked")),
        "{body}"
    );
    assert!(process.app.store.profile(PROFILE).await.unwrap().unwrap().connections.is_empty());
}

#[tokio::test(start_paused = true)]
async fn attempts_that_are_not_what_they_seem_are_refused() {
    let (world, process) = new_world().await;
    // Denied.
    let begun = begin(&world, &process).await;
    let back = decide(&process, &begun, "decision=deny").await;
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "oauth.denied");
    // Another browser.
    let begun = begin(&world, &process).await;
    let back = decide(&process, &begun, "decision=approve&account=acme").await;
    assert_eq!(outcome(&come_back(&process, &back, "a=b").await), "oauth.no_flow");
    // Another attempt's state.
    let other = begin(&world, &process).await;
    assert_eq!(outcome(&come_back(&process, &back, &other.cookie).await), "oauth.state_mismatch");
    // Used twice.
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "connected twitter");
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "oauth.state_used");
    // Too late.
    let begun = begin(&world, &process).await;
    let back = decide(&process, &begun, "decision=approve&account=acme").await;
    world.wait(601).await;
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "oauth.expired");
    // The code has expired at X, which allows it 30 seconds.
    let begun = begin(&world, &process).await;
    let back = decide(&process, &begun, "decision=approve&account=acme").await;
    world.wait(40).await;
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "oauth.code_refused");
    // A scope was unticked.
    let begun = begin(&world, &process).await;
    let form = "decision=approve&account=acme&scope=tweet.read&scope=tweet.write&scope=users.read&scope=offline.access";
    let back = decide(&process, &begun, form).await;
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "oauth.scopes_missing");
    // A code and an error at once.
    let begun = begin(&world, &process).await;
    let mut back = decide(&process, &begun, "decision=approve&account=acme").await;
    back.query_pairs_mut().append_pair("error", "server_error");
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "oauth.denied");
    // Another account than the one that is connected.
    let begun = begin(&world, &process).await;
    let back = decide(&process, &begun, "decision=approve&account=premium").await;
    assert_eq!(outcome(&come_back(&process, &back, &begun.cookie).await), "oauth.other_account");
    let profile = process.app.store.profile(PROFILE).await.unwrap().unwrap();
    assert!(format!("{profile:?}").contains("acme"), "{profile:?}");
}

#[tokio::test(start_paused = true)]
async fn only_to_the_app_and_only_for_the_owner() {
    let (world, process) = new_world().await;
    let bearer = format!("Bearer {}", world.token(USER));
    let headers = [("authorization", bearer.as_str())];
    for elsewhere in [
        "https://evil.test/",
        "//evil.test/x",
        "https://app.test.evil.test/",
        "https://u@app.test/",
        "javascript:alert(1)",
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(elsewhere.as_bytes()).collect();
        let path = format!("/api/auth/x?profileId={PROFILE}&returnTo={encoded}");
        let (status, body, _) = process.ask(Method::GET, &path, &headers, Value::Null).await;
        assert_eq!(
            (status.as_u16(), &body["code"]),
            (400, &json!("return_to.foreign")),
            "{elsewhere}: {body}"
        );
    }
    world.seed_profile("foreign", "bob").await;
    for (path, code, status) in [
        ("/api/auth/myspace?profileId=p1", "platform.unknown", 404),
        ("/api/auth/x", "profile.required", 400),
        ("/api/auth/x?profileId=nowhere", "profile.not_found", 404),
        ("/api/auth/x?profileId=foreign", "profile.not_found", 404),
        ("/api/auth/instagram?profileId=p1", "platform.unavailable", 503),
        // The query does not override the path.
        ("/api/auth/myspace?profileId=p1&platform=twitter", "platform.unknown", 404),
    ] {
        let (given, body, _) = process.ask(Method::GET, path, &headers, Value::Null).await;
        assert_eq!((given.as_u16(), body["code"].as_str()), (status, Some(code)), "{path}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn sign_ins_that_are_not_valid_are_refused() {
    let (world, process) = new_world().await;
    let now = world.clock.now().timestamp();
    let good = json!({
        "iss": "https://securetoken.google.com/demo-test", "aud": "demo-test", "sub": USER,
        "iat": now, "auth_time": now, "exp": now + 3600,
    });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        world.signer.sign(&claims).unwrap()
    };
    let valid = world.signer.sign(&good).unwrap();
    let mut forged = valid.clone();
    forged.replace_range(forged.len() - 8..forged.len() - 4, "AAAA");
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.".to_owned();
    let tokens = [
        ("expired", with("exp", json!(now - 120))),
        ("audience", with("aud", json!("other"))),
        ("issuer", with("iss", json!("https://securetoken.google.com/other"))),
        ("nobody", with("sub", json!(""))),
        ("future", with("iat", json!(now + 900))),
        ("forged", forged),
        ("unsigned", unsigned),
        ("nonsense", "x.y.z".to_owned()),
        ("empty", String::new()),
    ];
    let path = format!("/api/connections?profileId={PROFILE}");
    for (name, token) in tokens {
        let bearer = format!("Bearer {token}");
        let (status, body, headers) =
            process.ask(Method::GET, &path, &[("authorization", &bearer)], Value::Null).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}: {body}");
        assert_eq!(headers["content-type"], "application/problem+json");
    }
    let bearer = format!("Bearer {valid}");
    let (status, ..) = process.ask(Method::GET, &path, &[("authorization", &bearer)], Value::Null).await;
    assert_eq!(status, StatusCode::OK);
}
