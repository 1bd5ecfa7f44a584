//! How fast records go in and out, as a floor that only a blunder falls below.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::support::*;

const PARTITIONS: i32 = 16;
const BATCHES: i32 = 160;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tens_of_megabytes_a_second_go_in_and_out() {
    let engine = start("a", &memory()).await;
    create_topic(&engine, PARTITIONS).await;
    let payload = batch(&vec!["x".repeat(1000); 64]);
    let began = Instant::now();
    join_all((0..PARTITIONS).map(|partition| {
        let (engine, payload) = (engine.clone(), payload.clone());
        async move {
            for _ in 0..BATCHES / 4 {
                let sends = (0..4).map(|_| produce(&engine, partition, payload.clone()));
                assert!(join_all(sends).await.iter().all(Result::is_ok));
            }
        }
    }))
    .await;
    let bytes = f64::from(PARTITIONS * BATCHES) * f64::from(u32::try_from(payload.len()).unwrap());
    let produced = bytes / began.elapsed().as_secs_f64() / 1e6;
    let began = Instant::now();
    for partition in 0..PARTITIONS {
        let mut offset = 0;
        while offset < i64::from(BATCHES * 64) {
            let fetched =
                engine.fetch(fetch_request(partition, offset, Duration::from_secs(1))).await.remove(0).unwrap();
            offset += i64::try_from(decode(&fetched).len()).unwrap();
        }
    }
    let fetched = bytes / began.elapsed().as_secs_f64() / 1e6;
    println!("{produced:.0} MB/s produced, {fetched:.0} MB/s fetched and decoded, {:?}", engine.metrics());
    assert!(produced > 20.0 && fetched > 20.0, "{produced:.0} MB/s produced, {fetched:.0} MB/s fetched");
    engine.stop().await;
}
