//! Pages of keys.

use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Bucket, NoSuchBucket, Object, Objects};

/// What to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    /// Begins after this key.
    pub(crate) after: Option<String>,
    pub(crate) keys_max: usize,
}

/// One page of current objects, in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, SystemTime, Arc<Object>)>,
    pub(crate) common_prefixes: Vec<String>,
    /// Where the next page begins after; none on the last page.
    pub(crate) next_after: Option<String>,
}

/// One page of versions and markers, each key's newest first.
#[derive(Debug, Default)]
pub(crate) struct VersionPage {
    pub(crate) rows: Vec<VersionRow>,
    pub(crate) next_after: Option<String>,
}

/// A version or a delete marker.
#[derive(Debug)]
pub(crate) struct VersionRow {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) modified: SystemTime,
    pub(crate) is_latest: bool,
    /// None is a delete marker.
    pub(crate) object: Option<Arc<Object>>,
}

impl Objects {
    pub(crate) fn list(&self, bucket: &str, listing: &Listing) -> Result<Page, NoSuchBucket> {
        let state = self.lock();
        Ok(state.buckets.get(bucket).ok_or(NoSuchBucket)?.list(listing))
    }

    /// Whole keys only: a key whose versions do not fit is left to the next page, unless it is the page's first.
    pub(crate) fn list_versions(&self, bucket: &str, listing: &Listing) -> Result<VersionPage, NoSuchBucket> {
        let state = self.lock();
        let bucket = state.buckets.get(bucket).ok_or(NoSuchBucket)?;
        let mut page = VersionPage::default();
        let mut last = None;
        for (key, versions) in bucket.keys.range::<str, _>((start(listing), Bound::Unbounded)) {
            if !key.starts_with(&listing.prefix) {
                break;
            }
            if !page.rows.is_empty() && page.rows.len() + versions.len() > listing.keys_max {
                page.next_after = last;
                break;
            }
            page.rows.extend(versions.iter().rev().enumerate().map(|(age, version)| VersionRow {
                key: key.clone(),
                id: version.id.clone(),
                modified: version.modified,
                is_latest: age == 0,
                object: version.object.clone(),
            }));
            last = Some(key.clone());
        }
        Ok(page)
    }
}

fn start(listing: &Listing) -> Bound<&str> {
    match listing.after.as_deref() {
        Some(after) if after >= listing.prefix.as_str() => Bound::Excluded(after),
        _ => Bound::Included(&listing.prefix),
    }
}

impl Bucket {
    fn list(&self, listing: &Listing) -> Page {
        let mut page = Page::default();
        let mut from: Bound<String> = start(listing).map(str::to_owned);
        let mut last: Option<String> = None;
        'pages: loop {
            let range = (from.as_ref().map(String::as_str), Bound::Unbounded);
            for (key, versions) in self.keys.range::<str, _>(range) {
                let Some(rest) = key.strip_prefix(&listing.prefix) else { break 'pages };
                let Some((version, object)) = versions.last().and_then(|v| Some((v, v.object.as_ref()?))) else {
                    continue;
                };
                if page.objects.len() + page.common_prefixes.len() >= listing.keys_max {
                    page.next_after = last;
                    break 'pages;
                }
                if let Some(group) = group_of(rest, listing) {
                    // On with what follows every key of the group.
                    let beyond = format!("{group}{}", char::MAX);
                    page.common_prefixes.push(group);
                    last = Some(beyond.clone());
                    from = Bound::Excluded(beyond);
                    continue 'pages;
                }
                page.objects.push((key.clone(), version.modified, Arc::clone(object)));
                last = Some(key.clone());
            }
            break;
        }
        page
    }
}

fn group_of(rest: &str, listing: &Listing) -> Option<String> {
    let delimiter = listing.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let (inside, _) = rest.split_once(delimiter)?;
    Some(format!("{}{inside}{delimiter}", listing.prefix))
}
