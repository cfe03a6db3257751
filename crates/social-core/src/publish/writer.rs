//! Group commit: whoever needs a post written waits for its own result in the next shared request.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};
use transport::SharedClock;

use super::Policy;
use crate::{
    post::Version,
    store::{PostChange, SaveError, Store, StoreError},
};

/// Writes per request. The facts' races were fastest at 100 (facts, section 4); a full batch does not wait.
const BATCH: usize = 200;
const REQUESTS_AT_ONCE: usize = 4;

type Waiting = (PostChange, oneshot::Sender<Result<Version, SaveError>>);

/// A cheap handle; the task ends with the last one.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::UnboundedSender<Waiting>);

impl Writer {
    /// The second part is the writer's own work: it must be polled beside those who use it, and ends when
    /// every handle is gone.
    pub(super) fn new(
        store: Store,
        clock: SharedClock,
        policy: &Policy,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (sender, mut waiting) = mpsc::unbounded_channel::<Waiting>();
        let pause = policy.group_writes;
        let work = async move {
            let store = Arc::new(store);
            let mut requests = FuturesUnordered::new();
            let mut batch: Vec<Waiting> = Vec::new();
            // Runs from the first of a batch: so long others may join it.
            let mut joining = None;
            let mut open = true;
            loop {
                let full = batch.len() >= BATCH;
                let ready = full || (!batch.is_empty() && joining.is_none());
                if ready && requests.len() < REQUESTS_AT_ONCE {
                    joining = None;
                    requests.push(send(Arc::clone(&store), std::mem::take(&mut batch)));
                    continue;
                }
                tokio::select! {
                    Some(()) = requests.next(), if !requests.is_empty() => {}
                    next = waiting.recv(), if open && !full => match next {
                        Some(next) => {
                            if batch.is_empty() {
                                joining = Some(clock.sleep(pause));
                            }
                            batch.push(next);
                        }
                        None => {
                            open = false;
                            joining = None;
                        }
                    },
                    () = async { if let Some(joining) = &mut joining { joining.await } }, if joining.is_some() => {
                        joining = None;
                    }
                    else => break,
                }
            }
        };
        (Self(sender), work)
    }

    pub(super) async fn save(&self, change: PostChange) -> Result<Version, SaveError> {
        let (sender, result) = oneshot::channel();
        let gone = || SaveError::Store(StoreError::Unavailable("the writer has stopped".to_owned()));
        self.0.send((change, sender)).map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

async fn send(store: Arc<Store>, batch: Vec<Waiting>) {
    let (changes, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    // A waiter that has gone away does not need its result.
    match store.save_posts(&changes).await {
        Ok(results) => {
            for (waiter, result) in waiting.into_iter().zip(results) {
                let _ = waiter.send(result);
            }
        }
        Err(error) => {
            let text = error.to_string();
            for waiter in waiting {
                let _ = waiter.send(Err(SaveError::Store(StoreError::Unavailable(text.clone()))));
            }
        }
    }
}
