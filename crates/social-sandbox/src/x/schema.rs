//! The body of `POST /2/tweets`, refused wherever the OpenAPI file (2.167) refuses it:
//! `additionalProperties: false` at every level, patterns, enums and bounds.
use serde_json::{Map, Value};

use super::problem::Problem;
use super::snowflake;

/// A body that fits the schema, reduced to what the sandbox acts on.
#[derive(Clone, Debug, Default)]
pub(super) struct CreatePost {
    pub(super) text: String,
    pub(super) media: Vec<String>,
    pub(super) reply_to: Option<u64>,
    pub(super) quotes: Option<u64>,
    pub(super) poll: Vec<String>,
    pub(super) made_with_ai: bool,
    pub(super) reply_settings: Option<String>,
}

const TOP: &[&str] = &[
    "text",
    "media",
    "reply",
    "quote_tweet_id",
    "poll",
    "reply_settings",
    "made_with_ai",
    "paid_partnership",
    "community_id",
    "share_with_followers",
    "edit_options",
    "geo",
    "for_super_followers_only",
    "nullcast",
    "card_uri",
    "direct_message_deep_link",
];
const MEDIA: &[&str] = &[
    "media_ids",
    "tagged_user_ids",
    "title",
    "description",
    "embeddable",
    "preview_media_id",
    "call_to_actions",
];
const REPLY: &[&str] = &["in_reply_to_tweet_id", "exclude_reply_user_ids", "auto_populate_reply_metadata"];
const EXCLUSIVE: &[&str] = &["poll", "quote_tweet_id", "direct_message_deep_link", "media", "card_uri"];
const REPLY_SETTINGS: &[&str] = &["following", "mentionedUsers", "subscribers", "verified"];

type Read<T> = Result<T, Problem>;

pub(super) fn read(body: &Value) -> Read<CreatePost> {
    let top = Object::new(body, "$", TOP)?;
    for flag in
        ["made_with_ai", "paid_partnership", "share_with_followers", "for_super_followers_only", "nullcast"]
    {
        top.boolean(flag)?;
    }
    for id in ["community_id", "quote_tweet_id"] {
        top.id(id)?;
    }
    top.string("card_uri")?;
    top.string("direct_message_deep_link")?;
    if let Some(geo) = top.object("geo", &["place_id"])? {
        geo.string("place_id")?;
    }
    if let Some(edit) = top.object("edit_options", &["previous_post_id"])? {
        edit.need("previous_post_id")?;
        edit.id("previous_post_id")?;
        return Err(Problem::not_permitted());
    }
    let mut post = CreatePost {
        quotes: top.id("quote_tweet_id")?,
        made_with_ai: top.boolean("made_with_ai")?,
        media: media(&top)?,
        poll: poll(&top)?,
        reply_to: reply(&top)?,
        ..CreatePost::default()
    };
    if let Some(given) = top.string("reply_settings")? {
        if !REPLY_SETTINGS.contains(&given) {
            let message = format!(
                "$.reply_settings: does not have a value in the enumeration [{}]",
                REPLY_SETTINGS.join(", ")
            );
            return Err(Problem::invalid("reply_settings", given, message));
        }
        post.reply_settings = Some(given.to_owned());
    }
    if EXCLUSIVE.iter().filter(|field| top.map.contains_key(**field)).count() > 1 {
        let message = format!("You can only provide one of {}.", EXCLUSIVE.join(", "));
        return Err(Problem::invalid("", "", message));
    }
    match top.string("text")? {
        Some(text) => text.clone_into(&mut post.text),
        None if post.media.is_empty() => top.need("text")?,
        None => {}
    }
    Ok(post)
}

fn media(top: &Object<'_>) -> Read<Vec<String>> {
    let Some(media) = top.object("media", MEDIA)? else { return Ok(Vec::new()) };
    media.need("media_ids")?;
    media.boolean("embeddable")?;
    media.string("title")?;
    media.string("description")?;
    media.id("preview_media_id")?;
    media.ids("tagged_user_ids", 0, 10)?;
    media.object("call_to_actions", &["visit_site", "watch_now", "app_install"])?;
    media.ids("media_ids", 1, 4)
}

fn reply(top: &Object<'_>) -> Read<Option<u64>> {
    let Some(reply) = top.object("reply", REPLY)? else { return Ok(None) };
    reply.need("in_reply_to_tweet_id")?;
    reply.boolean("auto_populate_reply_metadata")?;
    reply.ids("exclude_reply_user_ids", 0, usize::MAX)?;
    reply.id("in_reply_to_tweet_id")
}

fn poll(top: &Object<'_>) -> Read<Vec<String>> {
    let Some(poll) = top.object("poll", &["options", "duration_minutes", "reply_settings"])? else {
        return Ok(Vec::new());
    };
    poll.need("options")?;
    poll.need("duration_minutes")?;
    let minutes = poll.map["duration_minutes"].as_i64();
    if !minutes.is_some_and(|minutes| (5..=10_080).contains(&minutes)) {
        return Err(poll.refuse("duration_minutes", "must be an integer from 5 to 10080"));
    }
    let options = poll.strings("options", 2, 4)?;
    if options.iter().any(|option| !(1..=25).contains(&option.chars().count())) {
        return Err(poll.refuse("options", "each must be 1 to 25 characters long"));
    }
    Ok(options)
}

/// One level of the body with its path, e.g. `$.media`.
struct Object<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Object<'a> {
    fn new(value: &'a Value, path: &str, allowed: &[&str]) -> Read<Self> {
        let Some(map) = value.as_object() else {
            return Err(Problem::invalid("", "", format!("{path}: an object is expected")));
        };
        match map.keys().find(|name| !allowed.contains(&name.as_str())) {
            None => Ok(Self { map, path: path.to_owned() }),
            Some(unknown) => {
                let message = format!(
                    "{path}.{unknown}: is not defined in the schema and the schema does not allow additional \
                     properties"
                );
                Err(Problem::invalid(unknown, "", message))
            }
        }
    }

    fn refuse(&self, name: &str, what: &str) -> Problem {
        let parameter = format!("{}.{name}", self.path).trim_start_matches("$.").to_owned();
        let value = self.map.get(name).map_or_else(String::new, Value::to_string);
        Problem::invalid(&parameter, &value, format!("{}.{name}: {what}", self.path))
    }

    fn need(&self, name: &str) -> Read<()> {
        match self.map.get(name) {
            Some(_) => Ok(()),
            None => Err(self.refuse(name, "is missing but it is required")),
        }
    }

    fn object(&self, name: &str, allowed: &[&str]) -> Read<Option<Object<'a>>> {
        let path = format!("{}.{name}", self.path);
        self.map.get(name).map(|value| Object::new(value, &path, allowed)).transpose()
    }

    fn string(&self, name: &str) -> Read<Option<&'a str>> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.refuse(name, "string expected"))
    }

    fn boolean(&self, name: &str) -> Read<bool> {
        let Some(value) = self.map.get(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.refuse(name, "boolean expected"))
    }

    fn id(&self, name: &str) -> Read<Option<u64>> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        let id = snowflake::parse(text);
        id.map(Some).ok_or_else(|| self.refuse(name, "does not match the regex pattern ^[0-9]{1,19}$"))
    }

    fn strings(&self, name: &str, least: usize, most: usize) -> Read<Vec<String>> {
        let Some(value) = self.map.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| self.refuse(name, "array expected"))?;
        if items.len() < least || items.len() > most {
            return Err(self.refuse(name, &format!("there must be {least} to {most} items in the array")));
        }
        let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>().ok_or_else(|| self.refuse(name, "string expected"))
    }

    fn ids(&self, name: &str, least: usize, most: usize) -> Read<Vec<String>> {
        let ids = self.strings(name, least, most)?;
        if ids.iter().all(|id| snowflake::is_id(id)) {
            Ok(ids)
        } else {
            Err(self.refuse(name, "does not match the regex pattern ^[0-9]{1,19}$"))
        }
    }
}
