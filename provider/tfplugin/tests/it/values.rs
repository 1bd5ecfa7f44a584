//! The two forms of values: golden bytes, round trips, and bytes of no form at all.

use proptest::prelude::*;
use tfplugin_rs::value::{Type, Value, json, msgpack};

use crate::random::{typed, types};

fn bytes(ty: &Type, text: &str) -> Vec<u8> {
    msgpack::encode(&json::decode(text, ty).unwrap(), ty).unwrap()
}

#[test]
fn the_wire_form_is_that_of_terraform() {
    let object = Type::object([("a", Type::String), ("b", Type::Number)]);
    assert_eq!(bytes(&object, r#"{"a":"x"}"#), b"\x82\xa1a\xa1x\xa1b\xc0");
    assert_eq!(bytes(&Type::Number, "1"), [1]);
    assert_eq!(bytes(&Type::Number, "-1"), [0xff]);
    assert_eq!(bytes(&Type::Number, "255"), [0xcc, 255]);
    assert_eq!(bytes(&Type::Number, "-129"), [0xd1, 0xff, 0x7f]);
    assert_eq!(bytes(&Type::Number, "0.5"), [0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes(&Type::Number, "0.1"), b"\xa30.1", "a decimal is not rounded");
    assert_eq!(bytes(&Type::set(Type::String), r#"["b","a","b"]"#), b"\x92\xa1a\xa1b");
    assert_eq!(bytes(&Type::Dynamic, r#"{"type":"string","value":"x"}"#), b"\x92\xc4\x08\"string\"\xa1x");
    assert_eq!(msgpack::encode(&Value::unknown(), &Type::Bool).unwrap(), [0xd4, 0, 0]);
}

#[test]
fn an_unknown_value_keeps_what_is_certain() {
    let refined = [0xc7, 3, 12, 0x81, 1, 0xc2];
    let value = msgpack::decode(&refined, &Type::String).unwrap();
    assert!(matches!(&value, Value::Unknown(Some(certain)) if certain.not_null));
    assert_eq!(msgpack::encode(&value, &Type::String).unwrap(), refined);
    let empty = [0xc7, 2, 12, 0x80, 0xc0];
    assert!(msgpack::decode(&empty, &Type::String).unwrap().is_unknown());
    let strange = [0xd5, 77, 1, 2];
    assert_eq!(msgpack::decode(&strange, &Type::String).unwrap(), Value::unknown());
    let later = [0xc7, 6, 12, 0x82, 99, 0x91, 1, 1, 0xc2];
    assert!(msgpack::decode(&later, &Type::String).unwrap().is_unknown(), "new refinements are skipped");
}

#[test]
fn numbers_of_every_form_are_equal() {
    for form in [&b"\x07"[..], b"\xcf\0\0\0\0\0\0\0\x07", b"\xcb\x40\x1c\0\0\0\0\0\0", b"\xa17", b"\xa37.0"] {
        assert_eq!(msgpack::decode(form, &Type::Number).unwrap(), Value::from(7), "{form:x?}");
    }
}

#[test]
fn hostile_lengths_are_refused() {
    let list = Type::list(Type::String);
    assert!(msgpack::decode(&[0xdd, 0xff, 0xff, 0xff, 0xff], &list).is_err());
    assert!(msgpack::decode(&[0xdb, 0xff, 0xff, 0xff, 0xff, 0], &Type::String).is_err());
    let deep: Type = (0..1_000).fold(Type::String, |ty, _| Type::list(ty));
    assert!(msgpack::decode(&[0x91; 1_000], &deep).is_err());
    std::mem::forget(deep);
}

#[test]
fn an_error_names_the_place() {
    let ty = Type::object([("rules", Type::list(Type::map(Type::Number)))]);
    let error = json::decode(r#"{"rules":[{},{"a":"x"}]}"#, &ty).unwrap_err();
    assert_eq!(error.to_string(), r#"rules[1]["a"]: "x" is not a number"#);
}

proptest! {
    #[test]
    fn a_value_survives_both_forms((ty, value) in typed(false)) {
        let wire = msgpack::encode(&value, &ty).unwrap();
        prop_assert_eq!(&msgpack::decode(&wire, &ty).unwrap(), &value);
        let text = json::encode(&value, &ty).unwrap();
        prop_assert_eq!(&json::decode(&text, &ty).unwrap(), &value);
    }

    #[test]
    fn an_unknown_value_survives_the_wire((ty, value) in typed(true)) {
        let wire = msgpack::encode(&value, &ty).unwrap();
        prop_assert_eq!(&msgpack::decode(&wire, &ty).unwrap(), &value);
    }

    #[test]
    fn a_type_survives(ty in types()) {
        prop_assert_eq!(&Type::from_json(&ty.to_json()).unwrap(), &ty);
    }

    #[test]
    fn arbitrary_bytes_never_panic(ty in types(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = msgpack::decode(&bytes, &ty) {
            let again = msgpack::encode(&value, &ty).unwrap();
            prop_assert_eq!(msgpack::decode(&again, &ty).unwrap(), value);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(ty in types(), text in ".{0,60}") {
        let _ = json::decode(&text, &ty);
    }

    #[test]
    fn damaged_bytes_never_panic((ty, value) in typed(true), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut wire = msgpack::encode(&value, &ty).unwrap();
        let at = at.index(wire.len());
        wire[at] = byte;
        let _ = msgpack::decode(&wire, &ty);
        let _ = msgpack::decode(&wire[..at], &ty);
    }
}
