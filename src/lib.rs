//! The functions: one handler for each route, and the wiring that makes them from the environment.
//!
//! A function in `api/` is [`run`] with its [`Route`]. The local program and the tests call [`handlers::handle`]
//! with an [`App`] of their own, so that what runs there is what is deployed.

mod app;
mod config;
pub mod handlers;
mod respond;
mod run;

pub use app::{App, Parts};
pub use config::{Config, ConfigError, PlatformConfig};
pub use handlers::{Background, Request, Response, Route};
pub use run::run;
