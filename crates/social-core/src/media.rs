//! Fetching what an author named by URL. The transport behind it goes to public addresses only (and to what
//! the operator allowed); here the scheme is checked, redirects are followed by hand, and the content is
//! recognised by its first bytes instead of by what the host says.

use bytes::Bytes;
use transport::{Limits, Operation, SharedTransport, TransportError};

use crate::{
    platform::{Disposition, Failure},
    post::Media,
    problem::{Actor, Problem},
};

const REDIRECTS: usize = 3;

#[derive(Clone, Debug)]
pub struct MediaFetcher {
    http: SharedTransport,
    /// Hosts (`name` or `name:port`) for which plain http is accepted.
    plain_http_hosts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub bytes: Bytes,
    pub format: Format,
}

/// Recognised by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    Gif,
    Webp,
    Mp4,
}

impl Format {
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::Mp4),
            _ => None,
        }
    }

    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Mp4 => "video/mp4",
        }
    }
}

impl MediaFetcher {
    pub fn new(http: SharedTransport, plain_http_hosts: Vec<String>) -> Self {
        Self { http, plain_http_hosts }
    }

    /// Fetches item `index` of a post, at most `max_bytes` of it.
    ///
    /// Errors name the item: not reachable (repeated), a forbidden address, missing, too large, or of a kind that
    /// is not known (all final, the author acts).
    pub async fn fetch(&self, index: usize, media: &Media, max_bytes: usize) -> Result<Fetched, Failure> {
        let mut address = media.url.clone();
        for _ in 0..=REDIRECTS {
            let url = self.check_url(index, &address)?;
            let mut request = http::Request::get(url.as_str())
                .body(Bytes::new())
                .map_err(|_| wrong_address(index, "is not a valid address"))?;
            request.extensions_mut().insert(Operation("media.fetch"));
            let limits = Limits { max_response_bytes: max_bytes, ..Limits::default() };
            request.extensions_mut().insert(limits);
            let response =
                self.http.send(request).await.map_err(|error| no_answer(index, max_bytes, &error))?;
            let status = response.status();
            if status.is_redirection() {
                let location =
                    response.headers().get(http::header::LOCATION).and_then(|value| value.to_str().ok());
                let next = location.and_then(|location| url.join(location).ok());
                address = next.ok_or_else(|| wrong_address(index, "redirects to nowhere"))?.into();
                continue;
            }
            if !status.is_success() {
                return Err(refused(index, status.as_u16()));
            }
            let bytes = response.into_body();
            let Some(format) = Format::recognise(&bytes) else {
                return Err(author(
                    "media.unknown_type",
                    index,
                    "is not a JPEG, PNG, GIF, WebP or MP4 file, whatever its name says",
                    "Upload the file again in one of these formats",
                ));
            };
            return Ok(Fetched { bytes, format });
        }
        Err(wrong_address(index, "redirects too often"))
    }

    fn check_url(&self, index: usize, address: &str) -> Result<url::Url, Failure> {
        let url = url::Url::parse(address).map_err(|_| wrong_address(index, "is not a valid address"))?;
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map(|port| format!("{host}:{port}"));
        let plain = self
            .plain_http_hosts
            .iter()
            .any(|allowed| allowed == host || Some(allowed) == with_port.as_ref());
        match url.scheme() {
            "https" => Ok(url),
            "http" if plain => Ok(url),
            _ => Err(wrong_address(index, "must begin with https://")),
        }
    }
}

fn author(code: &str, index: usize, what: &str, action: &str) -> Failure {
    let message = format!("media {} {what}", index + 1);
    Failure::new(Disposition::Rejected, Problem::new(code, Actor::Author, message, action).with_media(index))
}

fn wrong_address(index: usize, why: &str) -> Failure {
    let what = format!("has an address that {why}");
    author("media.bad_address", index, &what, "Give the public https address of the file")
}

fn no_answer(index: usize, max_bytes: usize, error: &TransportError) -> Failure {
    match error {
        TransportError::TooLarge { .. } => author(
            "media.too_large",
            index,
            &format!("is larger than {:.1} MB", max_bytes as f64 / 1e6),
            "Make the file smaller and upload it again",
        ),
        TransportError::Forbidden(_) => author(
            "media.forbidden_address",
            index,
            "is not at a public address",
            "Give the public https address of the file",
        ),
        TransportError::NotSent(_) | TransportError::Lost(_) => {
            let mut failure = author(
                "media.unreachable",
                index,
                "could not be fetched: its host does not answer",
                "Check that the address opens in a private browser window",
            );
            failure.disposition = Disposition::NotSent;
            failure.problem.retryable = true;
            failure
        }
    }
}

fn refused(index: usize, status: u16) -> Failure {
    let what = format!("could not be fetched: its host answers {status}");
    let mut failure =
        author("media.refused", index, &what, "Check that the address opens in a private browser window");
    failure.problem.platform_status = Some(status);
    if status == 429 || status >= 500 {
        failure.disposition = Disposition::NotSent;
        failure.problem.retryable = true;
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised_by_their_first_bytes() {
        assert_eq!(Format::recognise(b"\x89PNG\r\n\x1a\nrest"), Some(Format::Png));
        assert_eq!(Format::recognise(b"\xff\xd8\xff\xe0"), Some(Format::Jpeg));
        assert_eq!(Format::recognise(b"\0\0\0\x20ftypisom"), Some(Format::Mp4));
        assert_eq!(Format::recognise(b"<html>"), None);
    }
}
