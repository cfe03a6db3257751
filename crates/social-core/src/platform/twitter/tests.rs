use chrono::{DateTime, Utc};

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_000_000, 0).unwrap()
}

fn response(status: u16, body: &str) -> Response {
    http::Response::builder().status(status).body(body.to_owned().into()).unwrap()
}

/// The vectors of the counting documentation and of twitter-text's conformance suite.
#[test]
fn weights_follow_the_documented_vectors() {
    for (text, weight) in [
        ("Hi http://test.co", 26),
        ("http://test.co", 23),
        ("😷👾😡🔥💩", 10),
        ("H🐱☺👨‍👩‍👧‍👦", 7),
        ("🙋🏽👨‍🎤", 4),
        ("A\u{301}B", 2),
    ] {
        assert_eq!(text::weighted_length(text), weight, "{text}");
    }
    assert_eq!(text::weighted_length(&"春".repeat(140)), 280);
}

#[test]
fn a_text_is_recognised_behind_x_s_rewriting() {
    let sent = "Fish & chips at https://acme.example/menu tonight";
    let back = "Fish &amp; chips at https://t.co/abc tonight https://t.co/media";
    assert_eq!(text::skeleton(sent), text::skeleton(back));
    assert_ne!(text::skeleton(sent), text::skeleton("Fish & chips at https://t.co/abc tomorrow"));
}

/// Every row of the table, by an answer of its kind.
#[test]
fn every_row_of_the_error_table_means_what_it_says() {
    for row in errors::TABLE {
        let body =
            serde_json::json!({"title": "T", "detail": format!("x {} x", row.words), "status": row.status});
        let failure = errors::sort(&response(row.status, &body.to_string()), Effect::Public, now());
        assert_eq!(failure.problem.actor, row.actor, "{row:?}");
        assert_eq!(failure.problem.code, row.code, "{row:?}");
        assert_ne!(failure.disposition, Disposition::Unknown, "{row:?}");
        assert_eq!(failure.problem.platform_status, Some(row.status));
    }
}

#[test]
fn unclear_answers_to_a_public_call_are_unknown() {
    for (status, body) in [
        (503, r#"{"title":"Service Unavailable"}"#),
        (502, "<html>Bad gateway</html>"),
        (500, ""),
        (201, r#"{"errors":[{"message":"odd"}]}"#),
        (200, ""),
    ] {
        let failure = wire::read_created(&response(status, body), now()).unwrap_err();
        assert_eq!(failure.disposition, Disposition::Unknown, "{status} {body}");
    }
    let unauthorized = wire::read_created(&response(401, r#"{"title":"Unauthorized"}"#), now()).unwrap_err();
    assert_eq!(unauthorized.disposition, Disposition::Unauthorized);
}

#[test]
fn a_rate_limit_waits_for_the_window_that_is_used_up() {
    let mut limited = response(429, r#"{"errors":[{"code":88,"message":"Rate limit exceeded"}]}"#);
    let reset = now() + TimeDelta::minutes(7);
    for (name, value) in [
        ("x-rate-limit-remaining", "12".to_owned()),
        ("x-rate-limit-reset", (now() + TimeDelta::minutes(1)).timestamp().to_string()),
        ("x-user-limit-24hour-remaining", "0".to_owned()),
        ("x-user-limit-24hour-reset", reset.timestamp().to_string()),
    ] {
        limited.headers_mut().insert(http::HeaderName::from_static(name), value.parse().unwrap());
    }
    let failure = errors::sort(&limited, Effect::Public, now());
    assert_eq!(failure.disposition, Disposition::WaitUntil(reset));
}

fn printed(request: &Request) -> String {
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            assert!(name != "authorization" || value.contains("at-secret") || value.starts_with("Basic "));
            let value = if name == "authorization" { value.split(' ').next().unwrap() } else { value };
            format!("{name}: {value}")
        })
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(request.body());
    format!("{} {}\n{}\n\n{}", request.method(), request.uri(), headers.join("\n"), body.replace('\r', ""))
}

#[test]
fn outgoing_requests() {
    let token = Secret::new("at-secret");
    let base = "https://api.x.com";
    let media = Some(wire::PostMedia { media_ids: vec!["19".to_owned()] });
    let image = crate::media::Fetched { bytes: "<jpeg>".into(), format: Format::Jpeg };
    let random = transport::Random::seeded(1);
    let requests = [
        wire::create_post(base, &token, &wire::CreatePost { text: "Hello", media: None }),
        wire::create_post(base, &token, &wire::CreatePost { text: "Hello", media }),
        wire::me(base, &token),
        wire::upload_image(base, &token, &image, &random),
        wire::alt_text(base, &token, "19", "A cup of coffee"),
        wire::timeline(base, &token, "1111111111111111111", now()),
        wire::revoke("https://api.x.com/2/oauth2/revoke", "client", &Secret::new("s"), &token),
    ];
    let text: Vec<String> = requests.iter().map(printed).collect();
    insta::assert_snapshot!(text.join("\n----------------\n"));
}
