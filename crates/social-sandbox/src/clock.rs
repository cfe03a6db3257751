//! The sandbox's time: a base clock plus an offset that tests push forward.
//!
//! The only place of the crate that knows the system's clock and that sleeps.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};

pub(crate) type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Clock {
    base: Now,
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    pub(crate) fn new(base: Option<Now>) -> Self {
        Self { base: base.unwrap_or_else(|| Arc::new(system_now)), offset_ms: Arc::default() }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.base)() + Duration::milliseconds(self.offset_ms.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.offset_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "the sandbox uses no crate of ours, so this is its own seam")]
fn system_now() -> DateTime<Utc> {
    Utc::now()
}

/// Lets real time pass. Delays are about the caller's timeouts, so they ignore the sandbox's offset;
/// a paused Tokio clock skips them.
#[expect(clippy::disallowed_methods, reason = "the sandbox uses no crate of ours, so this is its own seam")]
pub(crate) async fn sleep_ms(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }
}
