//! What a broker costs that nobody uses.

use std::time::Duration;

use broker_engine::Stores;
use broker_engine::store::{Counts, Store};

use crate::support::{batch, config, create_topic, moving_world, produce, start_in};

const HOUR: Duration = Duration::from_secs(3600);
/// Hours of a month, as AWS counts.
const HOURS_PER_MONTH: f64 = 730.0;
/// Dollars for 1,000 of PUT and LIST, and of GET: S3 Standard, us-east-1.
const WRITES_1000: f64 = 0.005;
const READS_1000: f64 = 0.0004;

/// Dollars for a month of hours like this one.
#[expect(clippy::cast_precision_loss, reason = "a sum of money for people")]
fn dollars_per_month(hour: &Counts) -> f64 {
    let (writes, reads) = (hour.creates + hour.puts + hour.lists, hour.gets);
    (writes as f64 * WRITES_1000 + reads as f64 * READS_1000) / 1000.0 * HOURS_PER_MONTH
}

fn since(before: &Counts, after: &Counts) -> Counts {
    Counts {
        creates: after.creates - before.creates,
        puts: after.puts - before.puts,
        gets: after.gets - before.gets,
        lists: after.lists - before.lists,
        deletes: after.deletes - before.deletes,
        written_bytes: after.written_bytes - before.written_bytes,
        ..Counts::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_hour_has_no_put_of_data() {
    let stores = Stores { data: Store::memory("test").unwrap(), metadata: Store::memory("test").unwrap() };
    let engine = start_in(config("idle"), &stores, moving_world()).await;
    create_topic(&engine, 16).await;
    for partition in 0..16 {
        produce(&engine, partition, batch(&["once".to_owned()])).await.unwrap();
    }
    // What was written is folded by age; after that nothing is left to do.
    tokio::time::sleep(2 * HOUR).await;
    let before = (stores.data.counts(), stores.metadata.counts());
    tokio::time::sleep(HOUR).await;
    let (data, metadata) = (since(&before.0, &stores.data.counts()), since(&before.1, &stores.metadata.counts()));
    engine.stop().await;
    println!(
        "an idle hour: data {data:?}; metadata {metadata:?}; a month of such hours: ${:.2} for data, ${:.2} for metadata",
        dollars_per_month(&data),
        dollars_per_month(&metadata)
    );
    assert_eq!((data.creates, data.puts, data.written_bytes), (0, 0, 0), "{data:?}");
    // Something small is read every two seconds, so that peers know whether this broker reaches its store.
    assert!(data.gets <= 1_900 && data.lists <= 60, "{data:?}");
    let total = dollars_per_month(&data) + dollars_per_month(&metadata);
    assert!(total < 12.0, "an idle broker costs ${total:.2} a month");
}
