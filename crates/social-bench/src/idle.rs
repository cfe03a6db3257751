//! A tick with nothing to do beside posts that are days ahead.

use crate::{
    figure::Figure,
    options::Options,
    world::{World, days_ahead},
};

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let world = World::start(1, 0, options.calls).await?;
    world.schedule(0, options.future.unwrap_or(1_000), days_ahead).await?;
    let (requests_before, trips_before) = world.asked.counts();
    let summary = world.tick().await?;
    let (requests, trips) = world.asked.counts();
    anyhow::ensure!(summary.found == 0, "the tick was not empty: {summary:?}");
    Ok(vec![
        Figure::new("firestore_requests", (requests - requests_before) as f64, ""),
        Figure::new("round_trips", (trips - trips_before) as f64, ""),
    ])
}
