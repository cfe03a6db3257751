//! Everything on one machine: the functions' handlers, an embedded store, the sandbox, a media host, a signed-in
//! demo user, and a cron that ticks. Nothing here is known to the code that is deployed.

pub mod cron;
pub mod demo;
pub mod signer;
pub mod stack;
