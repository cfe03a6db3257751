//! Names of documents and of fields inside them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Where a document is, relative to the database's root: `posts/p1`, or `posts/p1/attempts/a1` in a
/// subcollection. Ordered by its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentPath(String);

/// A collection or document id that Firestore would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a document or collection")]
pub struct InvalidPath(String);

const MAX_ID_BYTES: usize = 1500;

impl DocumentPath {
    /// `collection` is `posts`, or `posts/p1/attempts` for a subcollection; `id` has no slash.
    ///
    /// # Errors
    ///
    /// An id that is empty, `.`, `..`, like `__x__`, longer than 1,500 bytes, or holds a slash.
    pub fn new(collection: impl AsRef<str>, id: impl AsRef<str>) -> Result<Self, InvalidPath> {
        let (collection, id) = (collection.as_ref(), id.as_ref());
        let segments: Vec<&str> = collection.split('/').collect();
        if segments.len().is_multiple_of(2) {
            return Err(InvalidPath(collection.to_owned()));
        }
        for segment in segments {
            check_id(segment)?;
        }
        check_id(id)?;
        Ok(Self(format!("{collection}/{id}")))
    }

    /// `posts`
    pub fn collection(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(collection, _)| collection)
    }

    /// `p1`
    pub fn id(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, id)| id)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From `projects/P/databases/D/documents/posts/p1`. The database is not looked at: the server
    /// answers only for the one that was asked.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let mut parts = name.splitn(6, '/');
        let (projects, _, databases, _, documents) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let rest = parts.next()?;
        let names_a_document = projects == "projects" && databases == "databases" && documents == "documents";
        (names_a_document && rest.contains('/')).then(|| Self(rest.to_owned()))
    }
}

fn check_id(id: &str) -> Result<(), InvalidPath> {
    let reserved = id.len() >= 4 && id.starts_with("__") && id.ends_with("__");
    if id.is_empty() || id == "." || id == ".." || id.contains('/') || id.len() > MAX_ID_BYTES || reserved {
        return Err(InvalidPath(id.chars().take(100).collect()));
    }
    Ok(())
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&DocumentPath> for DocumentPath {
    fn from(path: &DocumentPath) -> Self {
        path.clone()
    }
}

/// A field inside a document, as the API writes it: `lease.until`, ``socialConnections.`x.com` ``.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(String);

impl FieldPath {
    /// One segment per level of map. A segment that is not a plain identifier is quoted with backticks.
    pub fn new<I>(segments: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut path = String::new();
        for segment in segments {
            if !path.is_empty() {
                path.push('.');
            }
            push_segment(&mut path, segment.as_ref());
        }
        Self(path)
    }

    /// The document's name as a field, for orders, filters and a projection without fields.
    pub fn document_name() -> Self {
        Self("__name__".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn push_segment(path: &mut String, segment: &str) {
    let mut bytes = segment.bytes();
    let plain = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain {
        path.push_str(segment);
        return;
    }
    path.push('`');
    for char in segment.chars() {
        if matches!(char, '`' | '\\') {
            path.push('\\');
        }
        path.push(char);
    }
    path.push('`');
}

/// One field at the document's top level; a dot in the text is part of its name, not a separator.
impl From<&str> for FieldPath {
    fn from(field: &str) -> Self {
        Self::new([field])
    }
}

impl From<&FieldPath> for FieldPath {
    fn from(path: &FieldPath) -> Self {
        path.clone()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_are_not_identifiers_are_quoted() {
        let check = |segments: &[&str], expected: &str| {
            assert_eq!(FieldPath::new(segments).as_str(), expected);
        };
        check(&["status"], "status");
        check(&["socialConnections", "twitter"], "socialConnections.twitter");
        check(&["socialConnections", "x.com", "sealed"], "socialConnections.`x.com`.sealed");
        check(&["_a1"], "_a1");
        check(&["1a"], "`1a`");
        check(&["with space"], "`with space`");
        check(&["é"], "`é`");
        check(&[r"a`b\c"], r"`a\`b\\c`");
        check(&[""], "``");
        assert_eq!(FieldPath::from("a.b").as_str(), "`a.b`");
    }

    #[test]
    fn a_path_knows_its_collection_and_id() {
        let path = DocumentPath::new("posts", "p1").unwrap();
        assert_eq!((path.collection(), path.id(), path.to_string()), ("posts", "p1", "posts/p1".to_owned()));
        let nested = DocumentPath::new("posts/p1/attempts", "a1").unwrap();
        assert_eq!((nested.collection(), nested.id()), ("posts/p1/attempts", "a1"));
        assert_eq!(
            DocumentPath::from_name("projects/p/databases/(default)/documents/posts/p1").unwrap(),
            path
        );
        assert_eq!(DocumentPath::from_name("projects/p/databases/(default)/documents/posts"), None);
    }

    #[test]
    fn ids_that_the_server_would_refuse_are_refused_here() {
        for id in ["", ".", "..", "a/b", "__x__", &"x".repeat(1501)] {
            assert!(DocumentPath::new("posts", id).is_err(), "{id}");
        }
        assert!(DocumentPath::new("posts/p1", "x").is_err());
        assert!(DocumentPath::new("posts", "a b:+`~é").is_ok());
    }
}
