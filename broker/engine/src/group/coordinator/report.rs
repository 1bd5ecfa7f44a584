//! What is reported of groups.

use broker_metadata::{GroupReport, OffsetReport};

use super::Coordinator;

impl Coordinator {
    /// Appends all groups with their durable offsets, of which `left` more fit; whether some did not.
    pub(crate) fn report(&self, left: &mut usize, out: &mut Vec<GroupReport>) -> bool {
        let state = self.state();
        let mut cut = false;
        for (name, entry) in &state.groups {
            let count = entry.offsets.len().max(1);
            if count > *left {
                cut = true;
                continue;
            }
            *left -= count;
            let offsets = entry.offsets.iter().map(|((topic, partition), (_, record))| OffsetReport {
                topic: *topic,
                partition: *partition,
                offset: record.offset,
            });
            out.push(GroupReport {
                group: name.clone(),
                state: entry.group.state_name().to_owned(),
                members: entry.group.member_count(),
                offsets: offsets.collect(),
            });
        }
        cut
    }
}
