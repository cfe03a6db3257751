//! Cloud Firestore over REST v1: documents, conditional writes and queries for a server.
//!
//! Only the RPCs that carry everything in their body are used (`:batchGet`, `:commit`, `:batchWrite`,
//! `:runQuery`, `:runAggregationQuery`): the query-string forms of preconditions are broken on Google's
//! emulator, and names in a body need no escaping. Transactions are absent on purpose; the concurrency
//! primitive is a write under a [`Precondition`] on the document's [`UpdateTime`].
//!
//! The crate sends through [`transport::Transport`], waits on [`transport::Clock`] and draws from
//! [`transport::Random`]; it builds no HTTP client and reads no clock.
//!
//! ```text
//! let due = client.run_query(&Query::collection("posts").filter(..).limit(500)).await?;
//! let claims = due.documents.iter().map(|post| Write::merge(&post.path, mask, fields,
//!     Precondition::UpdateTime(post.update_time.clone()))).collect();
//! for claim in client.batch_write(claims).await? { /* Ok: ours; FailedPrecondition: somebody else's */ }
//! ```

mod auth;
mod client;
mod decode;
mod document;
mod encode;
mod error;
mod path;
mod query;
mod retry;
mod value;
mod wire;
mod write;

pub mod bytes;
pub mod timestamp;

pub use auth::{Auth, CredentialError, ServiceAccount};
pub use client::{Client, ClientOptions, MAX_WRITES};
pub use decode::DecodeError;
pub use document::{Document, UpdateTime};
pub use encode::{EncodeError, to_fields};
pub use error::Error;
pub use path::{DocumentPath, FieldPath, InvalidPath};
pub use query::{Direction, Filter, Op, Query, QueryResult};
pub use value::{Fields, Value};
pub use write::{Precondition, Transform, Write};
