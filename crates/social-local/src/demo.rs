//! `cargo run -- demo`: the whole way without a browser. Connects X through the real routes and the sandbox's
//! consent page, schedules three posts, lets cron publish them, and compares what the documents say with what
//! the audience sees.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use transport::{Clock, HttpTransport, HttpTransportOptions, Response, SystemClock, Transport};
use url::Url;

use crate::stack::{PROFILE, Stack, USER};

const ACCOUNT: &str = "acme";
const ALT_TEXT: &str = "A sample picture";

/// What one post of the demo is, and what must become of it.
struct Wish {
    name: &'static str,
    text: String,
    image: bool,
    published: bool,
    after_secs: i64,
}

/// Runs it and returns the table. An error says what is not as the documents say.
pub async fn run(stack: &Stack, say: impl Fn(&str)) -> anyhow::Result<String> {
    let client = Client::new(stack)?;
    say("connecting X through the consent page of the sandbox");
    client.connect().await?;
    // Beyond what the API starts by itself, so that it is cron who publishes.
    let now = SystemClock.now();
    let due = DateTime::from_timestamp(now.timestamp() + 77, 0).context("no time")?;
    let text = format!("Fresh beans are in. {}", now.timestamp());
    let wishes = [
        Wish { name: "text", text: text.clone(), image: false, published: true, after_secs: 0 },
        Wish {
            name: "text with image",
            text: format!("Our new roastery. {}", now.timestamp()),
            image: true,
            published: true,
            after_secs: 0,
        },
        // X refuses the same text again.
        Wish { name: "refused (duplicate)", text, image: false, published: false, after_secs: 2 },
    ];
    let mut ids = Vec::new();
    for wish in &wishes {
        ids.push(client.schedule(wish, due + TimeDelta::seconds(wish.after_secs)).await?);
    }
    say(&format!("three posts are scheduled for {}; cron publishes them", due.format("%H:%M:%S")));
    let deadline = due + TimeDelta::seconds(90);
    let mut posts = Vec::new();
    for id in &ids {
        posts.push(client.settled(id, deadline).await?);
    }
    let table = table(&wishes, &posts);
    compare(stack, &wishes, &posts)
        .with_context(|| format!("the timeline is not what the documents say\n{table}"))?;
    Ok(table)
}

/// Connects @acme to the demo profile, as a person would.
pub async fn connect(stack: &Stack) -> anyhow::Result<()> {
    Client::new(stack)?.connect().await
}

struct Client {
    http: HttpTransport,
    base_url: String,
    token: String,
}

impl Client {
    fn new(stack: &Stack) -> anyhow::Result<Self> {
        let token = stack.signer.id_token(USER, SystemClock.now())?;
        let http = HttpTransport::new(HttpTransportOptions::default());
        Ok(Self { http, base_url: stack.base_url.clone(), token })
    }

    async fn connect(&self) -> anyhow::Result<()> {
        let started = self
            .api(Method::GET, &format!("/api/auth/twitter?profileId={PROFILE}&returnTo=/settings"), None)
            .await?;
        ensure!(started.status() == StatusCode::OK, "starting to connect: {}", text(&started));
        let cookie = started.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).context("no flow cookie")?.to_owned();
        let url = json_of(&started)?["authorizationUrl"].as_str().context("no authorizationUrl")?.to_owned();
        let page = self.http.send(http::Request::get(&url).body(Bytes::new())?).await?;
        ensure!(page.status() == StatusCode::OK, "the consent page: {}", text(&page));
        let decision = http::Request::post(&url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(format!("decision=approve&account={ACCOUNT}")))?;
        let decided = self.http.send(decision).await?;
        let back = location(&decided)?;
        let callback = http::Request::get(&back).header(header::COOKIE, cookie).body(Bytes::new())?;
        let connected = self.http.send(callback).await?;
        let home = Url::parse(&location(&connected)?)?;
        match home.query_pairs().find(|(key, _)| key == "connected") {
            Some((_, platform)) if platform == "twitter" => Ok(()),
            _ => bail!("connecting ended at {home}"),
        }
    }

    async fn schedule(&self, wish: &Wish, at: DateTime<Utc>) -> anyhow::Result<String> {
        let media = if wish.image {
            json!([{"url": format!("{}/media/sample.jpg", self.base_url), "type": "image", "altText": ALT_TEXT}])
        } else {
            json!([])
        };
        let body = json!({
            "profileId": PROFILE, "content": wish.text, "platforms": ["x"], "media": media,
            "scheduledTime": at.to_rfc3339_opts(SecondsFormat::Millis, true),
        });
        let created = self.api(Method::POST, "/api/posts", Some(body)).await?;
        ensure!(created.status() == StatusCode::CREATED, "scheduling {}: {}", wish.name, text(&created));
        Ok(json_of(&created)?["id"].as_str().context("no id")?.to_owned())
    }

    async fn settled(&self, id: &str, deadline: DateTime<Utc>) -> anyhow::Result<Value> {
        loop {
            let post = json_of(&self.api(Method::GET, &format!("/api/posts/{id}"), None).await?)?;
            if matches!(post["status"].as_str(), Some("published" | "failed")) {
                return Ok(post);
            }
            ensure!(SystemClock.now() < deadline, "the post {id} is still {}", post["status"]);
            SystemClock.sleep(Duration::from_millis(500)).await;
        }
    }

    async fn api(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Response> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())))?;
        Ok(self.http.send(request).await?)
    }
}

/// Exactly what the documents say is published is on the timeline, and nothing else.
fn compare(stack: &Stack, wishes: &[Wish], posts: &[Value]) -> anyhow::Result<()> {
    let timeline = stack.sandbox.x().timeline(ACCOUNT);
    let mut proven = Vec::new();
    for (wish, post) in wishes.iter().zip(posts) {
        let delivery = &post["deliveries"]["twitter"];
        let published = delivery["state"] == "published";
        ensure!(published == wish.published, "{} is {}: {}", wish.name, delivery["state"], delivery["error"]);
        if !published {
            ensure!(delivery["error"]["actor"].is_string(), "{} does not say who must act", wish.name);
            continue;
        }
        let id = delivery["receipt"]["remoteId"].as_str().context("published without an id")?;
        let seen = timeline.iter().find(|seen| seen.id == id);
        let seen = seen.with_context(|| format!("{} is not on the timeline", wish.name))?;
        ensure!(seen.text == wish.text, "{} reads {:?}", wish.name, seen.text);
        let alt = seen.media.first().and_then(|media| media.alt_text.as_deref());
        ensure!(alt == wish.image.then_some(ALT_TEXT), "{} has the alternative text {alt:?}", wish.name);
        ensure!(
            delivery["latenessMs"].as_i64().is_some_and(|late| late >= 0),
            "{} went out early",
            wish.name
        );
        proven.push(id);
    }
    ensure!(
        timeline.len() == proven.len(),
        "{} posts on the timeline, {} published",
        timeline.len(),
        proven.len()
    );
    Ok(())
}

fn table(wishes: &[Wish], posts: &[Value]) -> String {
    let mut table = format!(
        "{:<20} {:<10} {:>8}  {}\n",
        "post", "state", "late ms", "permalink, or error and who must act"
    );
    for (wish, post) in wishes.iter().zip(posts) {
        let delivery = &post["deliveries"]["twitter"];
        let late = delivery["latenessMs"].as_i64().map_or_else(|| "-".to_owned(), |late| late.to_string());
        let state = delivery["state"].as_str().unwrap_or("-");
        let end = match delivery["receipt"]["permalink"].as_str() {
            Some(permalink) => permalink.to_owned(),
            None => {
                let error = &delivery["error"];
                let part = |name: &str| error[name].as_str().unwrap_or("-").to_owned();
                format!("{} [{}] {}: {}", part("code"), part("actor"), part("message"), part("action"))
            }
        };
        let _ = writeln!(table, "{:<20} {state:<10} {late:>8}  {end}", wish.name);
    }
    table
}

fn location(response: &Response) -> anyhow::Result<String> {
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    Ok(location
        .with_context(|| format!("no redirect but {}: {}", response.status(), text(response)))?
        .to_owned())
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(response.body()).chars().take(400).collect()
}

fn json_of(response: &Response) -> anyhow::Result<Value> {
    serde_json::from_slice(response.body()).with_context(|| format!("not JSON: {}", text(response)))
}
