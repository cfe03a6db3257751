//! Signs in the demo user: issues Firebase-shaped ID tokens from a key of our own, and serves its public half
//! where the handlers look for Google's. What verifies them is the code that verifies Google's.

use std::sync::OnceLock;

use anyhow::Context;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey, traits::PublicKeyParts};
use serde_json::{Value, json};

const KEY_ID: &str = "local-1";

#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    keys: Value,
    project: String,
}

impl Signer {
    /// The key is made once a process and never leaves it.
    pub fn new(project: &str) -> anyhow::Result<Self> {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        let private = match KEY.get() {
            Some(key) => key,
            None => {
                let made = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).context("no RSA key")?;
                KEY.get_or_init(|| made)
            }
        };
        let der = private.to_pkcs1_der().context("the RSA key does not encode")?;
        let public = private.to_public_key();
        let part = |number: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(number);
        let keys = json!({"keys": [{
            "kid": KEY_ID, "kty": "RSA", "alg": "RS256", "use": "sig",
            "n": part(public.n().to_bytes_be()), "e": part(public.e().to_bytes_be()),
        }]});
        Ok(Self { key: EncodingKey::from_rsa_der(der.as_bytes()), keys, project: project.to_owned() })
    }

    /// The public half as JSON Web Keys.
    pub fn keys(&self) -> &Value {
        &self.keys
    }

    /// An ID token of an hour for `uid`.
    pub fn id_token(&self, uid: &str, now: DateTime<Utc>) -> anyhow::Result<String> {
        let issued = now.timestamp();
        let expires = (now + TimeDelta::hours(1)).timestamp();
        self.sign(&json!({
            "iss": format!("https://securetoken.google.com/{}", self.project), "aud": self.project, "sub": uid,
            "user_id": uid, "iat": issued, "auth_time": issued, "exp": expires,
        }))
    }

    /// Any claims, also wrong ones: for tests.
    pub fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::RS256) };
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}
