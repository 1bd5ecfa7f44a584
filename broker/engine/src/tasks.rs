//! What a broker does by itself: follow the metadata, show that it lives, watch the others, share the load.

mod balance;
mod clean;
mod departed;
mod detector;
mod expire;
mod fold;
mod follow;
mod heartbeat;
mod load;
mod nudge;
mod release;
mod report;
mod retain;
mod retire;
mod show_life;
mod snapshot;
mod sweep;
mod watch;

pub(crate) use balance::balance;
pub(crate) use clean::clean;
pub(crate) use departed::{Departed, note_departures};
pub(crate) use detector::{Detector, Stage};
pub(crate) use expire::expire_offsets;
pub(crate) use fold::fold;
pub(crate) use follow::{follow, follow_roles};
pub(crate) use heartbeat::send_heartbeats;
pub(crate) use load::measure_load;
pub(crate) use nudge::nudge_others;
pub(crate) use release::{follow_targets, release};
pub(crate) use report::report;
pub(crate) use retain::retain;
pub(crate) use retire::retire;
pub(crate) use show_life::{ask_store, show_life};
pub(crate) use snapshot::write_snapshots;
pub(crate) use sweep::sweep;
pub(crate) use watch::{agree, watch_others};
