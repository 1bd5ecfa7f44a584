//! What a broker does by itself: follow the metadata, show that it lives, watch the others.

mod detector;
mod follow;
mod show_life;
mod watch;

pub(crate) use detector::Detector;
pub(crate) use follow::{follow, follow_roles};
pub(crate) use show_life::show_life;
pub(crate) use watch::watch_others;
