//! Whether a tick gets slower with the number of posts that are not due. The limit is the same tick beside few.

use std::time::Instant;

use crate::{
    figure::{Figure, percentile},
    options::Options,
    world::{World, days_ahead},
};

const FEW: usize = 1_000;

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let many = options.future.unwrap_or(1_000_000);
    let runs = options.runs.unwrap_or(5);
    let world = World::start(100, 0, options.calls).await?;
    world.schedule(0, FEW, days_ahead).await?;
    let small = tick_ms(&world, runs).await?;
    world.schedule(FEW, many, days_ahead).await?;
    let large = tick_ms(&world, runs).await?;
    Ok(vec![Figure::new("tick_ms", large, "ms").against(small)])
}

/// The median; one tick before warms the connections.
async fn tick_ms(world: &World, runs: usize) -> anyhow::Result<f64> {
    world.tick().await?;
    let mut took = Vec::with_capacity(runs);
    for _ in 0..runs {
        let began = Instant::now();
        let summary = world.tick().await?;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
        anyhow::ensure!(summary.found == 0, "the tick was not empty: {summary:?}");
    }
    Ok(percentile(&mut took, 0.5))
}
