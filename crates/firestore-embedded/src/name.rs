//! Names of documents and fields, checked as Firestore checks them.

use crate::error::{Error, Result};

const MAX_BYTES: usize = 1500;

/// `projects/P/databases/D/documents/posts/p1`, split before the id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    /// `projects/P/databases/D/documents/posts`
    pub(crate) collection: String,
    pub(crate) id: String,
}

impl Name {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_document = matches!(parts.as_slice(), ["projects", p, "databases", d, "documents", rest @ ..]
            if !p.is_empty() && !d.is_empty() && !rest.is_empty() && rest.len() % 2 == 0);
        if !is_document {
            return Err(Error::invalid(format!("`{text}` is not a document's name")));
        }
        for id in parts.iter().skip(5) {
            check_id(id)?;
        }
        let (collection, id) = text.rsplit_once('/').unwrap_or_default();
        Ok(Self { collection: collection.to_owned(), id: id.to_owned() })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.collection, self.id)
    }
}

pub(crate) fn check_id(id: &str) -> Result<()> {
    let reserved = is_reserved(id) && !is_numeric_id(id);
    if id.is_empty() || id == "." || id == ".." || id.contains('/') || id.len() > MAX_BYTES || reserved {
        return Err(Error::invalid(format!(
            "`{}` is not a valid id",
            id.chars().take(80).collect::<String>()
        )));
    }
    Ok(())
}

/// `__x__`
fn is_reserved(text: &str) -> bool {
    text.len() >= 4 && text.starts_with("__") && text.ends_with("__")
}

/// `__id7__`
fn is_numeric_id(id: &str) -> bool {
    id.strip_prefix("__id")
        .and_then(|rest| rest.strip_suffix("__"))
        .is_some_and(|digits| digits.parse::<i64>().is_ok())
}

/// The key of a field, at any depth.
pub(crate) fn check_field_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_BYTES || is_reserved(name) {
        let shown: String = name.chars().take(80).collect();
        return Err(Error::invalid(format!("`{shown}` is empty, too long or reserved as a field's name")));
    }
    Ok(())
}

/// The segments of a field path: ``a.`x.com` `` is `a` and `x.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FieldPath(pub(crate) Vec<String>);

impl FieldPath {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bad = || Error::invalid(format!("`{text}` is not a field path"));
        let mut segments = Vec::new();
        let mut chars = text.chars().peekable();
        loop {
            let mut segment = String::new();
            if chars.next_if_eq(&'`').is_some() {
                loop {
                    match chars.next().ok_or_else(bad)? {
                        '`' => break,
                        '\\' => segment.push(chars.next().ok_or_else(bad)?),
                        char => segment.push(char),
                    }
                }
            } else {
                while let Some(char) = chars.next_if(|char| char.is_ascii_alphanumeric() || *char == '_') {
                    segment.push(char);
                }
                if segment.starts_with(|char: char| char.is_ascii_digit()) {
                    return Err(bad());
                }
            }
            if segment.is_empty() {
                return Err(bad());
            }
            segments.push(segment);
            match chars.next() {
                None => break,
                Some('.') => {}
                Some(_) => return Err(bad()),
            }
        }
        let path = Self(segments);
        if !path.is_name() {
            path.0.iter().try_for_each(|segment| check_field_name(segment))?;
        }
        Ok(path)
    }

    /// `__name__`
    pub(crate) fn is_name(&self) -> bool {
        self.0.len() == 1 && self.0[0] == "__name__"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_paths() {
        let check = |text: &str, segments: &[&str]| assert_eq!(FieldPath::parse(text).unwrap().0, segments);
        check("a", &["a"]);
        check("a.b_1", &["a", "b_1"]);
        check("a.`x.com`.`q\\`\\\\`", &["a", "x.com", "q`\\"]);
        for bad in ["", "a..b", "a.", ".a", "1a", "a b", "é", "a-b", "`a", "__x__", "a.__x__", "m,n", "a[0]"]
        {
            assert!(FieldPath::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names() {
        let name = Name::parse("projects/p/databases/(default)/documents/posts/p1").unwrap();
        assert_eq!(name.id, "p1");
        for bad in [
            "posts/p1",
            "projects/p/databases/d/documents/posts",
            "projects/p/databases/d/documents/posts/..",
            "projects/p/databases/d/documents/posts/__x__",
        ] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
    }
}
