//! X's documented limits. Read 2026-11 (facts of August 2026, API 2.167).

/// Weighted characters of an ordinary account.
/// <https://docs.x.com/fundamentals/counting-characters>
pub(super) const TEXT_WEIGHT: usize = 280;
/// Characters of a Premium account (since 2024-08-20). <https://docs.x.com/changelog>
pub(super) const LONG_TEXT_WEIGHT: usize = 25_000;
/// Bytes of an image. <https://docs.x.com/x-api/media/quickstart/best-practices>
pub(super) const IMAGE_BYTES: usize = 5_000_000;
/// Images of one post. <https://docs.x.com/x-api/posts/manage-tweets/introduction>
pub(super) const IMAGES: usize = 4;
/// Characters of an alternative text. <https://docs.x.com/x-api/media/introduction>
pub(super) const ALT_TEXT_CHARACTERS: usize = 1_000;
/// Seconds an uploaded image may be used, where the answer does not say.
/// <https://docs.x.com/x-api/media/quickstart/media-upload-chunked>
pub(super) const MEDIA_SECS: i64 = 86_400;
/// Posts of one timeline page, the smallest that is allowed is 5; each post read is billed.
/// <https://docs.x.com/x-api/posts/timelines/introduction>
pub(super) const LOOK_PAGE: u8 = 20;
/// How far X's clock and ours may be apart when looking for a post made after the fence.
pub(super) const CLOCK_SKEW_SECS: i64 = 10;
