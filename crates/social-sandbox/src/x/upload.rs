//! The media routes: one shot, initialize, append, finalize, status, alt text.
use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, Request, State as AxumState};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use serde_json::{Value, json};

use super::X;
use super::call::{Call, Incoming, Outcome};
use super::limits::METADATA_MICRO_USD;
use super::media::{EXPIRES_AFTER_SECS, MAX_SEGMENT_INDEX, MIB, check_kind};
use super::problem::Problem;
use super::snowflake;
use super::state::Media;
use crate::answer::Answer;

const SCOPES: &[&str] = &["media.write"];
const OVERHEAD_BYTES: usize = 64 * 1024;
const MAX_ALT_TEXT_CHARS: usize = 1000;
const MAX_TOTAL_BYTES: u64 = 17_179_869_184;
const MEDIA_TYPES: &str = "video/mp4 video/webm video/mp2t video/quicktime text/srt text/vtt image/jpeg image/gif \
    image/bmp image/png image/webp image/pjpeg image/tiff model/gltf-binary model/vnd.usdz+zip";

/// A file that came in one piece or as a segment, with the fields beside it.
struct Piece {
    fields: Vec<(String, String)>,
    media: Bytes,
}

impl Piece {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads `media` and the fields beside it from a multipart body or from JSON with base64.
async fn piece(incoming: &mut Incoming) -> Result<Piece, Problem> {
    let missing = || Problem::invalid("media", "", "$.media: is missing but it is required");
    if incoming.is("application/json") {
        let body = incoming.object()?;
        let decoded =
            body["media"].as_str().and_then(|media| STANDARD.decode(media).ok()).ok_or_else(missing)?;
        let fields = body.as_object().into_iter().flatten().filter(|(name, _)| *name != "media");
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields = fields.map(|(name, value)| (name.clone(), text(value))).collect();
        return Ok(Piece { fields, media: decoded.into() });
    }
    let (mut fields, mut media) = (Vec::new(), None);
    for (name, content) in incoming.parts().await? {
        if name == "media" {
            media = Some(content);
        } else {
            fields.push((name, String::from_utf8_lossy(&content).into_owned()));
        }
    }
    let media = media.ok_or_else(missing)?;
    Ok(Piece { fields, media })
}

fn check_fields(piece: &Piece, allowed: &[&str]) -> Result<(), Problem> {
    match piece.fields.iter().find(|(name, _)| !allowed.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, value)) => {
            let message = format!(
                "$.{name}: is not defined in the schema and the schema does not allow additional properties"
            );
            Err(Problem::invalid(name, value, message))
        }
    }
}

fn not_found(id: &str) -> Problem {
    Problem::invalid("media_id", id, "BadRequest: Not found")
}

pub(super) async fn one_shot(AxumState(x): AxumState<X>, request: Request) -> Answer {
    const OPERATION: &str = "x.media.upload";
    let work = async {
        let mut incoming = match Incoming::read(request).await {
            Ok(incoming) => incoming,
            Err(problem) => return x.render(&problem),
        };
        let cap = if incoming.is("application/json") { 7 * MIB } else { 5 * MIB + OVERHEAD_BYTES };
        if incoming.body.len() > cap {
            return x.render(&Problem::too_large());
        }
        let piece = piece(&mut incoming).await;
        x.authorized(OPERATION, &incoming.headers, SCOPES, |call| store(call, piece?))
    };
    x.run(OPERATION, work).await
}

fn store(call: &mut Call<'_>, piece: Piece) -> Outcome {
    check_fields(&piece, &["media_category", "media_type", "additional_owners", "shared"])?;
    let category = piece.field("media_category").unwrap_or_default();
    if !matches!(category, "tweet_image" | "dm_image") {
        let message = "$.media_category: does not have a value in the enumeration [tweet_image, dm_image]";
        return Err(Problem::invalid("media_category", category, message));
    }
    let media_type = sniff(&piece.media).or(piece.field("media_type")).unwrap_or("image/jpeg");
    check_kind(category, media_type, piece.media.len() as u64)?;
    if piece.media.is_empty() {
        return Err(Problem::invalid("media", "", "$.media: the file is empty"));
    }
    let mut media = blank(call, category, media_type, piece.media.len() as u64, Vec::new());
    media.content = Some(piece.media);
    media.finalized_at = Some(call.now);
    let body = json!({"data": media.data(call.now)});
    call.state.media.insert(media.id, media);
    Ok(Answer::json(200, &body))
}

fn sniff(content: &[u8]) -> Option<&'static str> {
    match content {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [0xFF, 0xD8, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("video/mp4"),
        _ => None,
    }
}

fn blank(call: &mut Call<'_>, category: &str, media_type: &str, bytes: u64, mut owners: Vec<u64>) -> Media {
    owners.push(call.user);
    Media {
        id: call.state.ids.next(call.now),
        owners,
        client_id: call.client_id.clone(),
        category: category.to_owned(),
        media_type: media_type.to_owned(),
        total_bytes: bytes,
        segments: BTreeMap::new(),
        content: None,
        finalized_at: None,
        processing: None,
        processing_secs: call.state.options.video_processing_secs,
        expires_at: call.now + Duration::seconds(EXPIRES_AFTER_SECS),
        alt_text: None,
    }
}

pub(super) async fn initialize(AxumState(x): AxumState<X>, request: Request) -> Answer {
    const OPERATION: &str = "x.media.initialize";
    let work = async {
        match Incoming::read(request).await {
            Ok(incoming) => {
                x.authorized(OPERATION, &incoming.headers, SCOPES, |call| begin(call, &incoming.object()?))
            }
            Err(problem) => x.render(&problem),
        }
    };
    x.run(OPERATION, work).await
}

fn begin(call: &mut Call<'_>, body: &Value) -> Outcome {
    let allowed = ["media_type", "total_bytes", "media_category", "additional_owners", "shared"];
    if let Some(unknown) =
        body.as_object().into_iter().flatten().find(|(name, _)| !allowed.contains(&name.as_str()))
    {
        let message = format!(
            "$.{}: is not defined in the schema and the schema does not allow additional properties",
            unknown.0
        );
        return Err(Problem::invalid(unknown.0, "", message));
    }
    let need = |name: &str, found: bool| match found {
        true => Ok(()),
        false => Err(Problem::invalid(name, "", format!("$.{name}: is missing but it is required"))),
    };
    let media_type = body["media_type"].as_str().unwrap_or_default();
    let category = body["media_category"].as_str().unwrap_or_default();
    need("media_type", !media_type.is_empty())?;
    need("media_category", !category.is_empty())?;
    let bytes = body["total_bytes"].as_u64().filter(|bytes| *bytes <= MAX_TOTAL_BYTES);
    let Some(bytes) = bytes else {
        let message = "$.total_bytes: must be an integer from 0 to 17179869184";
        return Err(Problem::invalid("total_bytes", &body["total_bytes"].to_string(), message));
    };
    if !MEDIA_TYPES.split_whitespace().any(|known| known == media_type) {
        let message = "$.media_type: does not have a value in the enumeration";
        return Err(Problem::invalid("media_type", media_type, message));
    }
    check_kind(category, media_type, bytes)?;
    let owners = body["additional_owners"].as_array().into_iter().flatten();
    let owners = owners.filter_map(|id| snowflake::parse(id.as_str()?)).collect();
    let media = blank(call, category, media_type, bytes, owners);
    let data = json!({
        "id": media.id.to_string(),
        "media_key": media.key(),
        "expires_after_secs": EXPIRES_AFTER_SECS,
    });
    call.state.media.insert(media.id, media);
    Ok(Answer::json(200, &json!({ "data": data })))
}

pub(super) async fn append(AxumState(x): AxumState<X>, Path(id): Path<String>, request: Request) -> Answer {
    const OPERATION: &str = "x.media.append";
    let work = async {
        let mut incoming = match Incoming::read(request).await {
            Ok(incoming) => incoming,
            Err(problem) => return x.render(&problem),
        };
        let (strict, json_too) =
            x.with(|state, _| (state.options.strict_append_1mib, state.options.append_accepts_json));
        if incoming.body.len() > if strict { MIB } else { 4 * MIB } + OVERHEAD_BYTES {
            return x.render(&Problem::too_large());
        }
        let piece = if incoming.is("application/json") && !json_too {
            let message = "Requests with media must have content-type of multipart/form-data.";
            Err(Problem::invalid("", "", message))
        } else {
            piece(&mut incoming).await
        };
        x.authorized(OPERATION, &incoming.headers, SCOPES, |call| add_segment(call, &id, piece?))
    };
    x.run(OPERATION, work).await
}

fn add_segment(call: &mut Call<'_>, id: &str, piece: Piece) -> Outcome {
    check_fields(&piece, &["segment_index"])?;
    let given = piece.field("segment_index").unwrap_or_default();
    let index = given.trim().parse::<u16>().ok().filter(|index| *index <= MAX_SEGMENT_INDEX);
    let Some(index) = index else {
        let message = "$.segment_index: must be an integer from 0 to 999";
        return Err(Problem::invalid("segment_index", given, message));
    };
    if piece.media.is_empty() {
        return Err(Problem::invalid("media", "", "$.media: the segment is empty"));
    }
    let without_body = call.state.options.append_answers_204;
    let media = call.own_media(id).filter(|media| media.finalized_at.is_none());
    let media = media.ok_or_else(|| not_found(id))?;
    media.segments.insert(index, piece.media);
    if without_body {
        return Ok(Answer::empty(204));
    }
    Ok(Answer::json(200, &json!({"data": {"expires_at": media.expires_at.timestamp()}})))
}

pub(super) async fn finalize(AxumState(x): AxumState<X>, Path(id): Path<String>, request: Request) -> Answer {
    const OPERATION: &str = "x.media.finalize";
    let work = async {
        match Incoming::read(request).await {
            Ok(incoming) => x.authorized(OPERATION, &incoming.headers, SCOPES, |call| {
                if call.state.options.finalize_requires_body {
                    incoming.object()?;
                }
                complete(call, &id)
            }),
            Err(problem) => x.render(&problem),
        }
    };
    x.run(OPERATION, work).await
}

/// Repeating it answers the present state: the documentation does not say, and the file is complete.
fn complete(call: &mut Call<'_>, id: &str) -> Outcome {
    let now = call.now;
    let next = call.state.next_processing.front().copied().unwrap_or_default();
    let media = call.own_media(id).ok_or_else(|| not_found(id))?;
    let first = media.finalized_at.is_none();
    let mut processed = false;
    if first {
        let Some(content) = media.assemble() else {
            let message = "Segments do not add up to provided total file size.";
            return Err(Problem::invalid("id", id, message));
        };
        media.content = Some(content);
        media.segments.clear();
        media.finalized_at = Some(now);
        media.expires_at = now + Duration::seconds(EXPIRES_AFTER_SECS);
        processed = media.is_async();
        media.processing = processed.then_some(next);
    }
    let body = json!({"data": media.data(now)});
    if processed {
        call.state.next_processing.pop_front();
    }
    Ok(Answer::json(200, &body))
}

pub(super) async fn status(AxumState(x): AxumState<X>, request: Request) -> Answer {
    const OPERATION: &str = "x.media.status";
    let work = async {
        match Incoming::read(request).await {
            Ok(incoming) => x.authorized(OPERATION, &incoming.headers, SCOPES, |call| {
                if let Some(command) = incoming.query("command").filter(|command| *command != "STATUS") {
                    let message = "The `command` query parameter value is not one of [STATUS]";
                    return Err(Problem::invalid("command", command, message));
                }
                let id = incoming.query("media_id").unwrap_or_default();
                if !snowflake::is_id(id) {
                    let message = "The `media_id` query parameter does not match ^[0-9]{1,19}$";
                    return Err(Problem::invalid("media_id", id, message));
                }
                let now = call.now;
                let media = call.own_media(id).filter(|media| media.finalized_at.is_some());
                let media = media.ok_or_else(|| not_found(id))?;
                Ok(Answer::json(200, &json!({"data": media.data(now)})))
            }),
            Err(problem) => x.render(&problem),
        }
    };
    x.run(OPERATION, work).await
}

pub(super) async fn metadata(AxumState(x): AxumState<X>, request: Request) -> Answer {
    const OPERATION: &str = "x.media.metadata";
    let work = async {
        match Incoming::read(request).await {
            Ok(incoming) => {
                x.authorized(OPERATION, &incoming.headers, SCOPES, |call| describe(call, &incoming.object()?))
            }
            Err(problem) => x.render(&problem),
        }
    };
    x.run(OPERATION, work).await
}

fn describe(call: &mut Call<'_>, body: &Value) -> Outcome {
    let id = body["id"].as_str().unwrap_or_default();
    let Some(text) = body["metadata"]["alt_text"]["text"].as_str() else {
        let message = "$.metadata.alt_text.text: is missing but it is required";
        return Err(Problem::invalid("metadata.alt_text.text", "", message));
    };
    if text.chars().count() > MAX_ALT_TEXT_CHARS {
        let message = "$.metadata.alt_text.text: must be at most 1000 characters long";
        return Err(Problem::invalid("metadata.alt_text.text", "", message));
    }
    let media =
        call.own_media(id).filter(|media| media.finalized_at.is_some() && !media.category.ends_with("video"));
    let media = media.ok_or_else(|| not_found(id))?;
    media.alt_text = Some(text.to_owned());
    call.state.charge(METADATA_MICRO_USD);
    let body = json!({"data": {"id": id, "associated_metadata": {"alt_text": {"text": text}}}});
    Ok(Answer::json(200, &body))
}
