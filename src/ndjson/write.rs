//! Records as compact JSON, appended to octets in memory: byte for byte what serde_json writes with [`Harmless`], at a third of
//! the cost, since nearly every text is printable ASCII that goes out as it is.

use std::fmt;

use serde::Serialize;
use serde::ser::{self, Error as _};

use super::harmless::Harmless;

/// Appends to `0`.
pub(super) struct JsonWriter<'l>(pub(super) &'l mut Vec<u8>);

type Written = Result<(), serde_json::Error>;

impl JsonWriter<'_> {
    fn text(&mut self, text: &str) -> Written {
        match is_plain(text.as_bytes()) {
            true => {
                self.quoted(text);
                Ok(())
            }
            false => self.slowly(text),
        }
    }

    fn quoted(&mut self, text: &str) {
        self.0.reserve(text.len() + 3);
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }

    /// By serde_json itself: what is rare.
    fn slowly<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(&mut serde_json::Serializer::with_formatter(
            &mut *self.0,
            Harmless,
        ))
    }

    fn number(&mut self, number: u64) {
        // 2^64 has twenty digits.
        let mut digits = [0; 20];
        let (mut rest, mut begin) = (number, digits.len());
        loop {
            begin -= 1;
            digits[begin] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[begin..]);
    }

    /// `{"variant":`
    fn variant(&mut self, variant: &str) -> Written {
        self.0.push(b'{');
        self.text(variant)?;
        self.0.push(b':');
        Ok(())
    }
}

/// Whether every octet is printable ASCII that stands for itself in a string of JSON; eight of them at a time.
fn is_plain(octets: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let has = |word: u64, octet: u8| {
        let differ = word ^ (ONES * u64::from(octet));
        differ.wrapping_sub(ONES) & !differ
    };
    let is_odd = |word: u64| {
        let is_control = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let is_special = has(word, b'"') | has(word, b'\\') | has(word, 0x7f);
        (is_control | is_special | word) & HIGH != 0
    };
    let (words, rest) = octets.as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    !(words.iter().chain([&last])).any(|word| is_odd(u64::from_le_bytes(*word)))
}

impl<'w, 'l> JsonWriter<'l> {
    fn many(&'w mut self, open: u8, close: &'static [u8]) -> Many<'w, 'l> {
        self.0.push(open);
        Many {
            to: self,
            is_first: true,
            close,
        }
    }
}

/// A list or an object that is being written.
pub(super) struct Many<'w, 'l> {
    to: &'w mut JsonWriter<'l>,
    is_first: bool,
    close: &'static [u8],
}

impl Many<'_, '_> {
    fn part(&mut self) {
        if !self.is_first {
            self.to.0.push(b',');
        }
        self.is_first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.part();
        value.serialize(&mut *self.to)
    }

    /// Names of fields are ours, and need no escape.
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        debug_assert!(is_plain(name.as_bytes()), "{name}");
        self.part();
        self.to.quoted(name);
        self.to.0.push(b':');
        value.serialize(&mut *self.to)
    }

    fn close(self) -> Written {
        self.to.0.extend_from_slice(self.close);
        Ok(())
    }
}

impl<'w, 'l> ser::Serializer for &'w mut JsonWriter<'l> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = Many<'w, 'l>;
    type SerializeTuple = Many<'w, 'l>;
    type SerializeTupleStruct = Many<'w, 'l>;
    type SerializeTupleVariant = Many<'w, 'l>;
    type SerializeMap = Many<'w, 'l>;
    type SerializeStruct = Many<'w, 'l>;
    type SerializeStructVariant = Many<'w, 'l>;

    fn serialize_bool(self, value: bool) -> Written {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.0.extend_from_slice(text);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        if value < 0 {
            self.0.push(b'-');
        }
        self.number(value.unsigned_abs());
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Written {
        self.slowly(&value)
    }

    fn serialize_u8(self, value: u8) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        self.number(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Written {
        self.slowly(&value)
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.slowly(&value)
    }

    fn serialize_f64(self, value: f64) -> Written {
        self.slowly(&value)
    }

    fn serialize_char(self, value: char) -> Written {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.slowly(value)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Written {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.0.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Many<'w, 'l>, serde_json::Error> {
        Ok(self.many(b'[', b"]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Many<'w, 'l>, serde_json::Error> {
        Ok(self.many(b'[', b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Many<'w, 'l>, serde_json::Error> {
        Ok(self.many(b'[', b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Many<'w, 'l>, serde_json::Error> {
        self.variant(variant)?;
        Ok(self.many(b'[', b"]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Many<'w, 'l>, serde_json::Error> {
        Ok(self.many(b'{', b"}"))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Many<'w, 'l>, serde_json::Error> {
        Ok(self.many(b'{', b"}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Many<'w, 'l>, serde_json::Error> {
        self.variant(variant)?;
        Ok(self.many(b'{', b"}}"))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Written {
        self.text(&value.to_string())
    }
}

impl ser::SerializeSeq for Many<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.element(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeTuple for Many<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.element(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Many<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.element(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Many<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.element(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeMap for Many<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    /// A number or a truth value stands as text, as in serde_json.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.part();
        let begin = self.to.0.len();
        key.serialize(&mut *self.to)?;
        match self.to.0.get(begin) {
            Some(b'"') => {}
            Some(b'0'..=b'9' | b'-' | b't' | b'f') => {
                self.to.0.insert(begin, b'"');
                self.to.0.push(b'"');
            }
            _ => return Err(serde_json::Error::custom("key must be a string")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.to.0.push(b':');
        value.serialize(&mut *self.to)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeStruct for Many<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.field(name, value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeStructVariant for Many<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.field(name, value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut octets = Vec::new();
        value.serialize(&mut JsonWriter(&mut octets)).unwrap();
        String::from_utf8(octets).unwrap()
    }

    fn by_serde_json(value: &impl Serialize) -> String {
        let mut octets = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut octets, Harmless);
        value.serialize(&mut serializer).unwrap();
        String::from_utf8(octets).unwrap()
    }

    #[derive(Serialize)]
    enum Shape {
        Unit,
        New(u8),
        Tuple(i8, char),
        Struct { a: Option<u8>, b: () },
    }

    #[derive(Serialize)]
    struct Pair(f32, i128);

    #[derive(Serialize)]
    struct Nothing;

    #[test]
    fn octets_that_stand_for_themselves_are_known_at_every_place() {
        for length in 1..20 {
            for place in 0..length {
                for octet in 0..=255 {
                    let mut octets = vec![b'a'; length];
                    octets[place] = octet;
                    let is_itself = (b' '..0x7f).contains(&octet) && !br#"\""#.contains(&octet);
                    assert_eq!(
                        is_plain(&octets),
                        is_itself,
                        "{octet} at {place} of {length}"
                    );
                }
            }
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn every_kind_of_value_is_written_as_serde_json_does() {
        let shapes = [
            Shape::Unit,
            Shape::New(255),
            Shape::Tuple(-128, '\u{202e}'),
            Shape::Struct { a: None, b: () },
            Shape::Struct { a: Some(0), b: () },
        ];
        assert_eq!(written(&shapes), by_serde_json(&shapes));
        let numbers = (u64::MAX, i64::MIN, i64::MAX, 0_u16, -1_i32, 1e300, f64::NAN);
        assert_eq!(written(&numbers), by_serde_json(&numbers));
        let others = (Pair(0.1, i128::MIN), Nothing, u128::MAX, true, "");
        assert_eq!(written(&others), by_serde_json(&others));
        let maps = (
            BTreeMap::from([(-1, "a"), (7, "b")]),
            BTreeMap::from([(true, 1), (false, 2)]),
            BTreeMap::from([('"', 1), ('x', 2)]),
            BTreeMap::<String, u8>::new(),
        );
        assert_eq!(written(&maps), by_serde_json(&maps));
        let no_key = BTreeMap::from([(vec![1], 1)]);
        assert!(no_key.serialize(&mut JsonWriter(&mut Vec::new())).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
            "[ -~]*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_serde_json_does(value in value()) {
            prop_assert_eq!(written(&value), by_serde_json(&value));
        }
    }
}
