//! Sealing of tokens at rest: XChaCha20-Poly1305 with a random nonce.
//!
//! Text form: `v1.{key id}.{base64url(nonce (24 bytes) ‖ ciphertext ‖ tag (16 bytes))}`. The associated data
//! is the purpose and the place (`token/{profile}/{platform}/{field}`), so that a sealed token copied into another
//! profile, platform or field does not open. The first key seals, every key opens: a new key is put in
//! front, the old one stays until nothing is sealed with it.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use transport::Random;

use crate::secret::Secret;

const VERSION: &str = "v1";
const NONCE_BYTES: usize = 24;

/// A sealed string: the only form of a token that a document accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedToken(String);

impl SealedToken {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the text of a document or a cookie; whether it opens is seen on opening.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id of the key it was sealed with.
    pub fn key_id(&self) -> Option<&str> {
        self.0.split('.').nth(1)
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    #[error("TOKEN_KEYS must be `id:base64 of 32 bytes`, separated by commas, newest first ({0})")]
    BadKeys(&'static str),
    #[error("the sealed text is not of the form v1.key.data")]
    Malformed,
    #[error("sealed with key {0:?}, which TOKEN_KEYS does not have; put that key back")]
    UnknownKey(String),
    /// Wrong key under the right id, changed text, or another place than it was sealed for.
    #[error("the sealed text does not open with its key")]
    DoesNotOpen,
}

/// The keys of `TOKEN_KEYS=k2:..,k1:..`.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<(String, XChaCha20Poly1305)>,
    random: Random,
}

impl Sealer {
    /// Reads `id:base64key,id:base64key`, newest first. Ids are letters, digits, `-` and `_`.
    pub fn parse(keys: &str, random: Random) -> Result<Self, SealError> {
        let mut parsed = Vec::new();
        for entry in keys.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (id, key) = entry.split_once(':').ok_or(SealError::BadKeys("an entry without a colon"))?;
            let simple = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || !id.chars().all(simple) {
                return Err(SealError::BadKeys(
                    "a key id with other characters than letters, digits, - and _",
                ));
            }
            if parsed.iter().any(|(known, _)| known == id) {
                return Err(SealError::BadKeys("the same key id twice"));
            }
            let bytes = BASE64_STANDARD
                .decode(key)
                .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(key))
                .map_err(|_| SealError::BadKeys("a key that is not base64"))?;
            let cipher = XChaCha20Poly1305::new_from_slice(&bytes)
                .map_err(|_| SealError::BadKeys("a key that is not 32 bytes long"))?;
            parsed.push((id.to_owned(), cipher));
        }
        if parsed.is_empty() {
            return Err(SealError::BadKeys("no key at all"));
        }
        Ok(Self { keys: parsed, random })
    }

    /// Seals with the first key. `place` must be given again to open.
    pub fn seal(&self, secret: &Secret, place: &str) -> SealedToken {
        let (id, cipher) = &self.keys[0];
        let nonce: [u8; NONCE_BYTES] = self.random.bytes();
        let payload = Payload { msg: secret.expose().as_bytes(), aad: place.as_bytes() };
        #[expect(clippy::expect_used, reason = "encryption fails only beyond 256 GiB")]
        let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload).expect("a token is short");
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        SealedToken(format!("{VERSION}.{id}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub fn open(&self, sealed: &SealedToken, place: &str) -> Result<Secret, SealError> {
        let mut parts = sealed.0.splitn(3, '.');
        let (Some(VERSION), Some(id), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Malformed);
        };
        let (_, cipher) = self
            .keys
            .iter()
            .find(|(known, _)| known == id)
            .ok_or_else(|| SealError::UnknownKey(id.to_owned()))?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(data).map_err(|_| SealError::Malformed)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::Malformed)?;
        let payload = Payload { msg: ciphertext, aad: place.as_bytes() };
        let clear = cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealError::DoesNotOpen)?;
        String::from_utf8(clear).map(Secret::new).map_err(|_| SealError::DoesNotOpen)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K1: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const K2: &str = "k2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const WRONG_K1: &str = "k1:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    fn sealer(keys: &str) -> Sealer {
        Sealer::parse(keys, Random::seeded(1)).unwrap()
    }

    #[test]
    fn opens_what_it_sealed_only_in_its_place() {
        let sealer = sealer(K1);
        let sealed = sealer.seal(&Secret::new("at-123"), "token/p1/twitter/access");
        assert!(!sealed.as_str().contains("at-123"));
        assert_eq!(sealer.open(&sealed, "token/p1/twitter/access").unwrap().expose(), "at-123");
        assert_eq!(sealer.open(&sealed, "token/p2/twitter/access"), Err(SealError::DoesNotOpen));
        assert_ne!(sealed, sealer.seal(&Secret::new("at-123"), "token/p1/twitter/access"));
    }

    #[test]
    fn keys_rotate() {
        let old = sealer(K1).seal(&Secret::new("x"), "p");
        let both = sealer(&format!("{K2},{K1}"));
        assert_eq!(both.open(&old, "p").unwrap().expose(), "x");
        assert_eq!(both.seal(&Secret::new("x"), "p").key_id(), Some("k2"));
        assert_eq!(sealer(K2).open(&old, "p"), Err(SealError::UnknownKey("k1".to_owned())));
        assert_eq!(sealer(WRONG_K1).open(&old, "p"), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn short_or_foreign_text_is_malformed() {
        for text in ["", "v1", "v1.k1", "v1.k1.AAAA", "v2.k1.AAAA", "v1.k1.***"] {
            let opened = sealer(K1).open(&SealedToken::from_text(text), "p");
            assert_eq!(opened, Err(SealError::Malformed), "{text}");
        }
    }

    #[test]
    fn bad_keys_are_named() {
        for keys in ["", "k1", "k1:abc", ":AAAA", "k1:AAAA", &format!("{K1},{K1}")] {
            assert!(matches!(Sealer::parse(keys, Random::seeded(1)), Err(SealError::BadKeys(_))), "{keys}");
        }
    }
}
