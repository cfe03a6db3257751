//! X's way of counting (twitter-text, configuration version 3), and comparing a text with how X gives it back.

use twitter_text::{extractor::Extractor, parse};

/// The weighted length: most letters count 1, CJK and emoji 2, every link 23.
/// <https://docs.x.com/fundamentals/counting-characters>
pub(super) fn weighted_length(text: &str) -> usize {
    let parsed = parse(text, twitter_text_config::config_v3(), true);
    usize::try_from(parsed.weighted_length).unwrap_or(usize::MAX)
}

/// What is left of a text when everything X rewrites is taken out: links (it puts its own), the entities it
/// escapes, and white space at the edges and between words.
pub(super) fn skeleton(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let words: Vec<String> =
        text.split_whitespace().map(without_link).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn without_link(word: &str) -> String {
    for scheme in ["https://", "http://"] {
        if let Some(at) = word.to_ascii_lowercase().find(scheme) {
            return word[..at].to_owned();
        }
    }
    // A bare domain becomes a link too; it is given back behind t.co.
    if Extractor::new().extract_urls(word).is_empty() { word.to_owned() } else { String::new() }
}
