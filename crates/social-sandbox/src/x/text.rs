//! What a text weighs and what it contains, after twitter-text's configuration version 3 (2021-10-21):
//! at most 280, a link counts 23, an emoji sequence 2, most other characters 1 or 2.
use unicode_normalization::UnicodeNormalization;

use super::tlds;

const MAX_URL_CHARS: usize = 4096;
const URL_WEIGHT: usize = 23;

/// Byte ranges of the links that X would shorten.
pub(super) fn urls(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_start(text, at) {
        match url_at(text, start) {
            Some(end) if text[start..end].chars().count() <= MAX_URL_CHARS => {
                found.push(start..end);
                at = end;
            }
            _ => at = word_end(text, start),
        }
    }
    found
}

/// Where a link could begin: a letter or digit that nothing glues to what stands before it.
fn next_start(text: &str, from: usize) -> Option<usize> {
    let mut previous = text[..from].chars().next_back();
    for (offset, c) in text[from..].char_indices() {
        let glued = previous.is_some_and(|p| p.is_ascii_alphanumeric() || "@＠$#＃_-./".contains(p));
        if c.is_alphanumeric() && !glued {
            return Some(from + offset);
        }
        previous = Some(c);
    }
    None
}

fn word_end(text: &str, start: usize) -> usize {
    text[start..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |length| start + length)
}

fn url_at(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let scheme = ["https://", "http://"]
        .iter()
        .find(|scheme| rest.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
        .map_or(0, |scheme| scheme.len());
    let host = host_length(&rest[scheme..], scheme == 0)?;
    let mut end = start + scheme + host;
    if let Some(port) = text[end..].strip_prefix(':') {
        let digits = port.bytes().take_while(u8::is_ascii_digit).count();
        end += if digits > 0 { digits + 1 } else { 0 };
    }
    if text[end..].starts_with('/') {
        end += tail_length(&text[end..], "!*';:=+,.$/%#[]-_~@|&()", "=_#/+-");
    }
    if text[end..].starts_with('?') {
        let length = tail_length(&text[end..], "?!*'();:&=+$/%#[]-_.,~|@", "=_#/-&");
        end += if length > 1 { length } else { 0 };
    }
    Some(end)
}

/// Length of the longest run of labels that ends in a known top-level domain.
fn host_length(text: &str, ascii_only: bool) -> Option<usize> {
    let allowed = |c: char| if ascii_only { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
    let length = text.find(|c| !(allowed(c) || "-_.".contains(c))).unwrap_or(text.len());
    let labels: Vec<&str> = text[..length].split('.').collect();
    let mut best = None;
    let mut end = 0;
    for (index, label) in labels.iter().enumerate() {
        let good = (1..=63).contains(&label.chars().count())
            && !label.starts_with(['-', '_'])
            && !label.ends_with(['-', '_']);
        if !good {
            break;
        }
        end += label.len() + usize::from(index > 0);
        let followed = text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '@');
        if index > 0 && tlds::known(label) && !followed {
            best = Some(end);
        }
    }
    best
}

/// A path or query: the allowed characters, less the punctuation at the end that belongs to the sentence.
fn tail_length(text: &str, marks: &str, ending: &str) -> usize {
    let length = text.find(|c: char| !(c.is_alphanumeric() || marks.contains(c))).unwrap_or(text.len());
    let mut tail = &text[..length];
    while let Some(last) = tail.chars().next_back() {
        let balanced = last == ')' && tail.matches('(').count() >= tail.matches(')').count();
        if last.is_alphanumeric() || ending.contains(last) || balanced {
            break;
        }
        tail = &tail[..tail.len() - last.len_utf8()];
    }
    tail.len()
}

/// The weighted length; 280 is the most that an ordinary account may write.
pub(super) fn weight(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let mut total = 0;
    let mut at = 0;
    for url in urls(&text) {
        total += plain_weight(&text[at..url.start]) + URL_WEIGHT * 100;
        at = url.end;
    }
    (total + plain_weight(&text[at..])) / 100
}

fn plain_weight(text: &str) -> usize {
    let chars: Vec<char> = text.chars().collect();
    let mut total = 0;
    let mut at = 0;
    while at < chars.len() {
        let emoji = emoji_length(&chars[at..]);
        total += if emoji > 0 { 200 } else { char_weight(chars[at]) };
        at += emoji.max(1);
    }
    total
}

fn char_weight(c: char) -> usize {
    match u32::from(c) {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 100,
        _ => 200,
    }
}

/// Characters of the emoji sequence at the front: flag, keycap, or pictographs with skin tones and joiners.
fn emoji_length(chars: &[char]) -> usize {
    const JOINER: char = '\u{200D}';
    const EMOJI_STYLE: char = '\u{FE0F}';
    const KEYCAP: char = '\u{20E3}';
    let is = |at: usize, test: fn(char) -> bool| chars.get(at).copied().is_some_and(test);
    if is(0, is_regional) && is(1, is_regional) {
        return 2;
    }
    if is(0, |c| c.is_ascii_digit() || c == '#' || c == '*') {
        let styled = 1 + usize::from(chars.get(1) == Some(&EMOJI_STYLE));
        return if chars.get(styled) == Some(&KEYCAP) { styled + 1 } else { 0 };
    }
    if is(0, |c| matches!(c, '©' | '®' | '™')) {
        return if chars.get(1) == Some(&EMOJI_STYLE) { 2 } else { 0 };
    }
    let mut end = 0;
    while is(end, is_pictograph) {
        end += 1;
        end += usize::from(chars.get(end) == Some(&EMOJI_STYLE));
        end += usize::from(is(end, |c| ('\u{1F3FB}'..='\u{1F3FF}').contains(&c)));
        while is(end, |c| ('\u{E0020}'..='\u{E007F}').contains(&c)) {
            end += 1;
        }
        if chars.get(end) != Some(&JOINER) || !is(end + 1, is_pictograph) {
            break;
        }
        end += 1;
    }
    end
}

fn is_regional(c: char) -> bool {
    ('\u{1F1E6}'..='\u{1F1FF}').contains(&c)
}

fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x203C | 0x2049 | 0x2139 | 0x2190..=0x21FF | 0x2300..=0x23FF | 0x24C2
        | 0x25A0..=0x27BF | 0x2900..=0x297F | 0x2B00..=0x2BFF | 0x3030 | 0x303D | 0x3297 | 0x3299
        | 0x1F000..=0x1F1E5 | 0x1F200..=0x1F3FA | 0x1F400..=0x1FAFF)
}

/// Characters that make a text invalid wherever they stand.
pub(super) fn has_invalid_chars(text: &str) -> bool {
    text.contains(['\u{FFFE}', '\u{FEFF}', '\u{FFFF}'])
}

/// Lower-case names after `@`.
pub(super) fn mentions(text: &str) -> Vec<String> {
    marked(text, '@', |c| c.is_ascii_alphanumeric() || c == '_')
        .filter(|name| name.len() <= 15)
        .map(str::to_lowercase)
        .collect()
}

/// How many `$TICKER`s there are.
pub(super) fn cashtags(text: &str) -> usize {
    marked(text, '$', |c| c.is_ascii_alphabetic()).filter(|name| name.len() <= 6).count()
}

fn marked(text: &str, mark: char, allowed: fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.match_indices(mark).filter_map(move |(at, _)| {
        let glued = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "_@$".contains(c));
        let rest = &text[at + mark.len_utf8()..];
        let end = rest.find(|c| !allowed(c)).unwrap_or(rest.len());
        let ends = !rest[end..].starts_with(|c: char| c.is_alphanumeric());
        (!glued && end > 0 && ends).then(|| &rest[..end])
    })
}

/// A reply's text without the names at its beginning, which cost nothing.
pub(super) fn without_leading_mentions(text: &str) -> &str {
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('@') {
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
        if end == 0 || !after[end..].starts_with(' ') {
            break;
        }
        rest = after[end..].trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighs_like_the_published_vectors() {
        for (text, expected) in [
            ("Hi http://test.co", 26),
            ("http://test.co", 23),
            ("😷👾😡🔥💩", 10),
            ("H🐱☺👨‍👩‍👧‍👦", 7),
            ("🙋🏽👨‍🎤", 4),
            ("A\u{301}B", 2),
            ("🇩🇪1️⃣", 4),
            ("see example.com/a(b)c?d=e.", 4 + 23 + 1),
            ("mail me@example.com", 19),
            ("v1.2 and e.g. this", 18),
        ] {
            assert_eq!(weight(text), expected, "{text}");
        }
        assert_eq!(weight(&"故".repeat(140)), 280);
        assert_eq!(weight(&format!("{}.com", "a".repeat(64))), 68);
    }

    #[test]
    fn finds_names_and_tickers() {
        assert_eq!(mentions("@Acme hi a@b.c (@other)"), ["acme", "other"]);
        assert_eq!(cashtags("$ACME and $5, US$TEN, $BEAN."), 2);
        assert_eq!(without_leading_mentions("@acme @b hello @c"), "hello @c");
    }
}
