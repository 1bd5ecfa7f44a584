//! Folding: records that are acknowledged go from objects of write-ahead logs into segments.
//!
//! Invariant: only what the partition's index names is folded, which is what is durable and counts; a segment is named in a
//! manifest only after it is durable; the offsets of a partition are folded in order, whole spans at a time.
//!
//! One round is bounded by bytes, which is the memory it takes: the segments are laid out first, then every object is read
//! once, from the tail cache where it still is, and its slices are copied to their places.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_log::{
    EpochStart, Incarnation, Manifest, SegmentBuilder, SegmentEntry, SegmentError, SegmentName, SegmentPart,
};
use broker_record::Offset;
use broker_store::{Filled, Frozen, Nonce, Patience, Store};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use thiserror::Error;
use tracing::{debug, warn};
use uuid::Uuid;

use super::manifest::{ManifestFailure, Published};
use super::{ObjectRef, Objects, ReadError, Span};
use crate::env::Env;
use crate::limits::{FOLD_READS_AT_ONCE, MANIFEST_WRITES_AT_ONCE, SEGMENT_WRITES_AT_ONCE};
use crate::topic::{Partition, PartitionId};

/// Spans of one partition that are folded together.
#[derive(Clone, Debug)]
pub(crate) struct Chosen<P> {
    pub(crate) partition: P,
    /// In order of offset; not empty.
    pub(crate) spans: Vec<Span>,
}

/// Why a round was not finished.
#[derive(Debug, Error)]
pub(crate) enum FoldError {
    /// An object cannot be read.
    #[error("{0:?}: {1}")]
    Read(ObjectRef, ReadError),
    /// What was read is not what the index says.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A segment cannot be written.
    #[error("a segment is not written: {0}")]
    Write(String),
}

/// Who folds, and where to.
pub(crate) struct Folding<'a> {
    pub(crate) store: &'a Store,
    pub(crate) cluster: Uuid,
    pub(crate) incarnation: Incarnation,
    pub(crate) objects: &'a Objects,
    pub(crate) env: &'a Env,
}

/// Chooses what one round folds: at most so many bytes, at least one span.
///
/// What predecessors left comes first, the oldest before all others, so that their logs can be given up. Of one's own the
/// partition with the oldest span comes first, and comes whole: each partition of a round takes a manifest.
pub(crate) fn choose<P>(me: Incarnation, candidates: Vec<Chosen<P>>, bytes_max: u64) -> Vec<Chosen<P>> {
    let mut taken = vec![0_usize; candidates.len()];
    let own = |one: &Chosen<P>| one.spans.iter().find(|span| span.object.incarnation == me).map(|span| span.object);
    let oldest: Vec<Option<ObjectRef>> = candidates.iter().map(own).collect();
    let order = |number: usize, span: &Span| {
        let is_own = span.object.incarnation == me;
        let object = oldest.get(number).copied().flatten().filter(|_| is_own).unwrap_or(span.object);
        (is_own, object, number)
    };
    let mut next: BTreeMap<_, usize> = BTreeMap::new();
    for (number, candidate) in candidates.iter().enumerate() {
        if let Some(first) = candidate.spans.first() {
            next.insert(order(number, first), number);
        }
    }
    let mut bytes = 0_u64;
    while let Some((_, number)) = next.pop_first() {
        let (Some(candidate), Some(count)) = (candidates.get(number), taken.get_mut(number)) else { break };
        let Some(span) = candidate.spans.get(*count) else { continue };
        if bytes > 0 && bytes.saturating_add(u64::from(span.length)) > bytes_max {
            break;
        }
        bytes = bytes.saturating_add(u64::from(span.length));
        *count += 1;
        if let Some(following) = candidate.spans.get(*count) {
            next.insert(order(number, following), number);
        }
    }
    let cut = |(mut candidate, count): (Chosen<P>, usize)| {
        candidate.spans.truncate(count);
        (count > 0).then_some(candidate)
    };
    candidates.into_iter().zip(taken).filter_map(cut).collect()
}

/// A segment that is being laid out.
struct Layout {
    topic: Uuid,
    name: SegmentName,
    nonce: u128,
    builder: SegmentBuilder,
    partitions: Vec<Chosen<Arc<Partition>>>,
}

/// Where a slice of an object goes.
struct Target {
    layout: usize,
    position: usize,
    span: Span,
}

impl Folding<'_> {
    /// Folds what was chosen; the partitions whose manifests say so now.
    ///
    /// # Errors
    /// [`FoldError`]; nothing is lost then, and what was written without being named is left to the cleaner.
    ///
    /// # Cancel safety
    /// As for an error.
    pub(crate) async fn round(&self, chosen: Vec<Chosen<Arc<Partition>>>) -> Result<usize, FoldError> {
        let (mut layouts, targets) = self.lay_out(chosen);
        let mut reads = stream::iter(targets)
            .map(|(object, targets)| async move { (object, targets, self.objects.get_once(object).await) })
            .buffered(FOLD_READS_AT_ONCE);
        while let Some((object, targets, read)) = reads.next().await {
            let bytes = match read {
                Ok(bytes) => bytes,
                Err(error) => {
                    drop(reads);
                    self.look_again(&layouts, object, &error).await;
                    return Err(FoldError::Read(object, error));
                }
            };
            for target in targets {
                let slice = slice(&bytes, &target.span).ok_or(FoldError::Read(object, ReadError::Corrupt))?;
                if let Some(layout) = layouts.get_mut(target.layout) {
                    layout.builder.fill(target.position, slice)?;
                }
            }
        }
        drop(reads);
        let written: Vec<_> = stream::iter(layouts)
            .map(|layout| self.write(layout))
            .buffered(SEGMENT_WRITES_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let folded = stream::iter(written.into_iter().flatten())
            .map(|(chosen, entry)| self.publish(chosen, entry))
            .buffered(MANIFEST_WRITES_AT_ONCE)
            .filter(|published| std::future::ready(*published))
            .count()
            .await;
        Ok(folded)
    }

    /// An object is gone: another leader may have folded it before its log was given up.
    async fn look_again(&self, layouts: &[Layout], object: ObjectRef, error: &ReadError) {
        if *error != ReadError::Missing {
            return;
        }
        for chosen in layouts.iter().flat_map(|layout| &layout.partitions) {
            if chosen.spans.iter().any(|span| span.object == object)
                && let Err(problem) = chosen.partition.manifests.refresh().await
            {
                warn!(%problem, "a manifest is not read again");
            }
            chosen.partition.forget_folded(self.objects);
        }
    }

    /// Finds every slice its place: a large partition has a segment of its own, the others of a topic share one.
    fn lay_out(&self, chosen: Vec<Chosen<Arc<Partition>>>) -> (Vec<Layout>, BTreeMap<ObjectRef, Vec<Target>>) {
        let total: u64 = chosen.iter().map(bytes_of).sum();
        let mut groups = BTreeMap::<(Uuid, Option<PartitionId>), Vec<Chosen<Arc<Partition>>>>::new();
        for one in chosen {
            let id = one.partition.id;
            let alone = bytes_of(&one).saturating_mul(2) >= total;
            groups.entry((id.topic, alone.then_some(id))).or_default().push(one);
        }
        let mut layouts = Vec::with_capacity(groups.len());
        let mut targets = BTreeMap::<ObjectRef, Vec<Target>>::new();
        for ((topic, _), partitions) in groups {
            let id = self.env.uuid();
            let name = match partitions.as_slice() {
                [one] => SegmentName::Own {
                    leader_epoch: one.partition.leader_epoch.0,
                    base_offset: one.spans.first().map_or(0, |span| span.base.0),
                    id,
                },
                _ => SegmentName::Shared { incarnation: self.incarnation, id },
            };
            let bytes: u64 = partitions.iter().map(bytes_of).sum();
            let nonce = id.as_u128();
            let mut builder = SegmentBuilder::new(self.cluster, topic, nonce, usize::try_from(bytes).unwrap_or(0));
            for one in &partitions {
                let length = usize::try_from(bytes_of(one)).unwrap_or(usize::MAX);
                let (base, end) = range_of(&one.spans);
                let mut position = builder.reserve(one.partition.id.partition, base, end, length);
                for span in &one.spans {
                    let target = Target { layout: layouts.len(), position, span: *span };
                    targets.entry(span.object).or_default().push(target);
                    position = position.saturating_add(usize::try_from(span.length).unwrap_or(usize::MAX));
                }
            }
            layouts.push(Layout { topic, name, nonce, builder, partitions });
        }
        (layouts, targets)
    }

    /// Completes a segment and makes it durable; which part of it is whose.
    async fn write(&self, layout: Layout) -> Result<Vec<(Chosen<Arc<Partition>>, SegmentEntry)>, FoldError> {
        let Layout { topic, name, nonce, builder, partitions } = layout;
        let (bytes, parts): (Bytes, Vec<SegmentPart>) = builder.finish(|_, _, _| {})?;
        let partition = partitions.first().map_or(0, |one| one.partition.id.partition);
        let size = bytes.len();
        let frozen = Frozen::new(Nonce(nonce), bytes).map_err(|error| FoldError::Write(error.to_string()))?;
        match self.store.fill(&name.key(topic, partition), &frozen, Patience::forever()).await {
            Ok(Filled::Mine) => {}
            Ok(Filled::Other(_)) => return Err(FoldError::Write("its random name is taken".to_owned())),
            Err(error) => return Err(FoldError::Write(error.to_string())),
        }
        debug!(%topic, ?name, bytes = size, partitions = parts.len(), "segment written");
        let written_ms = self.env.wall_ms();
        let entry = |part: SegmentPart| SegmentEntry { name, part, written_ms };
        Ok(partitions.into_iter().zip(parts.into_iter().map(entry)).collect())
    }

    /// Names a part of a segment in its partition's manifest; whether it is there.
    async fn publish(&self, chosen: Chosen<Arc<Partition>>, entry: SegmentEntry) -> bool {
        let Chosen { partition, spans } = chosen;
        let published = partition.manifests.update(|manifest| fold_in(manifest, entry, &spans, &partition)).await;
        partition.forget_folded(self.objects);
        match published {
            Ok(Published::Version(_)) => {}
            Ok(Published::Unchanged) => return false,
            Err(ManifestFailure::Superseded) => {
                debug!(topic = %partition.id.topic, partition = partition.id.partition, "another broker leads by now");
                return false;
            }
            Err(problem) => {
                warn!(topic = %partition.id.topic, partition = partition.id.partition, %problem, "a partition is not folded");
                return false;
            }
        }
        if partition.manifests.has_many_replaced()
            && let Err(problem) = partition.manifests.delete_replaced().await
        {
            warn!(topic = %partition.id.topic, partition = partition.id.partition, %problem, "old manifests stay");
        }
        true
    }
}

/// The manifest with one more segment; none where it does not end where the segment begins.
fn fold_in(manifest: &Manifest, entry: SegmentEntry, spans: &[Span], partition: &Partition) -> Option<Manifest> {
    if manifest.folded_to != entry.part.base_offset {
        return None;
    }
    let mut next = manifest.clone();
    next.folded_to = entry.part.end_offset;
    next.segments.push(entry);
    for span in spans {
        if next.epochs.last().is_none_or(|last| last.leader_epoch < span.leader_epoch) {
            next.epochs.push(EpochStart { leader_epoch: span.leader_epoch, start: span.base });
        }
    }
    // As of everything durable, which is at least what is folded.
    next.producers = partition.durable_producers();
    Some(next)
}

fn bytes_of<P>(chosen: &Chosen<P>) -> u64 {
    chosen.spans.iter().map(|span| u64::from(span.length)).sum()
}

fn range_of(spans: &[Span]) -> (Offset, Offset) {
    let base = spans.first().map_or(Offset(0), |span| span.base);
    (base, spans.last().map_or(base, |span| Offset(span.last.0.saturating_add(1))))
}

fn slice<'a>(bytes: &'a Bytes, span: &Span) -> Option<&'a [u8]> {
    let start = usize::try_from(span.position).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(span.length).ok()?)?)
}

#[cfg(test)]
mod tests {
    use broker_record::LeaderEpoch;
    use proptest::prelude::*;

    use super::*;

    const ME: Incarnation = Incarnation { broker: 1, epoch: 9 };
    const DEAD: Incarnation = Incarnation { broker: 2, epoch: 3 };

    fn span(incarnation: Incarnation, seq: u64, base: i64, length: u32) -> Span {
        let object = ObjectRef { incarnation, seq };
        let (base, last) = (Offset(base), Offset(base));
        Span { base, last, leader_epoch: LeaderEpoch(1), max_timestamp: 0, object, position: 0, length }
    }

    fn lengths(chosen: &[Chosen<u32>]) -> Vec<(u32, usize)> {
        chosen.iter().map(|one| (one.partition, one.spans.len())).collect()
    }

    #[test]
    fn what_the_dead_left_comes_first_then_the_partition_with_the_oldest_object() {
        let candidates = || {
            vec![
                Chosen { partition: 1, spans: vec![span(ME, 1, 0, 5), span(ME, 9, 1, 5)] },
                Chosen { partition: 2, spans: vec![span(DEAD, 70, 0, 5), span(ME, 2, 1, 5)] },
            ]
        };
        assert_eq!(lengths(&choose(ME, candidates(), 5)), [(2, 1)]);
        assert_eq!(lengths(&choose(ME, candidates(), 10)), [(1, 1), (2, 1)]);
        assert_eq!(lengths(&choose(ME, candidates(), 15)), [(1, 2), (2, 1)], "a partition comes whole");
        assert_eq!(lengths(&choose(ME, candidates(), 20)), [(1, 2), (2, 2)]);
        assert_eq!(lengths(&choose(ME, candidates(), 1)), [(2, 1)], "one span goes however large it is");
    }

    proptest! {
        #[test]
        fn a_round_keeps_its_bound_and_folds_each_partition_from_its_start(
            plan in prop::collection::vec(prop::collection::vec((0_u64..50, 1_u32..100), 0..8), 0..6),
            bytes_max in 0_u64..1000,
        ) {
            let candidate = |(number, spans): (u32, &Vec<(u64, u32)>)| {
                let mut seqs: Vec<_> = spans.clone();
                seqs.sort_unstable();
                let spans = (0_i64..).zip(seqs).map(|(base, (seq, length))| span(ME, seq, base, length)).collect();
                Chosen { partition: number, spans }
            };
            let candidates: Vec<_> = (0_u32..).zip(&plan).map(candidate).collect();
            let chosen = choose(ME, candidates.clone(), bytes_max);
            let bytes: u64 = chosen.iter().map(bytes_of).sum();
            let count: usize = chosen.iter().map(|one| one.spans.len()).sum();
            prop_assert!(bytes <= bytes_max || count == 1);
            prop_assert_eq!(count == 0, candidates.iter().all(|one| one.spans.is_empty()));
            for one in &chosen {
                let all = &candidates[usize::try_from(one.partition).unwrap()].spans;
                prop_assert_eq!(&all[..one.spans.len()], &one.spans[..]);
            }
        }
    }
}
