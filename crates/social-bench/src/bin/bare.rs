//! A function that does nothing: what `coldstart` compares ours with.

use vercel_runtime::{AppState, Error, Request, ResponseBody, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    vercel_runtime::run(service_fn(|_: Request, _: AppState| async {
        Ok::<_, Error>(http::Response::new(ResponseBody::from("ok")))
    }))
    .await
}
