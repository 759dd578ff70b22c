//! Values by the words of a vocabulary: an object with fixed keys, so that readers that infer types see one type.

use std::marker::PhantomData;

#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Vocabulary;

/// At most one value for each word of a vocabulary, in the order of the words. Keys that the vocabulary does not name
/// are not read.
#[derive(Clone, PartialEq, Eq)]
pub struct ByWord<K, T> {
    /// As long as the vocabulary, or empty.
    values: Vec<Option<T>>,
    key: PhantomData<K>,
}

impl<K: Vocabulary, T> ByWord<K, T> {
    /// Sets the value of a key; false where the key has no name in the vocabulary, and nothing is kept.
    pub fn insert(&mut self, key: &K, value: T) -> bool {
        let Some(position) = K::VALUES.iter().position(|known| known == key) else {
            return false;
        };
        if self.values.is_empty() {
            self.values.resize_with(K::VALUES.len(), || None);
        }
        self.values[position] = Some(value);
        true
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&T> {
        let position = K::VALUES.iter().position(|known| known == key)?;
        self.values.get(position)?.as_ref()
    }

    /// Whether the key has a value.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Keys and values, in the order of the vocabulary.
    pub fn iter(&self) -> impl Iterator<Item = (&'static K, &T)> {
        (K::VALUES.iter().zip(&self.values)).filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }

    /// The values, in the order of the vocabulary.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten()
    }

    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.values().count()
    }

    /// Whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes every value away.
    pub fn clear(&mut self) {
        self.values.clear();
    }
}

impl<K, T> Default for ByWord<K, T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            key: PhantomData,
        }
    }
}

impl<K: Vocabulary, T: std::fmt::Debug> std::fmt::Debug for ByWord<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = self.iter().map(|(key, value)| (key.as_word(), value));
        f.debug_map().entries(words).finish()
    }
}

impl<K: Vocabulary, T: Serialize> Serialize for ByWord<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key.as_word(), value)?;
        }
        map.end()
    }
}

impl<'de, K: Vocabulary, T: Deserialize<'de>> Deserialize<'de> for ByWord<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys(PhantomData))
    }
}

struct Keys<K, T>(PhantomData<(K, T)>);

impl<'de, K: Vocabulary, T: Deserialize<'de>> Visitor<'de> for Keys<K, T> {
    type Value = ByWord<K, T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an object with the words of {} as keys", K::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut read = ByWord::default();
        while let Some(word) = map.next_key::<String>()? {
            match K::VALUES.iter().find(|known| known.as_word() == word) {
                Some(key) => {
                    read.insert(key, map.next_value()?);
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(read)
    }
}

#[cfg(feature = "schema")]
impl<K: Vocabulary, T: JsonSchema> JsonSchema for ByWord<K, T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}By{}", T::schema_name(), K::NAME).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        let properties: std::collections::HashMap<&str, &Schema> = (K::VALUES.iter())
            .map(|key| (key.as_word(), &value))
            .collect();
        json_schema!({"type": "object", "properties": properties})
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Speaker, TlsVersion};
    use super::*;

    #[test]
    fn keys_come_in_the_order_of_the_vocabulary_and_foreign_ones_are_left() {
        let json = r#"{"TLSv1.2":null,"SSLv2":true,"TLSv9":false}"#;
        let mut read: ByWord<TlsVersion, Option<bool>> = serde_json::from_str(json).unwrap();
        assert_eq!(read.get(&TlsVersion::Tls12), Some(&None));
        assert_eq!(read.get(&TlsVersion::Tls13), None);
        assert!(!read.insert(&TlsVersion::from("TLSv9"), None));
        assert!(read.insert(&TlsVersion::Tls13, Some(true)));
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(written, r#"{"SSLv2":true,"TLSv1.2":null,"TLSv1.3":true}"#);
        read.clear();
        assert!(read.is_empty());
        assert_eq!(serde_json::to_string(&read).unwrap(), "{}");
        let bytes: ByWord<Speaker, u32> = serde_json::from_str(r#"{"server":2}"#).unwrap();
        assert_eq!(format!("{bytes:?}"), r#"{"server": 2}"#);
    }
}
