//! The model by itself.

use super::*;

fn object(text: &'static str) -> Object {
    Object { body: Bytes::from_static(text.as_bytes()), ..Object::default() }
}

fn objects(versioned: bool) -> Arc<Objects> {
    Objects::with_buckets(["b".to_owned()], versioned)
}

fn put(objects: &Arc<Objects>, key: &str, condition: &Condition) -> Result<Landed, NotLanded> {
    objects.arrive("b", key).unwrap().land(condition, object("x"), SystemTime::UNIX_EPOCH)
}

fn delete(objects: &Objects, key: &str, version: Option<&str>) -> Deleted {
    objects.delete("b", key, version, SystemTime::UNIX_EPOCH).unwrap()
}

#[test]
fn of_two_writes_under_way_the_first_to_land_wins_and_the_other_conflicts() {
    let objects = objects(false);
    let (first, second) = (objects.arrive("b", "k").unwrap(), objects.arrive("b", "k").unwrap());
    second.land(&Condition::Absent, object("second"), SystemTime::UNIX_EPOCH).unwrap();
    let met = first.land(&Condition::Absent, object("first"), SystemTime::UNIX_EPOCH);
    assert_eq!(met, Err(NotLanded::Overtaken));
    assert_eq!(put(&objects, "k", &Condition::Absent), Err(NotLanded::ConditionFailed), "one that arrives afterwards");
    let Ok(Found::Object(_, found)) = objects.read("b", "k", None) else { panic!("nothing there") };
    assert_eq!(found.body, "second");
}

#[test]
fn a_deletion_during_a_write_is_a_conflict_with_nothing_there() {
    let objects = objects(false);
    put(&objects, "k", &Condition::Absent).unwrap();
    let arrival = objects.arrive("b", "k").unwrap();
    delete(&objects, "k", None);
    let met = arrival.land(&Condition::Absent, object("y"), SystemTime::UNIX_EPOCH);
    assert_eq!(met, Err(NotLanded::Overtaken));
    drop(arrival);
    put(&objects, "k", &Condition::Absent).unwrap();
}

#[test]
fn nothing_is_remembered_of_writes_that_have_ended() {
    let objects = objects(false);
    put(&objects, "k", &Condition::Absent).unwrap();
    drop(objects.arrive("b", "k").unwrap());
    assert!(objects.lock().buckets["b"].arrivals.is_empty());
}

#[test]
fn a_delete_marker_counts_as_absent_and_versions_come_back() {
    let objects = objects(true);
    let first = put(&objects, "k", &Condition::Absent).unwrap();
    let marker = delete(&objects, "k", None);
    assert!(marker.is_marker);
    assert!(matches!(objects.read("b", "k", None), Ok(Found::Marker)));
    assert!(matches!(objects.read("b", "k", first.version.as_deref()), Ok(Found::Object(..))));
    put(&objects, "k", &Condition::Absent).expect("a key with a marker can be created again");
    assert_eq!(objects.stored(), (2, 2));
    let page = objects.list_versions("b", &Listing { keys_max: 10, ..Listing::default() }).unwrap();
    let rows: Vec<_> = page.rows.iter().map(|row| (row.is_latest, row.object.is_some())).collect();
    assert_eq!(rows, [(true, true), (false, false), (false, true)]);
    for row in page.rows {
        delete(&objects, "k", Some(&row.id));
    }
    assert_eq!(objects.stored(), (0, 0));
    assert!(objects.lock().buckets["b"].keys.is_empty());
}

#[test]
fn if_match_is_checked() {
    let objects = objects(false);
    assert_eq!(put(&objects, "k", &Condition::Etag("e".to_owned())), Err(NotLanded::NoSuchKey));
    let landed = put(&objects, "k", &Condition::Always).unwrap();
    assert_eq!(put(&objects, "k", &Condition::Etag("e".to_owned())), Err(NotLanded::ConditionFailed));
    put(&objects, "k", &Condition::Etag(landed.etag)).unwrap();
}

#[test]
fn pages_cover_every_key_and_every_group_once() {
    let objects = objects(false);
    let mut keys: Vec<String> =
        (0..7).flat_map(|n| [format!("a/{n}/x"), format!("a/{n}/y"), format!("a/{n}")]).collect();
    keys.sort();
    for key in keys.iter().chain([&"b".to_owned()]) {
        put(&objects, key, &Condition::Absent).unwrap();
    }
    for keys_max in 1..5 {
        for delimiter in [None, Some("/".to_owned())] {
            let mut listing = Listing { prefix: "a/".to_owned(), delimiter: delimiter.clone(), after: None, keys_max };
            let (mut found, mut groups) = (Vec::new(), Vec::new());
            loop {
                let page = objects.list("b", &listing).unwrap();
                assert!(page.objects.len() + page.common_prefixes.len() <= keys_max);
                found.extend(page.objects.into_iter().map(|(key, ..)| key));
                groups.extend(page.common_prefixes);
                let Some(after) = page.next_after else { break };
                listing.after = Some(after);
            }
            if delimiter.is_none() {
                assert_eq!((found, groups.len()), (keys.clone(), 0));
            } else {
                let of = |suffix: &str| (0..7).map(|n| format!("a/{n}{suffix}")).collect::<Vec<_>>();
                assert_eq!((found, groups), (of(""), of("/")));
            }
        }
    }
    let listing = Listing { after: Some("a/6/x".to_owned()), keys_max: 9, ..Listing::default() };
    let page = objects.list("b", &listing).unwrap();
    assert_eq!(page.objects.iter().map(|(key, ..)| key.as_str()).collect::<Vec<_>>(), ["a/6/y", "b"]);
}
