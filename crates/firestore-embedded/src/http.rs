//! The calls over HTTP. Names hold slashes and methods follow a colon, so the path is taken apart by hand.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value as Json, json};

use crate::{
    collection::Shown,
    error::{Error, Result, Status},
    name::{FieldPath, Name, check_id},
    query::Query,
    store::{Store, check_distinct},
    value::{fields_from_json, format_micros},
    write::{Precondition, Write, mask_from_json},
};

/// As production; the emulator stops at 4 MiB.
const MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;

pub(crate) fn router(store: Store) -> Router {
    Router::new().fallback(handle).with_state(store)
}

async fn handle(State(store): State<Store>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST_BYTES).await else {
        return refuse(&Error::invalid("Request payload size exceeds the limit: 10485760 bytes."), false);
    };
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    if let Some(rest) = path.strip_prefix("/emulator/v1/") {
        if head.method == Method::DELETE && rest.ends_with("/documents") {
            store.clear(rest);
            return answer(&json!({}));
        }
        return refuse(&Error::unimplemented(path), false);
    }
    let Some(path) = path.strip_prefix("/v1/").map(decode) else {
        return (StatusCode::NOT_FOUND, "Not Found").into_response();
    };
    let method = path.rsplit_once(':').filter(|(_, method)| !method.contains('/'));
    let is_stream = matches!(method, Some((_, "runQuery" | "batchGet" | "runAggregationQuery")));
    let answered = match (&head.method, method) {
        (&Method::POST, Some((resource, method))) => call(&store, resource, method, &head.headers, &body),
        (&Method::GET | &Method::PATCH | &Method::DELETE | &Method::POST, _) => {
            document(&store, &head.method, &path, &parameters(&query), &body)
        }
        _ => Err(Error::unimplemented(&head.method)),
    };
    answered.unwrap_or_else(|error| refuse(&error, is_stream))
}

fn call(store: &Store, resource: &str, method: &str, headers: &HeaderMap, body: &Bytes) -> Result<Response> {
    let parent = parent(resource)?;
    let mut request = read(body)?;
    store.count_request(method);
    for unsupported in ["transaction", "newTransaction", "readTime", "explainOptions"] {
        if request.contains_key(unsupported) {
            return Err(Error::unimplemented(unsupported));
        }
    }
    match method {
        "commit" => {
            let writes = writes(&mut request)?;
            let (results, at) = store.commit(&writes)?;
            let mut answer_body = Map::new();
            if !results.is_empty() {
                answer_body.insert("writeResults".to_owned(), results.into());
                answer_body.insert("commitTime".to_owned(), format_micros(at).into());
            }
            Ok(answer(&answer_body))
        }
        "batchWrite" => {
            let owner = headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer owner");
            if !owner {
                let message = "Batch writes require admin authentication.";
                return Err(Error::new(Status::PermissionDenied, message));
            }
            let writes = writes(&mut request)?;
            check_distinct(&writes)?;
            let (mut results, mut statuses) = (Vec::new(), Vec::new());
            for outcome in store.batch_write(&writes) {
                let (result, status) = match outcome {
                    Ok(result) => (result, json!({})),
                    Err(error) => (json!({}), error.to_rpc_json()),
                };
                results.push(result);
                statuses.push(status);
            }
            if results.is_empty() {
                return Ok(answer(&json!({})));
            }
            Ok(answer(&json!({ "writeResults": results, "status": statuses })))
        }
        "batchGet" => batch_get(store, &request),
        "runQuery" => {
            let query = Query::from_json(&parent, request.get("structuredQuery").unwrap_or(&Json::Null))?;
            let found = store.query(&query);
            let read_time = format_micros(store.read_time());
            let mut elements: Vec<Element<'_>> = found
                .iter()
                .map(|(id, document)| Element {
                    document: Some(Shown {
                        collection: &query.collection,
                        id,
                        document,
                        mask: query.select.as_deref(),
                    }),
                    read_time: &read_time,
                    done: false,
                })
                .collect();
            match elements.last_mut() {
                Some(last) => last.done = true,
                None => elements.push(Element { document: None, read_time: &read_time, done: true }),
            }
            Ok(answer(&elements))
        }
        "runAggregationQuery" => aggregate(store, &parent, &request),
        other => Err(Error::unimplemented(other)),
    }
}

fn batch_get(store: &Store, request: &Map<String, Json>) -> Result<Response> {
    let mask = request.get("mask").map(mask_from_json).transpose()?;
    let mut names = Vec::new();
    for name in request.get("documents").and_then(Json::as_array).into_iter().flatten() {
        let name = Name::parse(name.as_str().unwrap_or_default())?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let read_time = format_micros(store.read_time());
    let elements: Vec<Json> = names
        .iter()
        .map(|name| match store.get(name) {
            Some(document) => {
                let shown = Shown {
                    collection: &name.collection,
                    id: &name.id,
                    document: &document,
                    mask: mask.as_deref(),
                };
                json!({ "found": shown, "readTime": read_time })
            }
            None => json!({ "missing": name.to_string(), "readTime": read_time }),
        })
        .collect();
    Ok(answer(&elements))
}

fn aggregate(store: &Store, parent: &str, request: &Map<String, Json>) -> Result<Response> {
    let aggregation = request.get("structuredAggregationQuery").unwrap_or(&Json::Null);
    let query = Query::from_json(parent, aggregation.get("structuredQuery").unwrap_or(&Json::Null))?;
    let matching = store.count(&query);
    let mut fields = Map::new();
    for (index, aggregation) in aggregation["aggregations"].as_array().into_iter().flatten().enumerate() {
        let Some(count) = aggregation.get("count") else {
            return Err(Error::unimplemented("an aggregation other than count"));
        };
        let most = match count.get("upTo") {
            None => usize::MAX,
            Some(Json::String(text)) => text.parse().map_err(|_| Error::invalid("`upTo` is not a number"))?,
            Some(number) => number
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .ok_or_else(|| Error::invalid("`upTo` is not a number"))?,
        };
        let alias =
            aggregation["alias"].as_str().map_or_else(|| format!("field_{}", index + 1), str::to_owned);
        fields.insert(alias, json!({ "integerValue": matching.min(most).to_string() }));
    }
    if fields.is_empty() {
        return Err(Error::invalid("no aggregations"));
    }
    let read_time = format_micros(store.read_time());
    Ok(answer(&json!([{ "result": { "aggregateFields": fields }, "readTime": read_time, "done": true }])))
}

/// GET, POST, PATCH and DELETE on a document.
fn document(
    store: &Store,
    method: &Method,
    path: &str,
    parameters: &[(String, String)],
    body: &Bytes,
) -> Result<Response> {
    let one = |key: &str| parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let mask = |key: &str| {
        let paths = parameters.iter().filter(|(name, _)| name == key).map(|(_, path)| FieldPath::parse(path));
        paths.collect::<Result<Vec<_>>>().map(|paths| (!paths.is_empty()).then_some(paths))
    };
    let precondition = match (one("currentDocument.exists"), one("currentDocument.updateTime")) {
        (None, None) => Precondition::None,
        (Some(exists), None) => Precondition::Exists(exists == "true"),
        (None, Some(at)) => Precondition::at(at)?,
        (Some(_), Some(_)) => return Err(Error::invalid("a precondition of two kinds")),
    };
    let (name, write) = match *method {
        Method::GET => {
            if path.split('/').count().is_multiple_of(2) {
                return Err(Error::unimplemented("listing documents"));
            }
            store.count_request("get");
            let name = Name::parse(path)?;
            let found = store.get(&name);
            let document =
                found.ok_or_else(|| Error::new(Status::NotFound, format!("Document ({name}) not found.")))?;
            let mask = mask("mask.fieldPaths")?;
            return Ok(answer(&Shown {
                collection: &name.collection,
                id: &name.id,
                document: &document,
                mask: mask.as_deref(),
            }));
        }
        Method::DELETE => {
            store.count_request("delete");
            store.commit(&[Write::delete(Name::parse(path)?, precondition)])?;
            return Ok(answer(&json!({})));
        }
        Method::POST => {
            store.count_request("create");
            let id = match one("documentId") {
                Some(id) => id.to_owned(),
                None => format!("auto{:016x}", store.read_time()),
            };
            check_id(&id)?;
            let name = Name::parse(&format!("{path}/{id}"))?;
            let fields = document_fields(body)?;
            let write = Write::update(name.clone(), None, fields, Precondition::Exists(false));
            (name, write)
        }
        _ => {
            store.count_request("patch");
            let name = Name::parse(path)?;
            let fields = document_fields(body)?;
            let write = Write::update(name.clone(), mask("updateMask.fieldPaths")?, fields, precondition);
            (name, write)
        }
    };
    store.commit(&[write])?;
    let document = store.get(&name).ok_or_else(|| Error::new(Status::NotFound, "deleted meanwhile"))?;
    Ok(answer(&Shown { collection: &name.collection, id: &name.id, document: &document, mask: None }))
}

fn document_fields(body: &Bytes) -> Result<crate::value::Fields> {
    let mut document = read(body)?;
    fields_from_json(document.remove("fields"))
}

fn writes(request: &mut Map<String, Json>) -> Result<Vec<Write>> {
    match request.remove("writes") {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(writes)) => writes.into_iter().map(Write::from_json).collect(),
        Some(_) => Err(Error::invalid("`writes` is not an array")),
    }
}

/// `projects/P/databases/D/documents`, or a document below it.
fn parent(resource: &str) -> Result<String> {
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        ["projects", _, "databases", _, "documents", rest @ ..] if rest.len() % 2 == 0 => {
            Ok(resource.to_owned())
        }
        _ => Err(Error::invalid(format!("`{resource}` is neither a database's documents nor a document"))),
    }
}

fn read(body: &Bytes) -> Result<Map<String, Json>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
        .map_err(|error| Error::invalid(format!("the body is not a JSON object: {error}")))
}

/// An element of a query's answer.
struct Element<'a> {
    document: Option<Shown<'a>>,
    read_time: &'a str,
    done: bool,
}

impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(document) = &self.document {
            map.serialize_entry("document", document)?;
        }
        map.serialize_entry("readTime", self.read_time)?;
        if self.done {
            map.serialize_entry("done", &true)?;
        }
        map.end()
    }
}

fn answer(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            ([(header::CONTENT_TYPE, "application/json; charset=UTF-8")], Body::from(body)).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A stream's error is wrapped in its array, as production does (the emulator sends it bare).
fn refuse(error: &Error, is_stream: bool) -> Response {
    let body = if is_stream { json!([error.to_json()]) } else { error.to_json() };
    let status = StatusCode::from_u16(error.http_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, answer(&body)).into_response()
}

fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// Percent-decoding; what is not UTF-8 afterwards is replaced.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits =
            after.get(..2).filter(|_| byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                decoded.push(escaped);
                rest = &after[2..];
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
