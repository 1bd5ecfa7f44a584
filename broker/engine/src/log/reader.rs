//! Reading a partition's records wherever they lie.

use broker_record::{Batch, Offset};
use tracing::error;

use super::objects::Objects;
use super::segments::{Pieces, SegmentPlace, Segments};
use super::{ReadError, Span};
use crate::limits::{PLACES_MOVED_MAX, SCAN_BYTES};
use crate::topic::{Isolation, Partition, PartitionId};

/// Where some of a partition's records lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an object of a write-ahead log.
    Wal(Span),
    /// In a segment.
    Segment(SegmentPlace),
}

/// Objects and segments; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) objects: Objects,
    pub(crate) segments: Segments,
}

impl Place {
    /// Bytes that reading it gives, about.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Wal(span) => usize::try_from(span.length).unwrap_or(usize::MAX),
            Self::Segment(place) => place.bytes_max.min(place.bytes_to_end()),
        }
    }

    /// The first offset that reading it gives, if there is such a record.
    pub(crate) fn start(&self) -> Offset {
        match self {
            Self::Wal(span) => span.base,
            Self::Segment(place) => place.from,
        }
    }
}

impl Reader {
    /// Bytes in all caches.
    pub(crate) fn cached_bytes(&self) -> usize {
        self.objects.cached_bytes().saturating_add(self.segments.cached_bytes())
    }

    /// Whether a place can be read without asking the store. Who reads segments reads on: for what follows it is asked.
    pub(crate) fn is_cached(&self, place: &Place) -> bool {
        match place {
            Place::Wal(span) => self.objects.is_cached(span.object),
            Place::Segment(_) => false,
        }
    }

    /// The batches of a place.
    ///
    /// # Errors
    /// [`ReadError::Moved`] when the partition has to be asked again where they lie, which it knows by then; the others when
    /// they cannot be had.
    pub(crate) async fn read(&self, partition: &Partition, place: &Place) -> Result<Pieces, ReadError> {
        let read = match place {
            Place::Wal(span) => {
                // Folded, and out of the cache: the object may be gone, and the segment will be read more often.
                if partition.is_folded(span) && !self.objects.is_cached(span.object) {
                    partition.forget_through(span);
                    return Err(ReadError::Moved);
                }
                let next = Offset(span.last.0.saturating_add(1));
                self.objects.slice(*span).await.map(|bytes| Pieces { batches: vec![bytes], next })
            }
            Place::Segment(place) => self.segments.read(place).await,
        };
        match read {
            Err(ReadError::Missing) => Err(self.look_again(partition, place).await),
            read => read,
        }
    }

    /// The batches of a place that the leader of a partition has named.
    ///
    /// # Errors
    /// [`ReadError::Missing`] also where it has been folded, expired or compacted: the leader knows where it lies now.
    pub(crate) async fn read_named(&self, id: PartitionId, place: &Place) -> Result<Pieces, ReadError> {
        let span = match place {
            Place::Segment(place) => return self.segments.read(place).await,
            Place::Wal(span) => *span,
        };
        let bytes = self.objects.slice(span).await?;
        let first = Batch::take(&mut bytes.clone()).map_err(|_| ReadError::Corrupt)?;
        if (first.header().base_offset, first.header().leader_epoch) != (span.base, span.leader_epoch) {
            error!(topic = %id.topic, partition = id.partition, ?span, "an object does not hold what its leader says");
            return Err(ReadError::Corrupt);
        }
        Ok(Pieces { batches: vec![bytes], next: Offset(span.last.0.saturating_add(1)) })
    }

    /// A named object is not there: the newest manifest says whether it has to be.
    async fn look_again(&self, partition: &Partition, place: &Place) -> ReadError {
        let newest = match partition.manifests.refresh().await {
            Ok(newest) => newest,
            Err(problem) => return ReadError::Store(problem.to_string()),
        };
        let moved = match place {
            Place::Wal(span) => span.last < newest.folded_to,
            Place::Segment(place) => !newest.segments.iter().any(|segment| segment.name == place.entry.name),
        };
        if let (true, Place::Wal(span)) = (moved, place) {
            partition.forget_through(span);
        }
        if moved {
            return ReadError::Moved;
        }
        error!(topic = %partition.id.topic, partition = partition.id.partition, ?place, "an object that is named is missing");
        ReadError::Missing
    }

    /// The first batch of a place that holds a record with this timestamp or a later one.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub(crate) async fn at_time(
        &self,
        partition: &Partition,
        place: &Place,
        timestamp: i64,
    ) -> Result<Option<Batch>, ReadError> {
        let mut place = *place;
        if let Place::Segment(segment) = &mut place {
            match self.segments.at_time(segment, timestamp).await {
                Ok(Some(offset)) => segment.from = offset,
                Ok(None) => return Ok(None),
                Err(ReadError::Missing) => return Err(self.look_again(partition, &place).await),
                Err(error) => return Err(error),
            }
        }
        for mut bytes in self.read(partition, &place).await?.batches {
            while !bytes.is_empty() {
                let batch = Batch::take(&mut bytes).map_err(|_| ReadError::Corrupt)?;
                if batch.header().max_timestamp >= timestamp {
                    return Ok(Some(batch));
                }
            }
        }
        Ok(None)
    }

    /// Reads everything from an offset to the end there is when it begins, batch by batch; where it ended.
    ///
    /// # Errors
    /// [`ReadError`]; also what `each` says.
    pub(crate) async fn scan(
        &self,
        partition: &Partition,
        from: Offset,
        mut each: impl FnMut(&Batch) -> Result<(), ReadError>,
    ) -> Result<Offset, ReadError> {
        let mut next = from;
        let mut moved = 0;
        let end = partition.end(Isolation::ReadUncommitted).map_err(|_| ReadError::Moved)?;
        while next < end {
            let view = partition.view(next, SCAN_BYTES, Isolation::ReadUncommitted).map_err(|_| ReadError::Moved)?;
            next = next.max(view.log_start);
            if view.places.is_empty() {
                return Ok(next);
            }
            for place in &view.places {
                if let Place::Segment(place) = place {
                    let further = place.bytes_max.saturating_add(SCAN_BYTES);
                    self.segments.read_ahead(SegmentPlace { bytes_max: further, ..*place });
                }
                let pieces = match self.read(partition, place).await {
                    Ok(pieces) => pieces,
                    Err(ReadError::Moved) if moved < PLACES_MOVED_MAX => {
                        moved += 1;
                        break;
                    }
                    Err(error) => return Err(error),
                };
                for mut bytes in pieces.batches {
                    while !bytes.is_empty() {
                        let batch = Batch::take(&mut bytes).map_err(|_| ReadError::Corrupt)?;
                        if batch.header().last_offset() >= next {
                            each(&batch)?;
                        }
                    }
                }
                next = next.max(pieces.next);
            }
        }
        Ok(next)
    }
}
