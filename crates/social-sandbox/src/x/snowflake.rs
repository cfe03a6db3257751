//! Ids as X makes them: milliseconds since its epoch, shifted, and always growing.
//! Source: docs.x.com/fundamentals/x-ids (2026-07-24).
use chrono::{DateTime, Utc};

/// 2010-11-04T01:42:54.657Z.
pub(super) const EPOCH_MS: i64 = 1_288_834_974_657;
const SEQUENCE_BITS: u32 = 22;

#[derive(Debug, Default)]
pub(super) struct Snowflakes {
    last: u64,
}

impl Snowflakes {
    pub(super) fn next(&mut self, now: DateTime<Utc>) -> u64 {
        let since_epoch = u64::try_from(now.timestamp_millis() - EPOCH_MS).unwrap_or(0);
        self.last = (self.last + 1).max((since_epoch << SEQUENCE_BITS) + 1);
        self.last
    }
}

/// Whether the text is an id at all: 1 to 19 digits.
pub(super) fn is_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn parse(text: &str) -> Option<u64> {
    if is_id(text) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_carry_the_time() {
        let at = DateTime::parse_from_rfc3339("2026-11-23T10:00:00Z").unwrap().to_utc();
        let mut ids = Snowflakes::default();
        let (first, second) = (ids.next(at), ids.next(at - chrono::Duration::hours(1)));
        assert!(second > first);
        assert_eq!((first >> SEQUENCE_BITS) as i64 + EPOCH_MS, at.timestamp_millis());
        assert_eq!(first.to_string().len(), 19);
    }
}
