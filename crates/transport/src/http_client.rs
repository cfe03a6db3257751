//! The real [`Transport`]: one reqwest client, one TLS stack (rustls with ring).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Once, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{Limits, Request, Response, Transport, TransportError};

#[derive(Clone, Debug, Default)]
pub struct HttpTransportOptions {
    /// Connect only to public addresses: no loopback, private, link-local, shared or metadata address, also
    /// after name resolution. For fetching what a stranger named.
    pub public_only: bool,
    /// With `public_only`: hosts (`name` or `name:port`) that are let through all the same.
    pub allowed_hosts: Vec<String>,
}

/// Sends over the network. Redirects are answers, never followed. The client is made with the first request: it reads
/// the system's certificates, which a cold start that needs none should not wait for.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Arc<OnceLock<reqwest::Client>>,
    options: HttpTransportOptions,
}

impl HttpTransport {
    pub fn new(options: HttpTransportOptions) -> Self {
        Self { client: Arc::default(), options }
    }

    fn client(&self) -> &reqwest::Client {
        self.client.get_or_init(|| build(&self.options))
    }
}

fn build(options: &HttpTransportOptions) -> reqwest::Client {
    install_tls();
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    let builder = reqwest::Client::builder();
    let mut builder = builder
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        // A frozen function thaws with dead sockets; drop idle ones before the other side does.
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .no_proxy()
        .user_agent("organically-social/1");
    if options.public_only {
        let allowed = options.allowed_hosts.clone();
        builder = builder.dns_resolver(Arc::new(PublicResolver { allowed }));
    }
    #[expect(clippy::expect_used, reason = "only a broken TLS set-up fails here")]
    builder.build().expect("the HTTP client builds with the ring provider")
}

/// Makes ring rustls' provider. Building a client without one panics (reqwest 0.13, `rustls-no-provider`).
fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if self.options.public_only {
            self.check_literal_address(&request)?;
        }
        let limits = request.extensions().get::<Limits>().copied().unwrap_or_default();
        let request = reqwest::Request::try_from(request)
            .map_err(|_| TransportError::NotSent("the request's address is not valid".to_owned()))?;
        let exchange = async {
            let response = self.client().execute(request).await.map_err(classify)?;
            let mut head = http::Response::builder().status(response.status());
            if let Some(headers) = head.headers_mut() {
                headers.clone_from(response.headers());
            }
            let body = read(response, limits.max_response_bytes).await?;
            head.body(body).map_err(|_| TransportError::Lost("unreadable answer".to_owned()))
        };

        tokio::time::timeout(limits.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(TransportError::Lost("timed out".to_owned())))
    }
}

impl HttpTransport {
    /// A literal address is connected to without asking the resolver, so it is checked here.
    fn check_literal_address(&self, request: &Request) -> Result<(), TransportError> {
        let Some(host) = request.uri().host() else {
            return Err(TransportError::Forbidden("the address has no host".to_owned()));
        };
        let with_port = request.uri().port_u16().map(|port| format!("{host}:{port}"));
        if is_allowed(&self.options.allowed_hosts, host, with_port.as_deref()) {
            return Ok(());
        }
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !is_public(address) => {
                Err(TransportError::Forbidden(format!("{host} is not a public address")))
            }
            _ => Ok(()),
        }
    }
}

fn is_allowed(allowed: &[String], host: &str, with_port: Option<&str>) -> bool {
    allowed.iter().any(|entry| entry == host || Some(entry.as_str()) == with_port)
}

async fn read(response: reqwest::Response, limit: usize) -> Result<Bytes, TransportError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(TransportError::TooLarge { limit });
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| TransportError::Lost(describe(error)))?;
        if body.len() + chunk.len() > limit {
            return Err(TransportError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn classify(error: reqwest::Error) -> TransportError {
    let connecting = error.is_connect();
    let text = describe(error);
    if text.contains(FORBIDDEN) {
        TransportError::Forbidden(text)
    } else if connecting {
        TransportError::NotSent(text)
    } else {
        TransportError::Lost(text)
    }
}

/// The innermost cause, without the URL.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

const FORBIDDEN: &str = "is not at a public address";

/// Resolves names and drops every address that is not public, so that a name cannot lead inside (also not
/// by answering differently the second time: what is checked is what is connected to).
#[derive(Debug)]
struct PublicResolver {
    allowed: Vec<String>,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let allowed =
            self.allowed.iter().any(|entry| entry == &host || entry.starts_with(&format!("{host}:")));
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let kept: Vec<SocketAddr> =
                found.into_iter().filter(|address| allowed || is_public(address.ip())).collect();
            if kept.is_empty() {
                return Err(format!("{host} {FORBIDDEN}").into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// Addresses of the public internet: everything but the special-purpose ranges of RFC 6890 and its updates.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4() {
        return is_public_v4(v4);
    }
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is handed out; 2001:db8::/32 is documentation, 64:ff9b::/96 and 2002::/16 embed IPv4.
    (a & 0xe000) == 0x2000 && !(a == 0x2001 && b == 0x0db8) && a != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "224.0.0.1",
            "198.18.0.1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "93.184.216.34", "2606:4700::1111"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused() {
        let transport = HttpTransport::new(HttpTransportOptions { public_only: true, allowed_hosts: vec![] });
        for url in
            ["http://127.0.0.1:9/x", "http://localhost:9/x", "http://[::1]:9/x", "http://169.254.169.254/"]
        {
            let request = http::Request::get(url).body(Bytes::new()).unwrap();
            let answer = transport.send(request).await;
            assert!(matches!(answer, Err(TransportError::Forbidden(_))), "{url}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn no_listener_means_not_sent() {
        let transport = HttpTransport::new(HttpTransportOptions::default());
        let request = http::Request::get("http://127.0.0.1:9/secret").body(Bytes::new()).unwrap();
        let error = transport.send(request).await.unwrap_err();
        assert!(matches!(&error, TransportError::NotSent(text) if !text.contains("secret")), "{error:?}");
    }
}
