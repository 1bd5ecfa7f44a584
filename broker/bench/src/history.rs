//! What a producer was told, held against what can be read: nothing acknowledged is lost, nothing is there twice.
//!
//! Every record has a number of its own, which is the beginning of its value.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes at the beginning of a value that hold the record's number.
pub const NUMBER_BYTES: usize = 8;

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No delivery report came.
    Open,
    /// Acknowledged.
    Acknowledged {
        /// When, since the start of the history.
        at: Duration,
        /// Where; negative where the client was not told.
        offset: i64,
    },
    /// Reported as failed: it may be there or not.
    Failed,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which of the producers sent it.
    pub producer: u32,
    /// Its partition.
    pub partition: i32,
    /// When it was due, since the start of the history.
    pub due: Duration,
    /// What became of it.
    pub fate: Fate,
}

impl Entry {
    /// When it was acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> Option<Duration> {
        match self.fate {
            Fate::Acknowledged { at, .. } => Some(at),
            Fate::Open | Fate::Failed => None,
        }
    }
}

/// All records that were sent, by number.
#[derive(Debug, Default)]
pub struct History(Mutex<Vec<Entry>>);

/// A record that was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub partition: i32,
    /// Where.
    pub offset: i64,
    /// Its number; none where the value is not one of ours.
    pub number: Option<u64>,
}

/// How the history compares with what was read. All but the first two must be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Records with a positive delivery report.
    pub acknowledged: u64,
    /// Records that were read.
    pub read: u64,
    /// Acknowledged and not there.
    pub lost: u64,
    /// There more than once, counted once for each surplus.
    pub duplicated: u64,
    /// Acknowledged at another place than they were read from.
    pub misplaced: u64,
    /// Read after a record that the same producer sent later to the same partition.
    pub reordered: u64,
    /// Read, yet never sent, or to another partition.
    pub foreign: u64,
}

impl History {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next record's number.
    pub fn begin(&self, producer: u32, partition: i32, due: Duration) -> u64 {
        let mut entries = self.entries();
        entries.push(Entry { producer, partition, due, fate: Fate::Open });
        (entries.len() as u64).saturating_sub(1)
    }

    /// Notes a delivery report.
    pub fn report(&self, number: u64, fate: Fate) {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(entry) = self.entries().get_mut(number) {
            entry.fate = fate;
        }
    }

    /// Everything so far.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Entry> {
        self.entries().clone()
    }

    /// Compares with everything that can be read. Records of one partition must come in the order of their offsets.
    #[must_use]
    pub fn check(&self, found: impl IntoIterator<Item = Found>) -> Verdict {
        let entries = self.entries();
        let mut times = vec![0_u32; entries.len()];
        let mut verdict = Verdict::default();
        let mut newest = std::collections::BTreeMap::<(i32, u32), u64>::new();
        for one in found {
            verdict.read += 1;
            let index = one.number.and_then(|number| usize::try_from(number).ok());
            let entry = index.and_then(|index| Some((entries.get(index)?, times.get_mut(index)?, one.number?)));
            let Some((entry, times, number)) = entry.filter(|(entry, ..)| entry.partition == one.partition) else {
                verdict.foreign += 1;
                continue;
            };
            *times += 1;
            if *times > 1 {
                verdict.duplicated += 1;
                continue;
            }
            if matches!(entry.fate, Fate::Acknowledged { offset, .. } if offset >= 0 && offset != one.offset) {
                verdict.misplaced += 1;
            }
            let newest = newest.entry((one.partition, entry.producer)).or_insert(number);
            if number < *newest {
                verdict.reordered += 1;
            }
            *newest = number.max(*newest);
        }
        for (entry, times) in entries.iter().zip(times) {
            if entry.acknowledged().is_some() {
                verdict.acknowledged += 1;
                verdict.lost += u64::from(times == 0);
            }
        }
        verdict
    }
}

/// A value with a record's number at its beginning.
pub fn write_number(value: &mut [u8], number: u64) {
    if let Some(place) = value.first_chunk_mut::<NUMBER_BYTES>() {
        *place = number.to_le_bytes();
    }
}

/// The number at the beginning of a value.
#[must_use]
pub fn read_number(value: &[u8]) -> Option<u64> {
    value.first_chunk::<NUMBER_BYTES>().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(fates: &[Fate]) -> History {
        let history = History::default();
        for fate in fates {
            let number = history.begin(0, 0, Duration::ZERO);
            history.report(number, *fate);
        }
        history
    }

    #[test]
    fn order_is_each_producers_own() {
        let history = History::default();
        for producer in [0, 1] {
            let number = history.begin(producer, 0, Duration::ZERO);
            history.report(number, acknowledged(1 - i64::from(producer)));
        }
        assert_eq!(history.check([found(0, 1), found(1, 0)]).reordered, 0);
    }

    fn acknowledged(offset: i64) -> Fate {
        Fate::Acknowledged { at: Duration::ZERO, offset }
    }

    fn found(offset: i64, number: u64) -> Found {
        Found { partition: 0, offset, number: Some(number) }
    }

    #[test]
    fn a_clean_history_is_clean_also_when_a_failed_record_is_there() {
        let history = history(&[acknowledged(0), Fate::Failed, acknowledged(2), Fate::Failed]);
        let verdict = history.check([found(0, 0), found(1, 1), found(2, 2)]);
        assert_eq!(verdict, Verdict { acknowledged: 2, read: 3, ..Verdict::default() });
    }

    #[test]
    fn an_acknowledged_record_that_is_not_there_is_lost() {
        let history = history(&[acknowledged(0), acknowledged(1)]);
        assert_eq!(history.check([found(0, 0)]).lost, 1);
    }

    #[test]
    fn duplicates_wrong_places_wrong_order_and_strangers_are_counted() {
        let history = history(&[acknowledged(0), acknowledged(1), acknowledged(-1)]);
        let stranger = Found { partition: 0, offset: 4, number: None };
        let elsewhere = Found { partition: 1, offset: 0, number: Some(1) };
        let all = [found(0, 0), found(1, 2), found(2, 1), found(3, 1), stranger, elsewhere];
        let verdict = history.check(all);
        assert_eq!(
            verdict,
            Verdict { acknowledged: 3, read: 6, lost: 0, duplicated: 1, misplaced: 1, reordered: 1, foreign: 2 }
        );
    }

    #[test]
    fn a_number_comes_back_from_its_value() {
        let mut value = vec![b'x'; 20];
        write_number(&mut value, 77);
        assert_eq!((read_number(&value), read_number(b"short")), (Some(77), None));
    }
}
